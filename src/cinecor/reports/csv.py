"""Reports as one CSV table: a row for each study and measurement, and one for each quantity that was not measured.

The probability of a group of diseases is a row too, ``p_DCM`` and so on, and what was told of the view of a loop: the
probability of the most probable view, and the view where it counts as known.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from cinecor import storage
from cinecor.records import Report
from cinecor.reports import wording
from cinecor.reports.json import to_json

COLUMNS = (
    "study",
    "modality",
    "name",
    "value",
    "unit",
    "low",
    "high",
    "level",
    "method",
    "not_done",
    "version",
    "model",
    "weights_sha256",
    "trained_on",
    "use",
    "segmentation",
    "segmentation_sha256",
    "segmentation_trained_on",
    "diagnosis",
    "diagnosis_sha256",
    "networks",
    "loop",
    "view",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Text that starts so is run as a formula by spreadsheet programs (OWASP, CSV injection)."""


def dumps(reports: Iterable[Report]) -> str:
    """The table as text. Values have the same rounding as in the JSON; absent ones are empty.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\r\n")  # RFC 4180; quotes a lone \r, too
    writer.writeheader()
    for report in reports:
        for row in _rows(report):
            writer.writerow({name: safe(value) for name, value in row.items()})
    return wording.encodable(stream.getvalue())


def write(reports: Iterable[Report], path: Path) -> None:
    """Write the table, whole or not at all.

    Raises:
        StorageError: the file cannot be written.
    """
    storage.write_text(path, dumps(reports))


def _rows(report: Report) -> Iterator[dict[str, object]]:
    (study,) = to_json([report])["studies"]
    networks = "; ".join(f"{used.role}: {used.model} {used.weights_sha256}" for used in report.provenance.networks)
    shared = {"study": study["study"], "modality": study["modality"], **study["provenance"], "networks": networks}
    for measurement in study["measurements"]:
        yield {**shared, **{name: measurement[name] for name in measurement if name in COLUMNS}}
    diagnosis = study["diagnosis"] or {"probabilities": {}, "method": ""}
    for group, value in diagnosis["probabilities"].items():
        yield {**shared, "name": f"p_{group}", "value": value, "method": diagnosis["method"]}
    for cine in study["cines"]:
        if cine["told"] is not None:
            highest = next(iter(cine["told"]["probabilities"].values()), None)
            told = {"loop": cine["index"], "view": cine["view"], "value": highest, "not_done": cine["told"]["doubt"]}
            yield {**shared, "name": "view", **told}
    for missing in study["not_done"]:
        yield {**shared, "name": missing["what"], "not_done": missing["reason"]}


def safe(value: object) -> object:
    """A value for a cell; what a spreadsheet would run as a formula gets an apostrophe in front."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value
