"""How well label volumes agree: Dice coefficient and 95th-percentile Hausdorff distance by structure and phase.

Both are of whole volumes, in three dimensions, one figure a patient, structure and phase; intervals are over patients.
Written here on scipy's distance transform: MONAI and seg-metrics, which have the distance too, take seconds to import.
"""

from __future__ import annotations

import io as text_io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from cinecor import storage
from cinecor.errors import DatasetError
from cinecor.evaluation.bootstrap import USUAL, Drawing, intervals
from cinecor.evaluation.estimate import Estimate, absent

COLUMNS = ("study", "patient", "phase", "structure", "dice", "hd95_mm")
"""Of ``masks.csv``; the distance is empty where one of the two volumes lacks the structure."""

MASKS_NAME = "masks.csv"
PERCENTILE = 95


@dataclass(frozen=True, kw_only=True)
class Overlap:
    """What is said of one structure at one phase."""

    structure: str
    phase: str
    patients: int
    dice: Estimate
    """Mean over patients."""
    hd95: Estimate
    """Mean over the patients that have a distance, mm."""
    without_distance: int
    """Volumes of which the structure is missing on one side."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {name: getattr(self, name) for name in ("structure", "phase", "patients", "without_distance")}
        return {**plain, "dice": self.dice.as_dict(), "hd95": self.hd95.as_dict()}


def compare_labels(
    said: UInt8[np.ndarray, "slice height width"],
    true: UInt8[np.ndarray, "slice height width"],
    structures: Mapping[str, int],
    voxel_mm: tuple[float, float, float],
) -> dict[str, tuple[float, float]]:
    """Dice coefficient and HD95 (mm, NaN where it does not exist) by structure.

    Args:
        said: predicted labels.
        true: an expert's.
        structures: label by name.
        voxel_mm: distance of slices, height and width of a pixel.
    """
    return {
        name: (dice(said == label, true == label), hausdorff_95_mm(said == label, true == label, voxel_mm))
        for name, label in structures.items()
    }


def dice(said: Bool[np.ndarray, "*axes"], true: Bool[np.ndarray, "*axes"]) -> float:
    """Twice the common voxels over the sum of both; 1 where both are empty."""
    total = int(said.sum()) + int(true.sum())
    return 2.0 * int((said & true).sum()) / total if total else 1.0


def hausdorff_95_mm(
    said: Bool[np.ndarray, "slice height width"],
    true: Bool[np.ndarray, "slice height width"],
    voxel_mm: tuple[float, float, float],
) -> float:
    """The larger of both directions' 95th percentile of the distance from surface to surface, mm, in three dimensions.

    A surface is the voxels that have a face to the outside; distances are from centre to centre. NaN where a mask is
    empty; 0 where both are.
    """
    if not said.any() or not true.any():
        return 0.0 if said.any() == true.any() else math.nan
    box = ndimage.find_objects((said | true).astype(np.int8))[0]
    surfaces = [_surface(np.pad(mask[box], 1)) for mask in (said, true)]
    away = [ndimage.distance_transform_edt(~surface, sampling=voxel_mm) for surface in surfaces]
    directed = (away[1][surfaces[0]], away[0][surfaces[1]])
    return float(max(np.percentile(distances, PERCENTILE) for distances in directed))


def write_masks(table: pd.DataFrame, path: Path) -> None:
    """Write the table of ``COLUMNS``, whole or not at all.

    Raises:
        DatasetError: as :func:`read_masks`.
        StorageError: the file cannot be written.
    """
    storage.write_text(path, _checked(table, path.name).to_csv(index=False, lineterminator="\n"))


def read_masks(path: Path) -> pd.DataFrame:
    """What :func:`write_masks` wrote.

    Raises:
        DatasetError: MISSING_FILE, ENCODING; MISSING_COLUMN; BAD_LABEL for a figure that is none; DUPLICATE_ID.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = pd.read_csv(text_io.StringIO(text), dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise DatasetError("MISSING_FILE", "there is no such table", where=path.name) from error
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DatasetError("ENCODING", "this is not a CSV table", where=path.name) from error
    return _checked(table, path.name)


def summarise_masks(table: pd.DataFrame, drawing: Drawing = USUAL) -> list[Overlap]:
    """Means over patients with their intervals, structure by structure and phase by phase, in the order of the table.

    Args:
        table: of ``COLUMNS``; of several runs where they were tested on different patients (folds).
        drawing: confidence, number of draws and seed.

    Raises:
        DatasetError: as :func:`read_masks`.
    """
    checked = _checked(table, MASKS_NAME)
    return [_summarise(str(key[0]), str(key[1]), part, drawing) for key, part in _groups(checked)]


def overlaps_as_text(found: Sequence[Overlap]) -> str:
    """A line for each structure and phase: Dice coefficient and HD95 with their intervals."""
    lines = [f"{'structure':<14}{'phase':<10}{'patients':>8}  {'Dice':<24}HD95 (mm)"]
    for each in found:
        figures = f"{figure(each.dice, 3):<24}{figure(each.hd95, 2)}"
        lines.append(f"{each.structure:<14}{each.phase:<10}{each.patients:>8}  {figures}")
    return "\n".join(lines)


def figure(found: Estimate, digits: int) -> str:
    """A figure with its interval as text; a dash where there is none."""
    if found.value is None:
        return "–"
    interval = f" ({found.low:.{digits}f} to {found.high:.{digits}f})" if found.low is not None else ""
    return f"{found.value:.{digits}f}{interval}"


def _groups(table: pd.DataFrame) -> Iterator[tuple[tuple[Any, Any], pd.DataFrame]]:
    yield from table.groupby(["structure", "phase"], sort=False)


def _summarise(structure: str, phase: str, part: pd.DataFrame, drawing: Drawing) -> Overlap:
    known = part[part["hd95_mm"].notna()]
    return Overlap(
        structure=structure,
        phase=phase,
        patients=int(part["patient"].nunique()),
        dice=_mean("dice", part["dice"].to_numpy(float), part["patient"].tolist(), "", drawing),
        hd95=_mean("hd95", known["hd95_mm"].to_numpy(float), known["patient"].tolist(), "mm", drawing),
        without_distance=len(part) - len(known),
    )


def _mean(
    name: str, values: Float[np.ndarray, " studies"], patients: Sequence[str], unit: str, drawing: Drawing
) -> Estimate:
    if not len(values):
        return absent(name, "no volume has it", unit)
    found = intervals(lambda counts: (counts @ values / counts.sum(-1))[None], patients, drawing)[0]
    return Estimate(
        name=name,
        value=float(values.mean()),
        low=found.low,
        high=found.high,
        unit=unit,
        method=found.method,
        reason=found.reason,
    )


def _surface(mask: Bool[np.ndarray, "slice height width"]) -> Bool[np.ndarray, "slice height width"]:
    return np.asarray(mask & ~ndimage.binary_erosion(mask))


def _checked(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """A copy with the right columns and types."""
    if list(table.columns) != list(COLUMNS):
        raise DatasetError("MISSING_COLUMN", "these are not its columns", f"have {', '.join(COLUMNS)}", where=where)
    checked = table.reset_index(drop=True)
    for name, most in (("dice", 1.0), ("hd95_mm", math.inf)):
        values = pd.to_numeric(checked[name], errors="coerce")
        empty = checked[name].isna() | (checked[name] == "")
        bad = (values.isna() & ~empty) | (values < 0) | (values > most) | np.isinf(values) | (empty & (name == "dice"))
        if bad.any():
            raise DatasetError("BAD_LABEL", f"{name} holds {int(bad.sum())} value(s) that are none", where=where)
        checked[name] = values.astype(float)
    repeated = int(checked.duplicated(["study", "phase", "structure"]).sum())
    if repeated:
        raise DatasetError("DUPLICATE_ID", f"{repeated} row(s) repeat an earlier one", where=where)
    return checked
