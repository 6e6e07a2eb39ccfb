from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from cinecor.errors import InputError, StorageError
from cinecor.records import CineSummary, Measurement, Report
from cinecor.reports.json import dumps, schema, to_json, write

FAILURE = SimpleNamespace(
    path=Path("/home/someone/private/broken.dcm"),
    error=InputError("TRUNCATED", "the file ends early", "fetch it again", where="broken.dcm"),
)


def bare(make_report, **changes) -> Report:
    nothing = {"cines": (), "measurements": (), "not_done": (), "warnings": (), "pictures": (), "curves": ()}
    return make_report(**{**nothing, **changes})


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_reports_follow_the_schema(make_report, make_stack) -> None:
    checker = jsonschema.Draft202012Validator(schema())
    checker.validate(json.loads(dumps([make_report(), make_stack(), bare(make_report)], [FAILURE])))
    checker.validate(json.loads(dumps([])))


@pytest.mark.parametrize("key", ["study", "modality", "cines", "measurements", "not_done", "warnings", "provenance"])
def test_the_schema_notices_what_is_missing_or_new(make_report, key: str) -> None:
    checker = jsonschema.Draft202012Validator(schema())
    plain = to_json([make_report()])
    del plain["studies"][0][key]
    assert not checker.is_valid(plain)
    plain = to_json([make_report()])
    plain["studies"][0]["new"] = 1
    assert not checker.is_valid(plain)


def test_every_field_arrives(make_report) -> None:
    (study,) = to_json([make_report()])["studies"]
    report = make_report()
    cine = study["cines"][0]
    assert cine["view"] == "A4C"
    assert cine["beats"] == [[0, 20, 40]]
    assert cine["heart_rate_bpm"] == 75
    assert study["cines"][1]["view"] is study["cines"][1]["frame_ms"] is study["cines"][1]["spacing_mm"] is None
    assert study["measurements"][0]["clips"] == [[0, 0], [0, 8]]
    assert study["measurements"][1]["low"] is None
    assert study["not_done"] == [{"what": "ef of loop 1", "reason": "the loop has one frame"}]
    assert study["warnings"] == list(report.warnings)
    assert study["provenance"]["weights_sha256"] == report.provenance.weights_sha256
    assert "not for clinical use" in study["provenance"]["use"]


def test_rounding(make_report) -> None:
    (study,) = to_json([make_report()])["studies"]
    assert study["measurements"][0]["value"] == 48.123
    assert study["cines"][0]["frame_ms"] == 20.0
    assert study["cines"][0]["spacing_mm"] == [0.3, 0.4]
    tight = Measurement(name="ef", value=50.00049, unit="%", low=50.0004899, high=50.0004901)
    (found,) = to_json([make_report(measurements=(tight,))])["studies"][0]["measurements"]
    assert found["low"] <= found["value"] <= found["high"]
    zero = Measurement(name="bias", value=-0.0001, unit="%")
    assert '"value": 0.0,' in dumps([make_report(measurements=(zero,))])


def test_never_nan(make_report) -> None:
    with pytest.raises(ValueError, match="finite"):
        Measurement(name="ef", value=float("nan"), unit="%")
    cine = CineSummary(
        index=0, view=None, frames=2, frame_ms=float("nan"), spacing_mm=None, height=1, width=1, heart_rate_bpm=None
    )
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps([make_report(cines=(cine,))])


def test_failures_name_the_file_and_no_folder() -> None:
    (failure,) = to_json([], [FAILURE])["failures"]
    assert failure == {
        "file": "broken.dcm",
        "code": "TRUNCATED",
        "message": "the file ends early",
        "where": "broken.dcm",
        "cure": "fetch it again",
    }


@pytest.mark.parametrize("study", ["Ä 心", 'a"b\\c\n', "caf\udce9", "</script>"])
def test_any_id_comes_back(make_report, tmp_path: Path, study: str) -> None:
    """Also one of a file name that was not UTF-8, which Python holds as a lone surrogate."""
    path = tmp_path / "reports" / "all.json"
    write([make_report(study=study)], path)
    assert json.loads(path.read_text(encoding="utf-8"))["studies"][0]["study"] == study


def test_write_is_whole_or_not_at_all(make_report, tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    write([make_report()], path)
    before = path.read_bytes()
    cine = CineSummary(index=0, view=None, frames=1, frame_ms=float("inf"), spacing_mm=None, height=1, width=1)
    with pytest.raises(ValueError, match="JSON"):
        write([make_report(cines=(cine,))], path)
    assert path.read_bytes() == before == dumps([make_report()]).encode()
    with pytest.raises(StorageError):
        write([], path / "below.json")
