"""Whether intervals hold what they promise: coverage against level, width, and what chance alone allows.

Split conformal prediction (Papadopoulos et al., ECML 2002; Lei et al., JASA 2018): the half-width of a 90 % interval is
a quantile of the absolute errors on studies that were not trained on. Its coverage on new studies is itself random:
Beta distributed over calibration sets (Vovk, ACML 2012), so that the count on a test set is beta-binomial
(Angelopoulos & Bates, 2021, section 3.2). R's ``quantile(type = 1)`` at ceil((n + 1)·level) / n is the same quantile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy import stats

from cinecor.errors import ConfigError
from cinecor.evaluation.classification import proportion
from cinecor.evaluation.estimate import Estimate

CURVE_LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Levels of the calibration curve; 0.5 to the 95 % that papers report."""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """Coverage on the evaluated studies of the interval of one level."""

    level: float
    half_width: float
    """In the unit of the values."""
    coverage: float
    low: float
    high: float
    """Wilson interval of the coverage."""
    expected_low: float
    expected_high: float
    """Where the coverage falls by chance if the studies are exchangeable with those of calibration."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """What the intervals of one set of predictions are worth."""

    source: str
    """Where the intervals come from, in words."""
    level: float
    studies: int
    calibration_studies: int | None
    """Studies that the width was taken from, None where the predictions brought their intervals."""
    coverage: Estimate
    mean_width: float
    """From the lower to the upper end, in the unit of the values."""
    expected: tuple[float, float]
    """Where coverage falls by chance if the level is right."""
    curve: tuple[CurvePoint, ...] = ()

    @property
    def as_promised(self) -> bool:
        """Whether the coverage is one that chance explains."""
        assert self.coverage.value is not None
        return self.expected[0] <= self.coverage.value <= self.expected[1]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "source": self.source,
            "level": self.level,
            "studies": self.studies,
            "calibration_studies": self.calibration_studies,
            "coverage": self.coverage.as_dict(),
            "mean_width": self.mean_width,
            "expected": list(self.expected),
            "as_promised": self.as_promised,
            "curve": [asdict(point) for point in self.curve],
        }


def conformal_quantile(errors: Float[np.ndarray, " studies"], level: float) -> float:
    """Half-width of the split conformal interval: the ceil((n + 1)·level)-th smallest absolute error.

    Infinite where n studies are too few for the level (90 % needs 9, 95 % needs 19).

    Raises:
        ConfigError: OUT_OF_RANGE for a level that is not between 0 and 1.
    """
    rank = _rank(len(errors), level)
    return math.inf if rank > len(errors) else float(np.sort(np.abs(errors))[rank - 1])


def expected_coverage(
    calibration_studies: int | None, studies: int, level: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Range of the share of ``studies`` that an honest interval covers, at ``confidence``.

    Beta-binomial for an interval from ``calibration_studies``; binomial (None) where the level is taken as exact.
    """
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    if calibration_studies is None:
        counts = stats.binom.ppf(tails, studies, level)
    else:
        rank = min(_rank(calibration_studies, level), calibration_studies)
        counts = stats.betabinom.ppf(tails, studies, rank, calibration_studies + 1 - rank)
    low, high = np.asarray(counts, dtype=np.float64) / studies
    return float(low), float(high)


def of_intervals(
    true: Float[np.ndarray, " studies"],
    low: Float[np.ndarray, " studies"],
    high: Float[np.ndarray, " studies"],
    *,
    level: float,
    confidence: float = 0.95,
) -> Calibration:
    """Calibration of intervals that came with the predictions and promise ``level``."""
    studies = len(true)
    covered = int(((low <= true) & (true <= high)).sum())
    return Calibration(
        source="intervals of the predictions",
        level=level,
        studies=studies,
        calibration_studies=None,
        coverage=proportion("coverage", covered, studies, confidence, "no studies"),
        mean_width=float((high - low).mean()),
        expected=expected_coverage(None, studies, level, confidence),
    )


def of_conformal(
    calibration_errors: Float[np.ndarray, " calibration"],
    errors: Float[np.ndarray, " studies"],
    *,
    level: float,
    confidence: float = 0.95,
    levels: Sequence[float] = CURVE_LEVELS,
) -> Calibration | None:
    """Calibration, on ``errors``, of conformal intervals made from ``calibration_errors`` (predicted minus true, both).

    None where the calibration studies are too few for ``level``; such levels are left out of the curve, too.
    """
    half_width = conformal_quantile(calibration_errors, level)
    if not math.isfinite(half_width):
        return None
    covered = int((np.abs(errors) <= half_width).sum())
    points = [_point(calibration_errors, errors, each, confidence) for each in levels]
    return Calibration(
        source=f"split conformal from {len(calibration_errors)} validation studies",
        level=level,
        studies=len(errors),
        calibration_studies=len(calibration_errors),
        coverage=proportion("coverage", covered, len(errors), confidence, "no studies"),
        mean_width=2 * half_width,
        expected=expected_coverage(len(calibration_errors), len(errors), level, confidence),
        curve=tuple(point for point in points if point is not None),
    )


def _point(
    calibration_errors: Float[np.ndarray, " calibration"],
    errors: Float[np.ndarray, " studies"],
    level: float,
    confidence: float,
) -> CurvePoint | None:
    half_width = conformal_quantile(calibration_errors, level)
    if not math.isfinite(half_width):
        return None
    share = proportion("coverage", int((np.abs(errors) <= half_width).sum()), len(errors), confidence, "no studies")
    assert share.value is not None
    assert share.low is not None
    assert share.high is not None
    expected = expected_coverage(len(calibration_errors), len(errors), level, confidence)
    return CurvePoint(
        level=level,
        half_width=half_width,
        coverage=share.value,
        low=share.low,
        high=share.high,
        expected_low=expected[0],
        expected_high=expected[1],
    )


def _rank(studies: int, level: float) -> int:
    if not 0 < level < 1:
        raise ConfigError("OUT_OF_RANGE", f"{level} is not a level between 0 and 1", where="level")
    return math.ceil(round((studies + 1) * level, 9))  # 10·0.9 is 9.000000000000002 in floating point
