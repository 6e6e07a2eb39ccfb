"""Patients in more than one split: refused everywhere but where a recipe asks for it by name, and then said everywhere.

``split.by: slice`` is the one exception, because paper 003 did it and its figure can be judged only beside the honest
one. What is said here stands in the log, in metrics.csv, in the summary, in the manifest and so in every page made of
it; evaluation and comparisons find it once more in the table of truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cinecor.clips import ClipDataset
from cinecor.errors import DatasetError
from cinecor.records import Split, Study

SHARED = "shared_patients"
"""Column of metrics.csv: patients of the validation split that are trained on as well."""

KEY = "leakage"
"""Of a manifest's training data."""


def shared_patients(splits: Mapping[Split, Sequence[Study]]) -> set[str]:
    """The patients that are in more than one split."""
    seen: dict[str, str] = {}
    return {
        study.patient_id
        for split, studies in splits.items()
        for study in studies
        if seen.setdefault(study.patient_id, split) != split
    }


def refuse_leak(splits: Mapping[Split, Sequence[Study]]) -> None:
    """Stop where a patient is in more than one split.

    Raises:
        DatasetError: LEAKAGE.
    """
    shared = shared_patients(splits)
    if shared:
        what = f"{len(shared)} patients are in more than one split"
        raise DatasetError("LEAKAGE", what, "repair the table, or choose split.by=patient")


def describe_leak(patients: int) -> str:
    """What every output says."""
    return (
        f"PATIENTS LEAK: slices were split at random (split.by slice), and {patients} patients are in more than one"
        " split. These figures measure in part whether a patient is recognised; split.by patient measures the disease."
    )


def leak_of(splits: Mapping[Split, Sequence[Study]]) -> dict[str, Any]:
    """What a manifest says of it; nothing where no patient is in two splits."""
    shared = shared_patients(splits)
    return {KEY: {"patients": len(shared), "warning": describe_leak(len(shared))}} if shared else {}


def warning_of(training_data: Mapping[str, Any]) -> str:
    """The warning of a manifest's training data; empty where there is none."""
    found: Mapping[str, Any] = training_data.get(KEY) or {}
    return str(found.get("warning", ""))


def patients_of(clips: ClipDataset) -> set[str]:
    """Whose clips these are."""
    return {study.patient_id for study in clips.studies}
