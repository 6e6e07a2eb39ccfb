"""Bland–Altman: how far predicted and true values lie apart, and how sure that is.

Source: Bland & Altman, Lancet 1986, and Stat Methods Med Res 1999, section 2: the limits are bias ± 1.96 SD of the
differences (SD with n - 1), their standard error is SD·sqrt(1/n + z²/(2(n-1))), and t has n - 1 degrees of freedom.
R's ``blandr::blandr.statistics`` computes the same; the paper of 1986 rounds the standard error to SD·sqrt(3/n).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

from cinecor.evaluation.bootstrap import USUAL, Drawing, intervals
from cinecor.evaluation.estimate import Estimate, absent

LIMITS_HOLD = 0.95
"""Share of the differences that lies between the limits if they are normal."""

_FLAT = 1e-9
"""Spread, relative to the largest value, below which values count as the same: rounding alone makes about 1e-16."""

FEWEST = 3
"""Fewer differences than this give no limits worth printing."""


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Bias and limits of agreement (predicted minus true), in the unit of the values."""

    studies: int
    bias: Estimate
    lower: Estimate
    upper: Estimate
    slope: Estimate
    """Change of the difference per unit of the mean of both; below 0 a model pulls towards the middle."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        figures = {"bias": self.bias, "lower": self.lower, "upper": self.upper, "slope": self.slope}
        return {"studies": self.studies, **{name: figure.as_dict() for name, figure in figures.items()}}


def bland_altman(
    predicted: Float[np.ndarray, " studies"],
    true: Float[np.ndarray, " studies"],
    patients: Sequence[str],
    *,
    unit: str = "",
    drawing: Drawing = USUAL,
) -> Agreement:
    """Bias, limits of agreement and proportional bias, each with its interval.

    Where every patient has one study the intervals are the closed forms; else the patients are drawn (bootstrap).
    Exchanging predicted and true changes the sign of the bias and exchanges the limits.
    """
    if len(true) < FEWEST:
        reason = f"{len(true)} studies are too few (at least {FEWEST})"
        none = {name: absent(name, reason, unit) for name in ("bias", "lower", "upper")}
        return Agreement(studies=len(true), **none, slope=absent("slope", reason))
    if len(set(patients)) == len(patients):
        bias, lower, upper = _closed_forms(predicted - true, unit, drawing.level)
    else:
        bias, lower, upper = _drawn(predicted - true, patients, unit, drawing)
    return Agreement(
        studies=len(true), bias=bias, lower=lower, upper=upper, slope=_slope(predicted, true, drawing.level)
    )


def limits(
    differences: Float[np.ndarray, " studies"], weights: Float[np.ndarray, "*draws studies"]
) -> Float[np.ndarray, "3 ..."]:
    """Bias, lower and upper limit, where each difference counts ``weights`` times."""
    n = weights.sum(-1)
    bias = weights @ differences / n
    centred = differences - differences.mean()
    variance = (weights @ centred**2 / n - (weights @ centred / n) ** 2) * n / (n - 1)
    spread = _z() * np.sqrt(np.maximum(variance, 0))
    return np.stack([bias, bias - spread, bias + spread])


def _closed_forms(differences: Float[np.ndarray, " studies"], unit: str, level: float) -> tuple[Estimate, ...]:
    n, sd, z = len(differences), float(differences.std(ddof=1)), _z()
    t = float(stats.t.ppf((1 + level) / 2, n - 1))
    values = limits(differences, np.ones(n))
    errors = (sd / np.sqrt(n), *[sd * np.sqrt(1 / n + z**2 / (2 * (n - 1)))] * 2)
    return tuple(
        Estimate(
            name=name,
            value=float(value),
            low=float(value - t * error),
            high=float(value + t * error),
            unit=unit,
            method="closed form (Bland & Altman 1999)",
        )
        for name, value, error in zip(("bias", "lower", "upper"), values, errors, strict=True)
    )


def _drawn(
    differences: Float[np.ndarray, " studies"],
    patients: Sequence[str],
    unit: str,
    drawing: Drawing,
) -> tuple[Estimate, ...]:
    values = limits(differences, np.ones(len(differences)))
    found = intervals(lambda w: limits(differences, w), patients, drawing)
    return tuple(
        Estimate(
            name=name,
            value=float(value),
            low=interval.low,
            high=interval.high,
            unit=unit,
            method=interval.method,
            reason=interval.reason,
        )
        for name, value, interval in zip(("bias", "lower", "upper"), values, found, strict=True)
    )


def _slope(predicted: Float[np.ndarray, " studies"], true: Float[np.ndarray, " studies"], level: float) -> Estimate:
    middle = (predicted + true) / 2
    if np.ptp(middle) <= _FLAT * np.abs(middle).max():
        return absent("slope", "all values are the same")
    if np.ptp(predicted - true) == 0:  # a line without an error, of which scipy makes NaN
        return Estimate(name="slope", value=0.0, low=0.0, high=0.0, method="all differences are the same")
    line = stats.linregress(middle, predicted - true)
    margin = float(stats.t.ppf((1 + level) / 2, len(true) - 2)) * float(line.stderr)
    value = float(line.slope)
    method = "least squares, studies taken as independent"
    return Estimate(name="slope", value=value, low=value - margin, high=value + margin, method=method)


def _z() -> float:
    return float(stats.norm.ppf((1 + LIMITS_HOLD) / 2))
