"""Several models on the same patients, judged in the same draws of them: each by itself, every two by their difference.

The paired bootstrap: a draw of patients is one test set, and all models sit that test. What is hard about it is hard
for all, so that a difference has a much narrower interval than the two figures it is made of. Efron & Tibshirani, An
Introduction to the Bootstrap, 1993, section 8.3; R's ``boot(data, function(d, i) f(d[i, 1]) - f(d[i, 2]))``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from types import MappingProxyType
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int

from cinecor.evaluation.bootstrap import USUAL, Drawing, Interval, draw
from cinecor.evaluation.classification import DECISIONS
from cinecor.evaluation.many_classes import PLACED
from cinecor.evaluation.regression import Metric, mae, pearson, r2, rmse, variance

FIGURES: Mapping[str, Metric] = MappingProxyType({"rmse": rmse, "mae": mae, "r2": r2, "pearson": pearson})
"""Of values; those of a yes or no are ``classification.DECISIONS``."""
COMPARED = ("rmse", "mae")
"""Figures of values of which differences are made; the smaller is the better."""
COMPARED_DECISIONS = ("auroc", "f1")
"""Figures of a yes or no of which differences are made; the larger is the better."""

Kind: TypeAlias = Literal["values", "yes_or_no", "classes"]
"""What is predicted; of classes the place of the most probable one."""
FIGURES_OF: Mapping[Kind, Mapping[str, Metric]] = MappingProxyType(
    {"values": FIGURES, "yes_or_no": DECISIONS, "classes": PLACED}
)
COMPARED_OF: Mapping[Kind, tuple[str, ...]] = MappingProxyType(
    {"values": COMPARED, "yes_or_no": COMPARED_DECISIONS, "classes": ("accuracy", "macro_f1")}
)

_ROUNDING = 1e-12
"""Relative difference below which two sums are the same: adding up in another order makes about 1e-15."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Of one figure of two models, first minus second: below 0 the first is better, above 0 in a yes or no."""

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
    *,
    kind: Kind = "values",
) -> Judged:
    """Intervals of every figure of each model, and of the differences of every two.

    Args:
        predicted: one row a model, in the unit of ``true``.
        true: of the same studies in the same order, at least one.
        patients: whose each study is; a drawn patient brings all their studies, for all models.
        drawing: confidence, number of draws and seed.
        kind: what is predicted.
    """
    figures, compared = FIGURES_OF[kind], COMPARED_OF[kind]
    models = len(predicted)
    places = np.array(list(combinations(range(models), 2)), dtype=np.int64).reshape(-1, 2)

    def statistic(weights: Float[np.ndarray, "*draws studies"]) -> Float[np.ndarray, "figures ..."]:
        single = _errors(predicted, true, weights) if kind == "values" else {}
        for name, figure in figures.items():
            if name not in single:
                single[name] = np.stack([figure(said, true, weights) for said in predicted])
        between = [_subtract(single[name][places[:, 0]], single[name][places[:, 1]]) for name in compared]
        return np.concatenate([*single.values(), *between])

    drawn = draw(statistic, list(patients), drawing)
    values, own = statistic(np.ones(len(true))), len(figures) * models
    return Judged(
        [
            {name: drawn.intervals[place * models + model] for place, name in enumerate(figures)}
            for model in range(models)
        ],
        _differences(places, values[own:], drawn.intervals[own:], drawn.draws[own:], compared),
    )


def _errors(
    predicted: Float[np.ndarray, "models studies"],
    true: Float[np.ndarray, " studies"],
    weights: Float[np.ndarray, "*draws studies"],
) -> dict[str, Float[np.ndarray, "models ..."]]:
    """What is made of errors, of all models at once."""
    square = _means((predicted - true) ** 2, weights)
    absolute = _means(np.abs(predicted - true), weights)
    return {"rmse": np.sqrt(square), "mae": absolute, "r2": _explained(square, true, weights)}


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
    compared: Sequence[str],
) -> dict[tuple[int, int], dict[str, Difference]]:
    found: dict[tuple[int, int], dict[str, Difference]] = {}
    better = draws < 0 if compared == COMPARED else draws > 0
    shares = better.mean(-1) if draws.shape[-1] else None
    for index, (first, second) in enumerate(places.tolist()):
        found[first, second] = {}
        for place, name in enumerate(compared):
            at = place * len(places) + index
            found[first, second][name] = Difference(
                value=float(values[at]),
                low=intervals[at].low,
                high=intervals[at].high,
                first_better=None if shares is None else float(shares[at]),
            )
    return found
