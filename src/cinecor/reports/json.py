"""Reports as JSON. Its form is stable: ``schema.json`` describes it, and a change raises ``schema``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from cinecor import storage
from cinecor.errors import CinecorError
from cinecor.records import BeatEf, CineSummary, Diagnosis, Measurement, Provenance, Report, ToldView
from cinecor.reports import wording

VERSION = 1
"""Raised when a key changes its meaning or goes; a new key alone does not raise it."""

_DECIMALS = 3
"""A thousandth of a percent, mL or ms lies far below what any image can tell."""

_SPACING_DECIMALS = 6
"""mm: DICOM's decimal strings carry as much."""


@runtime_checkable
class Failed(Protocol):
    """A file that gave no study (``io.discovery.Failure``)."""

    @property
    def path(self) -> Path:
        """The file."""
        ...

    @property
    def error(self) -> CinecorError:
        """Why it gave none."""
        ...


def to_json(reports: Iterable[Report], failures: Iterable[Failed] = ()) -> dict[str, Any]:
    """Reports, and the files that gave none, as plain values: no NaN, floats rounded, absent values null."""
    return {
        "schema": VERSION,
        "studies": [_study(report) for report in reports],
        "failures": [{"file": failure.path.name, **failure.error.as_dict()} for failure in failures],
    }


def dumps(reports: Iterable[Report], failures: Iterable[Failed] = ()) -> str:
    """Reports, and the files that gave none, as indented JSON text with a newline at its end."""
    text = json.dumps(to_json(reports, failures), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    return wording.encodable(text)  # an escape of Python is one of JSON, too: nothing is lost


def write(reports: Iterable[Report], path: Path, failures: Iterable[Failed] = ()) -> None:
    """Write reports into one JSON file, whole or not at all.

    Raises:
        StorageError: the file cannot be written.
    """
    storage.write_text(path, dumps(reports, failures))


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what ``to_json`` gives."""
    text = resources.files("cinecor.reports").joinpath("schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def _study(report: Report) -> dict[str, Any]:
    return {
        "study": report.study,
        "modality": report.modality,
        "cines": [_cine(cine) for cine in report.cines],
        "measurements": [_measurement(measurement) for measurement in report.measurements],
        "beats": [_beat(beat) for beat in report.beats],
        "diagnosis": None if report.diagnosis is None else _diagnosis(report.diagnosis),
        "not_done": [{"what": missing.what, "reason": missing.reason} for missing in report.not_done],
        "warnings": list(report.warnings),
        "provenance": _provenance(report.provenance),
    }


def _cine(cine: CineSummary) -> dict[str, Any]:
    spacing = cine.spacing_mm
    return {
        "index": cine.index,
        "view": cine.view,
        "view_source": cine.view_source,
        "told": None if cine.told is None else _told(cine.told),
        "frames": cine.frames,
        "frame_ms": _rounded(cine.frame_ms),
        "spacing_mm": None if spacing is None else [_rounded(length, _SPACING_DECIMALS) for length in spacing],
        "height": cine.height,
        "width": cine.width,
        "ed_frames": list(cine.ed_frames),
        "es_frames": list(cine.es_frames),
        "beats": [list(beat) for beat in cine.beats],
        "heart_rate_bpm": _rounded(cine.heart_rate_bpm),
        "notes": list(cine.notes),
    }


def _told(told: ToldView) -> dict[str, Any]:
    return {
        "probabilities": {view: _rounded(value) for view, value in told.ranked},
        "novelty": _rounded(told.novelty),
        "doubt": told.doubt,
    }


def _measurement(measurement: Measurement) -> dict[str, Any]:
    return {
        "name": measurement.name,
        "value": _rounded(measurement.value),
        "unit": measurement.unit,
        "low": _rounded(measurement.low),
        "high": _rounded(measurement.high),
        "level": _rounded(measurement.level),
        "method": measurement.method,
        "clips": [list(clip) for clip in measurement.clips],
    }


def _beat(beat: BeatEf) -> dict[str, Any]:
    places = {name: getattr(beat, name) for name in ("cine", "systole", "start")}
    return {**places, "ef": _rounded(beat.ef), "ef_outline": _rounded(beat.ef_outline)}


def _diagnosis(diagnosis: Diagnosis) -> dict[str, Any]:
    return {
        "group": diagnosis.group,
        "probabilities": {name: _rounded(value) for name, value in diagnosis.probabilities.items()},
        "method": diagnosis.method,
    }


def _provenance(provenance: Provenance) -> dict[str, Any]:
    second = ("segmentation", "segmentation_sha256", "segmentation_trained_on", "diagnosis", "diagnosis_sha256")
    names = ("version", "model", "weights_sha256", "trained_on", *second, "use")
    networks = [asdict(network) for network in provenance.networks]
    return {**{name: getattr(provenance, name) for name in names}, "networks": networks}


def _rounded(value: float | None, decimals: int = _DECIMALS) -> float | None:
    """Rounded, with -0.0 as 0.0; rounding keeps order, so that a value stays inside its interval."""
    return None if value is None else round(float(value), decimals) + 0.0
