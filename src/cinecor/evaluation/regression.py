"""Errors and correlation of predictions, each from weighted means.

Every function takes ``weights``: how often each study counts, with any leading axes. All ones is the sample itself; the
draws of a bootstrap are rows of whole numbers, and all of them are computed at once.

A figure that does not exist (no variance, too few studies) is NaN here; ``results`` turns it into a reason.

Conventions, for those who compare with R or with papers: R² is 1 - SSres/SStot (``caret::R2`` gives the squared
correlation unless ``formula = "traditional"``; so does EchoNet-Dynamic, whose R script takes it from a linear fit), and
the squared correlation stands beside it under its own name, ``pearson2``; ICC is two-way, agreement, single rater
(``irr::icc(model = "twoway", type = "agreement")``); bias is predicted minus true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from jaxtyping import Float

Values: TypeAlias = Float[np.ndarray, " studies"]
Weights: TypeAlias = Float[np.ndarray, "*draws studies"]
Figures: TypeAlias = Float[np.ndarray, "*draws"]

_FLAT = 1e-9
"""Spread, relative to the largest value, below which values count as constant: rounding alone makes about 1e-16."""


def rmse(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Root of the mean squared error, in the unit of the values."""
    return np.asarray(np.sqrt(_mean((predicted - true) ** 2, weights)))


def mae(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Mean absolute error, in the unit of the values."""
    return _mean(np.abs(predicted - true), weights)


def bias(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Mean of predicted minus true, in the unit of the values."""
    return _mean(predicted - true, weights)


def r2(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Coefficient of determination, 1 - SSres/SStot; below 0 where the mean of the truth would have done better."""
    unexplained = _mean((predicted - true) ** 2, weights)
    return _ratio(np.asarray(variance(true, weights) - unexplained), variance(true, weights))


def pearson(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Correlation of predicted and true; blind to bias and scale."""
    p, t = predicted - predicted.mean(), true - true.mean()
    covariance = np.asarray(_mean(p * t, weights) - _mean(p, weights) * _mean(t, weights))
    spread = np.asarray(np.sqrt(variance(predicted, weights) * variance(true, weights)))
    return np.asarray(np.clip(_ratio(covariance, spread), -1, 1))


def pearson2(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Squared correlation: what R² would be after the best straight line through the predictions, so never below it."""
    return np.asarray(pearson(predicted, true, weights) ** 2)


def icc(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Intraclass correlation ICC(A,1): absolute agreement of model and truth, two-way, single measurement.

    Source: McGraw & Wong, Psychological Methods 1996, table 4, case 2, with two raters.
    """
    n = np.asarray(_ones(predicted, weights).sum(-1))
    freedom = np.where(n > 1, n - 1, np.nan)
    rows = 2 * n * variance((predicted + true) / 2, weights) / freedom
    error = n * variance(predicted - true, weights) / (2 * freedom)
    columns = n * bias(predicted, true, weights) ** 2 / 2
    varies = rows + error > 0  # two constants, even different ones, say nothing of telling studies apart
    whole = np.where(varies, rows + error + 2 * (columns - error) / n, 0.0)
    return _ratio(np.asarray(rows - error), whole)


def variance(values: Values, weights: Weights | None = None) -> Figures:
    """Mean square about the mean, SD² with n; exactly 0 where the values are constant but for rounding."""
    centred = values - values.mean()  # against cancellation in the difference of squares
    found = _mean(centred**2, weights) - _mean(centred, weights) ** 2
    floor = (_FLAT * np.abs(values).max()) ** 2
    return np.asarray(np.where(found > floor, found, 0.0))


Metric: TypeAlias = Callable[[Values, Values, Weights | None], Figures]

METRICS: Mapping[str, Metric] = MappingProxyType(
    {"rmse": rmse, "mae": mae, "r2": r2, "pearson": pearson, "pearson2": pearson2, "icc": icc, "bias": bias}
)
"""Every figure of this file by the name it has in results."""

IN_UNIT = frozenset({"rmse", "mae", "bias"})
"""Those that carry the unit of the quantity."""


def _ones(values: Values, weights: Weights | None) -> Weights:
    return np.ones_like(values) if weights is None else weights


def _mean(values: Values, weights: Weights | None) -> Figures:
    if weights is None:
        return np.asarray(values.mean())
    return np.asarray(weights @ values / weights.sum(-1))


def _ratio(above: Figures, below: Figures) -> Figures:
    return np.asarray(np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0))
