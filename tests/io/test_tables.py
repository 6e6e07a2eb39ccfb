from __future__ import annotations

import csv
from pathlib import Path

import pytest

from cinecor.errors import DatasetError, LimitError
from cinecor.io.limits import Limits
from cinecor.io.tables import read_csv, write_csv


def table(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "table.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_text_stays_text(tmp_path: Path) -> None:
    path = table(tmp_path, 'Name,EF,Note\n0001,1e-4,NA\nnan,010,"a, ""b""\nc"\n')
    assert read_csv(path, ["Name", "EF"]) == [
        {"Name": "0001", "EF": "1e-4", "Note": "NA"},
        {"Name": "nan", "EF": "010", "Note": 'a, "b"\nc'},
    ]


@pytest.mark.parametrize("content", ["\ufeffa,b\r\n1,2\r\n\r\n3,4\r\n", "a,b\n1,2\n\n3,4", "\n\na,b\n1,2\n3,4\n\n\n"])
def test_marks_blank_lines_and_line_ends(tmp_path: Path, content: str) -> None:
    assert read_csv(table(tmp_path, content), ["b", "a"]) == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_lines_are_known(tmp_path: Path) -> None:
    rows = read_csv(table(tmp_path, 'a,b\n\n1,"x\ny"\n2,z\n'))
    assert [row.line for row in rows] == [4, 5]


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ("", "MISSING_COLUMN", "the table is empty"),
        ("a\n1\n", "MISSING_COLUMN", "the header lacks b"),
        ("A,b\n1,2\n", "MISSING_COLUMN", "the header lacks a"),
        ("a;b\n1;2\n", "MISSING_COLUMN", "separate the fields by commas"),
        ("a,b,a\n1,2,3\n", "MISSING_COLUMN", "names 'a' more than once"),
        ("a,b\n1,2\n1,2,3\n", "MISSING_COLUMN", "line 3 has 3 fields, the header 2"),
        ("a,b\n1\n", "MISSING_COLUMN", "line 2 has 1 fields"),
        ('a,b\n1,"2\n', "ENCODING", "is not CSV"),
        ('a,b\n1,"2"x\n', "ENCODING", "line 2 is not CSV"),
        (b"a,b\n1,2\n1,\xe9\n", "ENCODING", "line 3 is not UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "ENCODING", "not UTF-8 text"),
        ("a,b\n1,2\n".encode("utf-16-le"), "ENCODING", "not UTF-8 text"),
        (b"a,b\n1,\x00\n", "ENCODING", "not UTF-8 text"),
    ],
)
def test_refused(tmp_path: Path, content: str | bytes, code: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        read_csv(table(tmp_path, content), ["a", "b"])
    assert caught.value.code == code


def test_not_a_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(DatasetError, match="MISSING_FILE"):
            read_csv(path)
    with pytest.raises(LimitError, match="BYTES"):
        read_csv(table(tmp_path, "a\n1\n"), limits=Limits(bytes=2))


def test_an_empty_file_lacks_its_header(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="MISSING_COLUMN"):
        read_csv(table(tmp_path, b""))


def test_round_trip(tmp_path: Path) -> None:
    rows = [
        {"name": "0001", "ef": 55.1, "note": 'x,"y"\nz'},
        {"name": "NA", "ef": 0.1 + 0.2, "note": None},
        {"name": "é", "ef": 7, "note": ""},
    ]
    path = tmp_path / "deep" / "table.csv"
    write_csv(path, rows)
    read = read_csv(path, ["name", "ef", "note"])
    assert [row["name"] for row in read] == ["0001", "NA", "é"]
    assert [float(row["ef"]) for row in read] == [55.1, 0.1 + 0.2, 7]
    assert [row["note"] for row in read] == ['x,"y"\nz', "", ""]
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.DictReader(file)) == read


def test_columns_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(path, [], columns=["a", "b"])
    assert path.read_text() == "a,b\n"
    write_csv(path, [{"b": 1}], columns=["a", "b"])
    assert path.read_text() == "a,b\n,1\n"


def test_what_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_csv(path, [{"a": 1}])
    for rows in ([{"a": float("nan")}], [{"a": 1}, {"a": float("inf")}], [{"a": 1}, {"b": 2}], []):
        with pytest.raises(ValueError, match=r"not finite|fields not in fieldnames|columns"):
            write_csv(path, rows)
    assert path.read_text() == "a\n1\n"
