"""A diagnosis patient by patient: one row a patient, the probability of each group, and how good they are.

Columns ``patient fold group predicted`` and ``p_DCM`` … for each group; ``group`` is what is true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from cinecor.errors import DatasetError
from cinecor.evaluation.agreement import bland_altman
from cinecor.evaluation.bootstrap import USUAL, Drawing
from cinecor.evaluation.classification import proportion
from cinecor.evaluation.estimate import Estimate
from cinecor.evaluation.many_classes import Recognised, recognise

PREFIX = "p_"
_LEAST = 1e-6  # as models.tabular has it
_BINS = 10
_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """How good the diagnoses of a table are."""

    table: pd.DataFrame
    groups: tuple[str, ...]
    recognised: Recognised
    accuracy: Estimate
    """Patients whose group is the most probable one, with Wilson's interval: each patient is one row."""
    log_loss: float
    brier: float
    """Mean over patients of the squared distance between probabilities and truth, 0 to 2."""
    calibration_error: float
    """How far the probability of what was predicted misses how often it was right: over ten bins, weighted."""


def table_of(
    patients: Sequence[str],
    truth: Sequence[str],
    groups: Sequence[str],
    probabilities: Float[np.ndarray, "row group"],
    folds: Sequence[int] | None = None,
) -> pd.DataFrame:
    """The table of diagnoses, sorted by patient."""
    called = np.asarray(groups)[probabilities.argmax(axis=1)]
    table = pd.DataFrame({"patient": list(patients), "group": list(truth), "predicted": called})
    if folds is not None:
        table.insert(1, "fold", list(folds))
    for place, group in enumerate(groups):
        table[f"{PREFIX}{group}"] = probabilities[:, place]
    return table.sort_values("patient", ignore_index=True)


def judge(table: pd.DataFrame, drawing: Drawing = USUAL) -> Judged:
    """Accuracy (Wilson), precision, recall, F1 and AUROC (drawing patients), confusion, and how calibrated.

    Raises:
        DatasetError: BAD_LABEL where a patient is there twice, of no group that there is, or the probabilities do not
            add up to 1; MISSING_COLUMN.
    """
    groups, probabilities = check(table)
    true = np.array([groups.index(group) for group in table["group"]], dtype=np.int64)
    right = int((probabilities.argmax(axis=1) == true).sum())
    return Judged(
        table=table,
        groups=groups,
        recognised=recognise(probabilities, true, groups, table["patient"].tolist(), drawing=drawing),
        accuracy=proportion("accuracy", right, len(true), drawing.level, "there are no patients"),
        log_loss=float(-np.log(np.maximum(probabilities[np.arange(len(true)), true], _LEAST)).mean()),
        brier=float(((probabilities - np.eye(len(groups))[true]) ** 2).sum(axis=1).mean()),
        calibration_error=calibration_error(probabilities, true),
    )


def check(table: pd.DataFrame) -> tuple[tuple[str, ...], Float[np.ndarray, "row group"]]:
    """The groups of a table and its probabilities.

    Raises:
        DatasetError: as :func:`judge`.
    """
    missing = [name for name in ("patient", "group") if name not in table.columns]
    groups = tuple(name.removeprefix(PREFIX) for name in table.columns if name.startswith(PREFIX))
    if missing or len(groups) < 2:
        what = f"{', '.join(missing) or 'probabilities of two groups'} missing"
        raise DatasetError("MISSING_COLUMN", what, "have patient, group, p_…", where="diagnosis")
    if table["patient"].duplicated().any():
        raise DatasetError("BAD_LABEL", "a patient is there twice", "give one row a patient", where="diagnosis")
    strange = sorted(set(table["group"]) - set(groups))
    if strange:
        what = f"{strange[0]!r} is none of the groups {', '.join(groups)}"
        raise DatasetError("BAD_LABEL", what, where="diagnosis")
    probabilities = table[[f"{PREFIX}{group}" for group in groups]].to_numpy(dtype=np.float64)
    if not np.isfinite(probabilities).all() or (np.abs(probabilities.sum(axis=1) - 1) > _TOLERANCE).any():
        raise DatasetError("BAD_LABEL", "a patient's probabilities do not add up to 1", where="diagnosis")
    return groups, probabilities


def calibration_error(probabilities: Float[np.ndarray, "row group"], true: Int[np.ndarray, " row"]) -> float:
    """Expected calibration error of the predicted group (Naeini et al., AAAI 2015)."""
    sure, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == true
    place = np.minimum((sure * _BINS).astype(np.int64), _BINS - 1)
    bins = [place == each for each in set(place.tolist())]
    return float(sum(abs(sure[own].mean() - right[own].mean()) * own.mean() for own in bins))


def compare_figures(predicted: pd.DataFrame, true: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Figures measured on predicted masks against those on experts': bias, limits of agreement, error, correlation.

    Args:
        predicted: a row a patient, with ``patient`` and figures.
        true: the same on experts' masks; other patients are left out.
        names: figures to compare, and the unit of each.

    Returns:
        One row a figure: ``quantity unit patients bias bias_low bias_high lower upper mae pearson``.
    """
    both = predicted.merge(true, on="patient", suffixes=("", "_true"), validate="one_to_one")
    rows = []
    for name, unit in names.items():
        if f"{name}_true" not in both.columns:
            continue
        known = both[np.isfinite(both[name]) & np.isfinite(both[f"{name}_true"])]
        said, is_so = known[name].to_numpy(dtype=np.float64), known[f"{name}_true"].to_numpy(dtype=np.float64)
        found = bland_altman(said, is_so, known["patient"].tolist(), unit=unit)
        spread = len(known) > 1 and np.ptp(said) > 0 and np.ptp(is_so) > 0
        rows.append(
            {
                "quantity": name,
                "unit": unit,
                "patients": len(known),
                "bias": found.bias.value,
                "bias_low": found.bias.low,
                "bias_high": found.bias.high,
                "lower": found.lower.value,
                "upper": found.upper.value,
                "mae": float(np.abs(said - is_so).mean()) if len(known) else None,
                "pearson": float(np.corrcoef(said, is_so)[0, 1]) if spread else None,
            }
        )
    return pd.DataFrame(rows)
