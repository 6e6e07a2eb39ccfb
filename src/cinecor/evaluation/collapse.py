"""Is a model better than saying the same for everyone?

Paper 000 has five runs whose R² is about 0: networks that learned to predict the mean (RMSE 12.23 on EchoNet-Dynamic).
A table of errors hides that; this file does not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cinecor.evaluation.bootstrap import USUAL, Drawing, intervals
from cinecor.evaluation.estimate import Estimate, absent
from cinecor.evaluation.regression import mae, rmse

FLAT_PREDICTIONS = 0.1
"""Predictions that spread less than a tenth as much as the truth are called constant."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What predicting one mean for every study would have scored, beside the model."""

    mean: float
    source: str
    """Which studies the mean was taken from."""
    rmse: float
    mae: float
    skill: Estimate
    """1 - MSE of the model / MSE of the baseline; 0 is no better, 1 is perfect."""
    spread: float | None
    """SD of the predictions over SD of the truth; None where the truth is constant."""
    warnings: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {name: getattr(self, name) for name in ("mean", "source", "rmse", "mae", "spread")}
        return {**plain, "skill": self.skill.as_dict(), "warnings": list(self.warnings)}


def against_mean(
    predicted: Float[np.ndarray, " studies"],
    true: Float[np.ndarray, " studies"],
    patients: Sequence[str],
    *,
    training: Float[np.ndarray, " training"] | None = None,
    drawing: Drawing = USUAL,
) -> Baseline:
    """Compare a model with the mean of the training truth, or of the evaluated truth where that is not known."""
    known = training is not None and len(training) > 0
    centre = float(np.mean(training)) if known and training is not None else float(true.mean())
    source = (
        f"{len(training)} training studies" if known and training is not None else f"the {len(true)} evaluated studies"
    )
    constant = np.full_like(true, centre)
    skill = _skill(predicted, true, constant, patients, drawing)
    spread = float(predicted.std() / true.std()) if np.ptp(true) > 0 else None
    return Baseline(
        mean=centre,
        source=source,
        rmse=float(rmse(constant, true)),
        mae=float(mae(constant, true)),
        skill=skill,
        spread=spread,
        warnings=tuple(_warnings(skill, spread)),
    )


def is_collapsed(predicted: Float[np.ndarray, " studies"], true: Float[np.ndarray, " studies"], mean: float) -> bool:
    """Whether a model does no better than saying ``mean`` (of the training truth) for every study.

    So it is where its squared error is not smaller, and where its predictions are nearly constant: a constant that lies
    nearer to the test's own mean than the training's does wins by a hair without having learned anything. No interval
    is drawn, for tables of many models; ``against_mean`` has one.
    """
    constant = np.full_like(true, mean)
    no_better = bool(rmse(predicted, true) >= rmse(constant, true) > 0)
    return no_better or bool(predicted.std() < FLAT_PREDICTIONS * true.std())


def is_one_class(called: Float[np.ndarray, " studies"], true: Float[np.ndarray, " studies"], commonest: int) -> bool:
    """Whether a model of classes (by their places) does no better than saying the commonest one of every study, or
    says one class alone."""
    return bool(np.mean(called == true) <= np.mean(true == commonest)) or bool(np.ptp(called) == 0)


def _skill(
    predicted: Float[np.ndarray, " studies"],
    true: Float[np.ndarray, " studies"],
    constant: Float[np.ndarray, " studies"],
    patients: Sequence[str],
    drawing: Drawing,
) -> Estimate:
    model, mean = (predicted - true) ** 2, (constant - true) ** 2
    if not mean.any():
        return absent("skill", "the mean is right for every study: nothing can be better")

    def skill(weights: Float[np.ndarray, "*draws studies"]) -> Float[np.ndarray, "1 ..."]:
        below = np.asarray(weights @ mean)
        return np.stack([1 - np.divide(weights @ model, below, out=np.full_like(below, np.nan), where=below > 0)])

    value = float(skill(np.ones(len(true)))[0])
    (found,) = intervals(skill, patients, drawing)
    return Estimate(name="skill", value=value, low=found.low, high=found.high, method=found.method, reason=found.reason)


def _warnings(skill: Estimate, spread: float | None) -> list[str]:
    found = []
    if skill.value is not None and skill.value <= 0:
        found.append("The model is not better than predicting the mean for every study.")
    elif skill.low is not None and skill.low <= 0:
        found.append("It cannot be shown that the model is better than predicting the mean for every study.")
    if spread is not None and spread < FLAT_PREDICTIONS:
        found.append(f"The predictions are nearly constant: they spread {spread:.2f} times as much as the truth.")
    return found
