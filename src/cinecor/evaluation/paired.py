"""Several models on the same patients, judged in the same draws of them: each by itself, every two by their difference.

The paired bootstrap: a draw of patients is one test set, and all models sit that test. What is hard about it is hard
for all, so that a difference has a much narrower interval than the two figures it is made of. Efron & Tibshirani, An
Introduction to the Bootstrap, 1993, section 8.3; R's ``boot(data, function(d, i) f(d[i, 1]) - f(d[i, 2]))``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int

from cinecor.evaluation.bootstrap import USUAL, Drawing, Interval, draw
from cinecor.evaluation.regression import variance

FIGURES = ("rmse", "mae", "r2")
COMPARED = ("rmse", "mae")
"""Figures of which differences are made; the smaller is the better."""

_ROUNDING = 1e-12
"""Relative difference below which two sums are the same: adding up in another order makes about 1e-15."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Of one figure of two models, first minus second: below 0 the first is better."""

    value: float
    low: float | None
    high: float | None
    first_better: float | None
    """Share of the draws in which the first is better, 0 to 1; a tie is not better. None without draws."""


@dataclass(frozen=True)
class Judged:
    """What one set of draws says of all models."""

    intervals: list[dict[str, Interval]]
    """For each model by figure."""
    differences: dict[tuple[int, int], dict[str, Difference]]
    """For each two models, by their places (first < second) and by figure."""


def judge(
    predicted: Float[np.ndarray, "models studies"],
    true: Float[np.ndarray, " studies"],
    patients: Sequence[str],
    drawing: Drawing = USUAL,
) -> Judged:
    """Intervals of RMSE, MAE and R² of each model, and of the differences of every two.

    Args:
        predicted: one row a model, in the unit of ``true``.
        true: of the same studies in the same order, at least one.
        patients: whose each study is; a drawn patient brings all their studies, for all models.
        drawing: confidence, number of draws and seed.
    """
    models = len(predicted)
    places = np.array(list(combinations(range(models), 2)), dtype=np.int64).reshape(-1, 2)
    squared, absolute = (predicted - true) ** 2, np.abs(predicted - true)

    def statistic(weights: Float[np.ndarray, "*draws studies"]) -> Float[np.ndarray, "figures ..."]:
        square = _means(squared, weights)
        single = {"rmse": np.sqrt(square), "mae": _means(absolute, weights), "r2": _explained(square, true, weights)}
        between = [_subtract(single[name][places[:, 0]], single[name][places[:, 1]]) for name in COMPARED]
        return np.concatenate([*single.values(), *between])

    drawn = draw(statistic, list(patients), drawing)
    values, own = statistic(np.ones(len(true))), len(FIGURES) * models
    return Judged(
        [
            {name: drawn.intervals[place * models + model] for place, name in enumerate(FIGURES)}
            for model in range(models)
        ],
        _differences(places, values[own:], drawn.intervals[own:], drawn.draws[own:]),
    )


def _means(
    errors: Float[np.ndarray, "models studies"], weights: Float[np.ndarray, "*draws studies"]
) -> Float[np.ndarray, "models ..."]:
    """All models and all draws in one product of matrices."""
    return np.asarray(np.moveaxis(weights @ errors.T / weights.sum(-1)[..., None], -1, 0))


def _subtract(
    one: Float[np.ndarray, "pairs ..."], other: Float[np.ndarray, "pairs ..."]
) -> Float[np.ndarray, "pairs ..."]:
    """One minus other, exactly 0 where they differ by rounding: two equal models tie and neither is ever better."""
    found = one - other
    return np.asarray(np.where(np.abs(found) > _ROUNDING * (one + other), found, 0.0))


def _explained(
    square: Float[np.ndarray, "models ..."],
    true: Float[np.ndarray, " studies"],
    weights: Float[np.ndarray, "*draws studies"],
) -> Float[np.ndarray, "models ..."]:
    """R², NaN in draws whose truth is constant."""
    whole = np.broadcast_to(variance(true, weights), square.shape)
    return np.asarray(np.divide(whole - square, whole, out=np.full_like(square, np.nan), where=whole > 0))


def _differences(
    places: Int[np.ndarray, "pairs 2"],
    values: Float[np.ndarray, " figures"],
    intervals: Sequence[Interval],
    draws: Float[np.ndarray, "figures draws"],
) -> dict[tuple[int, int], dict[str, Difference]]:
    found: dict[tuple[int, int], dict[str, Difference]] = {}
    shares = (draws < 0).mean(-1) if draws.shape[-1] else None
    for index, (first, second) in enumerate(places.tolist()):
        found[first, second] = {}
        for place, name in enumerate(COMPARED):
            at = place * len(places) + index
            found[first, second][name] = Difference(
                value=float(values[at]),
                low=intervals[at].low,
                high=intervals[at].high,
                first_better=None if shares is None else float(shares[at]),
            )
    return found
