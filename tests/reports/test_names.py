from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cinecor import storage
from cinecor.reports.names import fingerprint, free_path, stem_for


@pytest.mark.parametrize("study", ["0X1A2B", "0001", "1.2.840.113619.2.5", "patient-101_a", "Müller心"])
def test_plain_ids_stay(study: str) -> None:
    assert stem_for(study) == study


HOSTILE = [
    "",
    ".",
    "..",
    "../../etc/passwd",
    "a/b",
    "a\\b",
    "a:b",
    "a b",
    "a\x00b",
    ".hidden",
    "dot.",
    "con",
    "CON.txt",
    "lpt1",
    "<script>",
    "caf\udce9",
    "e\u0301",
    "心" * 300,
    "x" * 300,
    "a\nb",
    "-rf",
]


@pytest.mark.parametrize("study", HOSTILE)
def test_hostile_ids_become_names(study: str, tmp_path: Path) -> None:
    stem = stem_for(study)
    assert stem != study
    assert stem == Path(stem).name
    assert not stem.startswith((".", "-"))
    assert len(stem.encode()) <= 210
    path = tmp_path / f"{stem}.html"
    storage.write_text(path, "x")
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_two_ids_give_two_names() -> None:
    ids = [*HOSTILE, "a_b", "a?b", "a*b", "x" * 301, "x" * 200, "con.", "aux", "NUL"]
    assert len({stem_for(study).casefold() for study in ids}) == len(ids)


def test_fingerprint_tells_recordings_apart(make_report) -> None:
    report = make_report()
    assert fingerprint(report) == fingerprint(make_report(measurements=(), warnings=()))
    other = replace(report.cines[0], frames=61)
    assert len({fingerprint(r) for r in (report, make_report(study="b"), make_report(cines=(other,)))}) == 3


def test_free_path(tmp_path: Path) -> None:
    for name in ("a.html", "a-2.html"):
        (tmp_path / name).touch()
    assert free_path(tmp_path, "a", ".html", lambda path: False).name == "a-3.html"
    assert free_path(tmp_path, "a", ".html", lambda path: path.name == "a-2.html").name == "a-2.html"
    taken = [tmp_path / "a-2.html"]
    assert free_path(tmp_path, "a", ".html", lambda path: path.name == "a-2.html", taken).name == "a-3.html"
    assert free_path(tmp_path, "b", ".html", lambda path: False).name == "b.html"
