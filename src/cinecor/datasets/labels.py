"""What a label may be: numbers that are numbers, volumes and EF that a heart can have."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cinecor.errors import DatasetError

MOST_EF = 100.0  # %
MOST_ML = 2000.0  # mL; four times the largest left ventricle on record
_BOUNDS = {"ef": MOST_EF, "edv_ml": MOST_ML, "esv_ml": MOST_ML}


def number(text: str) -> float | None:
    """A finite number written in a table or a header; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def number_or_text(text: str) -> float | str:
    """A label as a number where it is written as one; ``0001`` is a name and stays text."""
    value = number(text)
    bare = text.strip().lstrip("+-")
    padded = bare[:1] == "0" and bare[1:2].isdigit()
    return text if value is None or padded else value


def check_labels(labels: Mapping[str, float | str], where: str = "") -> None:
    """Refuse labels that no heart has.

    Raises:
        DatasetError: BAD_LABEL: ``ef`` is no number from 0 to 100 or a volume none from 0 to 2000 mL; EDV is below
            ESV; a number is not finite.
    """
    for name, value in labels.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise DatasetError("BAD_LABEL", f"{name} is not a finite number", "correct it", where=where)
    for name, most in _BOUNDS.items():
        value = labels.get(name, 0.0)
        if isinstance(value, str) or not 0 <= value <= most:
            shown = repr(value[:20]) if isinstance(value, str) else f"{value:g}"
            what = f"{name} {shown} is not a number from 0 to {most:g}"
            raise DatasetError("BAD_LABEL", what, "correct it", where=where)
    if "edv_ml" in labels and "esv_ml" in labels and float(labels["edv_ml"]) < float(labels["esv_ml"]):
        raise DatasetError("BAD_LABEL", "edv_ml is below esv_ml", "correct it", where=where)
