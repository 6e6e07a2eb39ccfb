"""What the columns of a table measure: names and units for people."""

from __future__ import annotations

from collections.abc import Iterable

EF, RVEF = "ef", "rvef"
CLASS = "="
"""Between the name of a quantity and one of its classes: ``group=DCM`` is the probability of that class."""

_LABELS = {
    EF: "Ejection fraction",
    RVEF: "Right ventricular ejection fraction",
    "edv_ml": "End-diastolic volume",
    "esv_ml": "End-systolic volume",
    "sv_ml": "Stroke volume",
    "rv_edv_ml": "Right ventricular end-diastolic volume",
    "rv_esv_ml": "Right ventricular end-systolic volume",
    "lv_mass_g": "Left ventricular mass",
    "group": "Diagnostic group",
    "view": "View",
    "infarct": "Infarct",
    "infarct_a4c": "Infarct in A4C",
    "infarct_a2c": "Infarct in A2C",
}
_UNITS = {"_ml": "mL", "_mm": "mm", "_mm2": "mm²", "_ms": "ms", "_bpm": "1/min", "_g": "g"}


def class_quantity(name: str, of: str) -> str:
    """The quantity that is the probability of one class."""
    return f"{name}{CLASS}{of}"


def is_binary(true: Iterable[float]) -> bool:
    """Whether a quantity is a yes or no, so that what is predicted is a probability: all its true values are 0 or 1."""
    return set(true) <= {0.0, 1.0}


def unit(quantity: str) -> str:
    """Unit of a quantity: EF is in percent, others carry theirs at the end of their name (``edv_ml``)."""
    if quantity in (EF, RVEF):
        return "%"
    return next((sign for ending, sign in _UNITS.items() if quantity.endswith(ending)), "")


def label(quantity: str) -> str:
    """Name of a quantity for a heading or an axis."""
    return _LABELS.get(quantity, quantity)


def with_unit(text: str, quantity: str) -> str:
    """``text`` followed by the quantity's unit in brackets, as axes carry it."""
    sign = unit(quantity)
    return f"{text} ({sign})" if sign else text
