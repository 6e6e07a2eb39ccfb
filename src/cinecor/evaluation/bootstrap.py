"""Intervals by drawing patients, not clips or studies: those of one patient are not independent.

Bias-corrected and accelerated (BCa; Efron, JASA 1987) by ``scipy.stats.bootstrap``, R's ``boot.ci(type = "bca")``.
A drawn patient brings all their studies (cluster bootstrap; Field & Welsh, J R Stat Soc B 2007).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy import stats

from cinecor.errors import ConfigError

RESAMPLES = 10_000
"""Draws: the ends of a 95 % interval then move by about 1 % of its width from seed to seed."""

FEWEST_PATIENTS = 3
"""Below this there is nothing to draw from."""

_USABLE = 0.95
"""Share of the draws in which a figure must exist (a draw may hold one class only) for an interval to be given."""

_BATCH = 4_000_000
"""Numbers held at once for one batch of draws: 32 MB."""

Statistic = Callable[[Float[np.ndarray, "*draws studies"]], Float[np.ndarray, "figures ..."]]


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """How intervals are made; the same drawing and the same sample give the same intervals."""

    level: float = 0.95
    """Confidence, 0 to 1."""
    resamples: int = RESAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.level < 1:
            raise ConfigError("OUT_OF_RANGE", f"{self.level} is not between 0 and 1", where="level")
        if self.resamples < 1:
            raise ConfigError("OUT_OF_RANGE", f"{self.resamples} draws are too few", where="resamples")


USUAL = Drawing()


@dataclass(frozen=True)
class Interval:
    """Where a figure lies; ``low`` and ``high`` are None, with a reason, where nothing can be said."""

    low: float | None
    high: float | None
    method: str
    reason: str = ""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Several figures of one sample in the same draws of patients, so that they may be compared draw by draw."""

    intervals: list[Interval]
    """One a figure."""
    draws: Float[np.ndarray, "figures draws"]
    """Each figure in each draw; no draws where there are too few patients."""


def intervals(statistic: Statistic, patients: Sequence[str], drawing: Drawing = USUAL) -> list[Interval]:
    """The intervals of ``draw``, one a figure."""
    return draw(statistic, patients, drawing).intervals


def draw(statistic: Statistic, patients: Sequence[str], drawing: Drawing = USUAL) -> Drawn:
    """Draw patients, and with them several figures of one sample.

    Args:
        statistic: from how often each study counts, ``*draws studies``, to the figures, ``figures *draws``.
        patients: whose each study is.
        drawing: confidence, number of draws and seed.

    Returns:
        Every figure's bootstrap interval, and its value in each draw.
    """
    codes = _codes(patients)
    count = int(codes.max()) + 1 if codes.size else 0
    figures = len(statistic(np.ones(codes.size))) if codes.size else 0
    if count < FEWEST_PATIENTS:
        reason = f"no interval from {count} patient(s)"
        return Drawn([Interval(None, None, "", reason)] * figures, np.empty((figures, 0)))

    def drawn(indices: Int[np.ndarray, "*draws patients"], axis: int = -1) -> Float[np.ndarray, "figures ..."]:
        assert axis in (-1, indices.ndim - 1)
        return statistic(_counts(indices, count)[..., codes])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)  # a constant figure; handled below
        with np.errstate(divide="ignore", invalid="ignore"):
            found = stats.bootstrap(
                (np.arange(count),),
                drawn,
                n_resamples=drawing.resamples,
                batch=max(1, _BATCH // codes.size),
                vectorized=True,
                confidence_level=drawing.level,
                method="BCa",
                rng=np.random.default_rng(drawing.seed),
            )
    lows, highs = np.atleast_1d(found.confidence_interval.low), np.atleast_1d(found.confidence_interval.high)
    draws = np.atleast_2d(found.bootstrap_distribution)
    ends = [_interval(float(lows[i]), float(highs[i]), draws[i], drawing.level) for i in range(len(draws))]
    return Drawn(ends, draws)


def _codes(patients: Sequence[str]) -> Int[np.ndarray, " studies"]:
    """A number for each patient, in sorted order of their ids so that the order of the studies does not matter."""
    return np.unique(np.asarray(patients, dtype=object), return_inverse=True)[1].astype(np.int64)


def _counts(indices: Int[np.ndarray, "*draws drawn"], patients: int) -> Float[np.ndarray, "*draws patients"]:
    """How often each patient was drawn, row by row."""
    rows = indices.reshape(-1, indices.shape[-1])
    flat = (rows + patients * np.arange(len(rows))[:, None]).ravel()
    counts = np.bincount(flat, minlength=patients * len(rows)).astype(np.float64)
    return counts.reshape(*indices.shape[:-1], patients)


def _interval(low: float, high: float, draws: Float[np.ndarray, " draws"], level: float) -> Interval:
    if np.isfinite(low) and np.isfinite(high):
        return Interval(low, high, "BCa bootstrap over patients")
    usable = draws[np.isfinite(draws)]
    if usable.size < _USABLE * draws.size:
        return Interval(None, None, "", "too few studies: in many draws of patients the figure does not exist")
    if np.ptp(usable) == 0:
        return Interval(float(usable[0]), float(usable[0]), "the figure is the same in every draw of patients")
    low, high = np.quantile(usable, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), "percentile bootstrap over patients")
