from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from cinecor.reports.csv import COLUMNS, dumps, write
from cinecor.reports.json import to_json


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_for_each_measurement_and_each_not_done(make_report, make_stack) -> None:
    reports = [make_report(), make_stack()]
    found = rows(dumps(reports))
    assert len(found) == 3 + 1 + 7
    assert list(found[0]) == list(COLUMNS)
    plain = to_json(reports)["studies"]
    ef = plain[0]["measurements"][0]
    assert (float(found[0]["value"]), float(found[0]["low"]), float(found[0]["level"])) == (
        ef["value"],
        ef["low"],
        ef["level"],
    )
    assert (found[0]["study"], found[0]["name"], found[0]["unit"]) == ("0X1A2B", "ef", "%")
    assert found[1]["low"] == found[1]["high"] == found[1]["level"] == ""
    assert (found[3]["name"], found[3]["value"], found[3]["not_done"]) == (
        "ef of loop 1",
        "",
        "the loop has one frame",
    )
    assert all("not for clinical use" in row["use"] for row in found)


@pytest.mark.parametrize("mark", ["=", "+", "-", "@", "\t", "\r", "\n", "＝"])
def test_no_cell_is_a_formula(make_report, mark: str) -> None:
    (row, *_) = rows(dumps([make_report(study=f"{mark}HYPERLINK(1)")]))
    assert row["study"] == f"'{mark}HYPERLINK(1)"


def test_numbers_below_zero_stay_numbers(make_report) -> None:
    from cinecor.records import Measurement

    (row, *_) = rows(dumps([make_report(measurements=(Measurement(name="bias", value=-3.25, unit="%"),))]))
    assert row["value"] == "-3.25"


def test_quotes_commas_and_lines(make_report) -> None:
    study = 'a,"b"\nc'
    assert {row["study"] for row in rows(dumps([make_report(study=study)]))} == {study}


def test_empty_and_odd_bytes(make_report, tmp_path: Path) -> None:
    assert dumps([]) == ",".join(COLUMNS) + "\r\n"
    path = tmp_path / "all.csv"
    write([make_report(study="caf\udce9")], path)
    assert rows(path.read_bytes().decode())[0]["study"] == "caf\\udce9"
