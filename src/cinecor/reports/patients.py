"""Reports as a table of patients: a row a study, with the group that it was given, probabilities, volumes and EF."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cinecor import storage
from cinecor.records import Report
from cinecor.reports import wording
from cinecor.reports.csv import safe
from cinecor.reports.json import to_json

QUANTITIES: Mapping[str, str] = {
    "LVEF": "ef",
    "RVEF": "rvef",
    "LV EDV": "edv_ml",
    "LV ESV": "esv_ml",
    "LV SV": "sv_ml",
    "RV EDV": "rv_edv_ml",
    "RV ESV": "rv_esv_ml",
    "RV SV": "rv_sv_ml",
    "LV mass": "lv_mass_g",
    "LV EDV index": "edv_ml_index",
    "LV ESV index": "esv_ml_index",
    "RV EDV index": "rv_edv_ml_index",
    "RV ESV index": "rv_esv_ml_index",
    "LV mass index": "lv_mass_g_index",
}
"""Columns and the measurements in them: %, mL, g; indices per m² of body surface."""


def dumps(reports: Iterable[Report]) -> str:
    """The table as text: ``patient, group, p_…, LVEF, …, not_done, warnings``. What is unknown is empty.

    ``patient`` is the study's id (in a data set of one study a patient, the patient's folder), ``group`` the most
    probable one; a study without a diagnosis has neither group nor probabilities. Values are rounded as in the JSON.
    """
    studies = to_json(reports)["studies"]
    groups = sorted({name for study in studies for name in _probabilities(study)})
    columns = ["patient", "group", *(f"p_{group}" for group in groups), *QUANTITIES, "not_done", "warnings"]
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, restval="", lineterminator="\r\n")
    writer.writeheader()
    for study in studies:
        writer.writerow({name: safe(value) for name, value in _row(study, groups).items()})
    return wording.encodable(stream.getvalue())


def write(reports: Iterable[Report], path: Path) -> None:
    """Write the table, whole or not at all.

    Raises:
        StorageError: the file cannot be written.
    """
    storage.write_text(path, dumps(reports))


def _row(study: Mapping[str, Any], groups: Sequence[str]) -> dict[str, object]:
    measured = {each["name"]: each["value"] for each in study["measurements"]}
    probabilities = _probabilities(study)
    missing = "; ".join(f"{each['what']}: {each['reason']}" for each in study["not_done"])
    return {
        "patient": study["study"],
        "group": (study["diagnosis"] or {}).get("group"),
        **{f"p_{group}": probabilities.get(group) for group in groups},
        **{column: measured.get(name) for column, name in QUANTITIES.items()},
        "not_done": missing,
        "warnings": "; ".join(study["warnings"]),
    }


def _probabilities(study: Mapping[str, Any]) -> dict[str, float]:
    diagnosis = study["diagnosis"]
    return dict(diagnosis["probabilities"]) if isinstance(diagnosis, Mapping) else {}
