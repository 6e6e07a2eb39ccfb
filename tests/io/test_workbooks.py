from __future__ import annotations

import io
import random
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from openpyxl import Workbook

from cinecor.errors import CinecorError, DatasetError, LimitError
from cinecor.io import workbooks


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    workbooks.write_rows(path, [["ECHO", None, 3], ["ü", 2.0, 0.5], [None, "0001", None]], merged=("A2:A3",))
    assert workbooks.read_rows(path) == [["ECHO", "", "3"], ["ü", "2", "0.5"], ["", "0001", ""]]


def test_merged_cells_and_empty_edges(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    sheet["C3"] = "cycle"
    sheet.merge_cells("C3:D3")
    sheet["C4"], sheet["D4"], sheet["F9"] = " start ", "end", "  "
    book.create_sheet("other")["A1"] = "no"
    book.save(tmp_path / "a.xlsx")
    rows = workbooks.read_rows(tmp_path / "a.xlsx")
    assert rows == [["", "", "", ""], ["", "", "", ""], ["", "", "cycle", ""], ["", "", "start", "end"]]


def test_what_is_no_workbook(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with pytest.raises(DatasetError, match="MISSING_FILE"):
        workbooks.read_rows(path)
    for content in (b"", b"ECHO,SEG1\n", b"PK\x03\x04" + bytes(50)):
        path.write_bytes(content)
        with pytest.raises(DatasetError, match="ENCODING"):
            workbooks.read_rows(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(DatasetError, match="ENCODING"):
        workbooks.read_rows(path)


def sheet_of(path: Path, xml: str) -> Path:
    """A workbook whose sheet is this XML."""
    plain = io.BytesIO()
    Workbook().save(plain)
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.infolist():
            new.writestr(member.filename, xml if "sheet1" in member.filename else old.read(member))
    return path


HEAD = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
TAIL = "</sheetData></worksheet>"


def test_bombs(tmp_path: Path) -> None:
    with pytest.raises(LimitError, match="BYTES"):
        workbooks.read_rows(sheet_of(tmp_path / "large.xlsx", HEAD + " " * (9 * 1024 * 1024) + TAIL))
    with zipfile.ZipFile(tmp_path / "many.xlsx", "w") as archive:
        for number in range(workbooks.MOST_MEMBERS + 1):
            archive.writestr(str(number), "")
    with pytest.raises(LimitError, match="FILES"):
        workbooks.read_rows(tmp_path / "many.xlsx")
    far = f'{HEAD}<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>{TAIL}'
    with pytest.raises(LimitError, match="FILES"):
        workbooks.read_rows(sheet_of(tmp_path / "far.xlsx", far))
    wide = f'{HEAD}<row r="1"><c r="A1"><v>1</v></c><c r="CW1"><v>1</v></c></row>{TAIL}'
    with pytest.raises(LimitError, match="FILES"):
        workbooks.read_rows(sheet_of(tmp_path / "wide.xlsx", wide))
    entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(12))
    laughs = (
        f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]>{HEAD}<row r="1"><c r="A1" t="str"><v>&e12;</v></c></row>{TAIL}'
    )
    with pytest.raises(DatasetError, match="ENCODING"):
        workbooks.read_rows(sheet_of(tmp_path / "laughs.xlsx", laughs))


def test_no_damage_does_worse_than_an_error_of_ours(tmp_path: Path) -> None:
    path, dice = tmp_path / "a.xlsx", random.Random(0)
    workbooks.write_rows(path, [["ECHO", "SEG3"], ["ES0001_4CH_1", "MI"]])
    content = path.read_bytes()
    for _ in range(60):
        damaged = bytearray(content)
        for _ in range(dice.randint(1, 20)):
            damaged[dice.randrange(len(content))] = dice.randrange(256)
        path.write_bytes(bytes(damaged[: dice.choice((len(content), dice.randrange(len(content))))]))
        with suppress(CinecorError):
            workbooks.read_rows(path)
