from __future__ import annotations

import json

import numpy as np
import pytest

from cinecor.datasets.findings import Findings, Problem, find, find_leaks, raise_first, tabulate
from cinecor.errors import DatasetError, InputError
from cinecor.records import Cine, Split, Study


def study(name: str, split: Split | None, patient: str | None = None, **labels: float) -> Study:
    frames = 10 + len(name)
    outline = {0: np.zeros((3, 2))} if labels else {}
    cine = Cine(source=np.zeros((1, 1, 2, 2), np.uint8), modality="US", frames=frames, contours=outline)
    return Study(id=name, cines=(cine,), split=split, patient=patient, labels=labels)


def test_patients_shared_by_splits_are_counted_not_named() -> None:
    studies = [
        study("a", "train", "Smith"),
        study("b", "test", "Smith"),
        study("c", "train", "Jones"),
        study("d", "train", "Jones"),
        study("e", "test", "Miller"),
        study("f", "train", "Miller"),
        study("g", "validation", "Brown"),
        study("h", "train", "Brown"),
        study("i", None, "Brown"),
        study("j", "test"),
    ]
    leaks = find_leaks(studies)
    assert [problem.code for problem in leaks] == ["LEAKAGE", "LEAKAGE"]
    assert leaks[0].what == "2 patients have studies in train and test"
    assert leaks[1].what == "1 patient has studies in train and validation"
    assert not any(name in str(leaks) for name in ("Smith", "Miller", "Brown"))
    assert find_leaks(studies[2:4]) == []


def test_the_table_has_a_row_for_each_split_and_one_for_all() -> None:
    studies = [
        study("a", "test", ef=40.0),
        study("bb", "train", "p", ef=50.0),
        study("c", "train", "p", ef=53.0),
        study("d", None),
    ]
    table = {row["split"]: row for row in tabulate(studies)}
    assert list(table) == ["train", "test", "-", "all"]
    assert table["train"] == {
        "split": "train",
        "studies": 2,
        "patients": 1,
        "loops": 2,
        "outlined": 2,
        "frames": 23,
        "frames_least": 11,
        "frames_most": 12,
        "ef_mean": 51.5,
        "ef_sd": round(float(np.std([50, 53], ddof=1)), 2),
    }
    assert table["-"]["ef_mean"] is None
    assert table["all"]["studies"] == 4


def test_leakage_comes_first_then_errors_then_warnings() -> None:
    problems = [
        Problem(severity="warning", code="BAD_LABEL", what="odd"),
        Problem(code="MISSING_FILE", what="gone", where="a.avi", cure="fetch it"),
        Problem(code="LEAKAGE", what="shared"),
    ]
    findings = find("acdc", [study("a", "train")], problems, ["a note"])
    assert [problem.code for problem in findings.problems] == ["LEAKAGE", "MISSING_FILE", "BAD_LABEL"]
    assert (findings.errors, findings.exit_code) == (2, 5)
    text = findings.as_text()
    assert (
        text.index("a note")
        < text.index("2 errors, 1 warnings")
        < text.index("shared")
        < text.index("a.avi: gone; fetch it")
    )
    read = json.loads(json.dumps(findings.as_dict(), allow_nan=False))
    assert read["errors"] == 2
    assert read["warnings"] == 1
    assert read["problems"][1] == {
        "severity": "error",
        "code": "MISSING_FILE",
        "what": "gone",
        "where": "a.avi",
        "cure": "fetch it",
    }


def test_warnings_alone_are_no_failure_and_long_lists_are_shortened() -> None:
    problems = [Problem(severity="warning", code="BAD_LABEL", what=f"odd {index}") for index in range(25)]
    findings = find("acdc", [], problems)
    assert findings.exit_code == 0
    assert "odd 9" in findings.as_text()
    assert "odd 10" not in findings.as_text()
    assert "… and 15 more" in findings.as_text()
    assert "no problems found" in Findings(layout="x", table=tabulate([]), problems=()).as_text()


def test_columns_are_aligned() -> None:
    lines = find("acdc", [study("a", "train"), study("b", "validation")], []).as_text().splitlines()[:4]
    assert len({len(line) for line in lines}) == 1


def test_the_first_error_is_raised_with_the_count_of_others() -> None:
    warning = Problem(severity="warning", code="BAD_LABEL", what="odd")
    raise_first([warning])
    with pytest.raises(InputError, match=r"^CORRUPT: x: damaged; copy it$"):
        raise_first([warning, Problem(code="CORRUPT", what="damaged", where="x", cure="copy it")])
    several = [Problem(code="BAD_SPLIT", what="no"), Problem(code="CORRUPT", what="damaged"), warning]
    with pytest.raises(DatasetError, match="1 more such problems"):
        raise_first(several)
    error = Problem.of(DatasetError("BAD_LABEL", "wrong", "mend it", where="here"))
    assert error == Problem(code="BAD_LABEL", what="wrong", where="here", cure="mend it")
