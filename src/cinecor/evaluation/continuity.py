"""How continuous an embedding is in a quantity: do loops that lie close to each other have close values?

Two views of it, from a table of embeddings alone. *Order*: Spearman's correlation, over pairs of loops of different
patients, between their distance and the difference of their values; 1 where the one follows from the other. It is what
Rank-N-Contrast trains for, and what Fig. 1 of papers 001 and 002 shows to the eye. *Neighbours*: how well the mean
value of the nearest loops of other patients says a loop's own value, against saying the mean of all others; the skill
is 1 for a perfect neighbourhood and about 0 for one that knows nothing. Neither changes when the embedding is moved,
turned or scaled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats
from scipy.spatial.distance import pdist, squareform

from cinecor.errors import ConfigError
from cinecor.evaluation.bootstrap import Drawing, intervals
from cinecor.evaluation.estimate import Estimate, absent

NEIGHBOURS = 5
"""Nearest loops whose mean speaks for a loop."""

MOST = 2_000
"""Loops of which all pairs are looked at: 2 million pairs."""

SHUFFLES = 200
"""Times that the values are dealt out anew to learn what order chance makes."""

_FEWEST = 10
"""Loops below which there is nothing to say."""

USUAL = Drawing(resamples=2_000)
"""Each draw costs a pass over all pairs."""


@dataclass(frozen=True, kw_only=True)
class Continuity:
    """How an embedding follows a quantity."""

    quantity: str
    loops: int
    patients: int
    order: Estimate
    """Spearman's correlation of distance and difference, -1 to 1. Ranks are those of the sample in every draw."""
    chance: float | None
    """95th percentile of the order when the values are dealt out anew among the patients' loops."""
    neighbour_error: Estimate
    """Mean absolute error of the neighbours' mean, in the quantity's unit."""
    mean_error: Estimate
    """The same of saying the mean of all other patients."""
    skill: Estimate
    """1 - neighbour error / mean error."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        estimates = (self.order, self.neighbour_error, self.mean_error, self.skill)
        plain = {"quantity": self.quantity, "loops": self.loops, "patients": self.patients, "chance": self.chance}
        return {**plain, **{estimate.name: estimate.as_dict() for estimate in estimates}}


def continuity(
    embeddings: Float[np.ndarray, "loops feature"],
    values: Float[np.ndarray, " loops"],
    patients: Sequence[str],
    *,
    quantity: str = "ef",
    unit: str = "%",
    neighbours: int = NEIGHBOURS,
    drawing: Drawing = USUAL,
) -> Continuity:
    """Score an embedding, with intervals over patients.

    Args:
        embeddings: of each loop.
        values: what is true of it.
        patients: whose it is; loops of one patient are never compared with each other.
        quantity: name of the values.
        unit: of the values.
        neighbours: how many nearest loops speak for a loop.
        drawing: confidence, draws and seed. Above ``MOST`` loops, so many of them are drawn first.

    Raises:
        ConfigError: CONFLICT where the lengths differ; OUT_OF_RANGE for values that are not finite, or no neighbours.
    """
    _check(embeddings, values, patients, neighbours)
    chosen = _choose(len(values), drawing.seed)
    owners = np.asarray(patients, dtype=object)[chosen]
    truth = np.asarray(values, dtype=np.float64)[chosen]
    apart = squareform(pdist(np.asarray(embeddings, dtype=np.float64)[chosen]))
    others = owners[:, None] != owners[None]
    reason = _too_little(apart, truth, others, neighbours)
    counts = {"quantity": quantity, "loops": len(truth), "patients": len(set(owners))}
    if reason:
        names = ("order", "neighbour_error", "mean_error", "skill")
        return Continuity(**counts, chance=None, **{name: absent(name, reason) for name in names})  # type: ignore[arg-type]
    errors = _errors(apart, truth, others, neighbours)
    ranks = _Ranks(apart, truth, others)

    def statistic(weights: Float[np.ndarray, "*draws loops"]) -> Float[np.ndarray, "figures ..."]:
        near, mean = (weights @ each / weights.sum(-1) for each in errors)
        return np.stack([ranks.correlation(weights), near, mean, 1.0 - near / mean])

    found = intervals(statistic, list(owners), drawing)
    numbers = statistic(np.ones(len(truth)))
    units = {"order": "", "neighbour_error": unit, "mean_error": unit, "skill": ""}
    estimates = {
        name: Estimate(
            name=name,
            value=float(number),
            low=interval.low,
            high=interval.high,
            unit=sign,
            method=interval.method,
            reason=interval.reason,
        )
        for (name, sign), number, interval in zip(units.items(), numbers, found, strict=True)
    }
    return Continuity(**counts, chance=ranks.chance(drawing.seed), **estimates)  # type: ignore[arg-type]


class _Ranks:
    """Ranks of all pairs of different patients, as matrices: weighted sums over pairs are quadratic forms of them."""

    def __init__(
        self,
        apart: Float[np.ndarray, "loops loops"],
        values: Float[np.ndarray, " loops"],
        others: Bool[np.ndarray, "loops loops"],
    ) -> None:
        self._others, self._values = others, values
        self._pairs = others.astype(np.float64)
        self._near = _ranked(apart, others)
        self._like = _ranked(np.abs(values[:, None] - values), others)

    def correlation(self, weights: Float[np.ndarray, "*draws loops"]) -> Float[np.ndarray, "*draws"]:
        """Pearson's correlation of the ranks, each pair counted as often as both its loops were drawn."""
        near, like = self._near, self._like
        terms = (self._pairs, near, like, near * near, like * like, near * like)
        total, *sums = (((weights @ each) * weights).sum(-1) for each in terms)
        x, y, xx, yy, xy = (each / total for each in sums)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray((xy - x * y) / np.sqrt((xx - x * x) * (yy - y * y)))

    def chance(self, seed: int) -> float:
        """What order is passed by 5 % of random deals of the values."""
        generator, found = np.random.default_rng(seed), []
        for _ in range(SHUFFLES):
            order = generator.permutation(len(self._values))
            like = self._like[np.ix_(order, order)][self._others]
            found.append(float(np.corrcoef(self._near[self._others], like)[0, 1]))
        return float(np.quantile(found, 0.95))


def _ranked(
    matrix: Float[np.ndarray, "loops loops"], others: Bool[np.ndarray, "loops loops"]
) -> Float[np.ndarray, "loops loops"]:
    """Ranks of the pairs, centred so that their sums of squares keep their digits; 0 where there is no pair."""
    ranks = np.zeros(matrix.shape)
    found = stats.rankdata(matrix[others])
    ranks[others] = (found - found.mean()) / len(found)
    return ranks


def _errors(
    apart: Float[np.ndarray, "loops loops"],
    values: Float[np.ndarray, " loops"],
    others: Bool[np.ndarray, "loops loops"],
    neighbours: int,
) -> tuple[Float[np.ndarray, " loops"], Float[np.ndarray, " loops"]]:
    """Absolute error of the nearest others' mean, and of the mean of all others, loop by loop."""
    nearest = np.where(others, apart, np.inf).argsort(axis=1, kind="stable")[:, :neighbours]
    usual = (others * values).sum(axis=1) / others.sum(axis=1)
    return np.abs(values[nearest].mean(axis=1) - values), np.abs(usual - values)


def _choose(count: int, seed: int) -> np.ndarray:
    if count <= MOST:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, MOST, replace=False))


def _too_little(
    apart: Float[np.ndarray, "loops loops"],
    values: Float[np.ndarray, " loops"],
    others: Bool[np.ndarray, "loops loops"],
    neighbours: int,
) -> str:
    """Why nothing can be said; empty where something can."""
    if len(values) < _FEWEST:
        return f"{len(values)} loops with a known value are too few (at least {_FEWEST})"
    if others.sum(axis=1).min() < neighbours:
        return f"a loop has fewer than {neighbours} loops of other patients beside it"
    if np.ptp(values) == 0:
        return "the values are all the same"
    return "the embeddings lie all in one place" if np.ptp(apart[others]) == 0 else ""


def _check(embeddings: np.ndarray, values: np.ndarray, patients: Sequence[str], neighbours: int) -> None:
    if not len(embeddings) == len(values) == len(patients):
        what = f"{len(embeddings)} embeddings, {len(values)} values and {len(patients)} patients"
        raise ConfigError("CONFLICT", what, "give one of each a loop", where="embeddings")
    if not (np.isfinite(embeddings).all() and np.isfinite(values).all()):
        raise ConfigError("OUT_OF_RANGE", "an embedding or a value is not finite", where="embeddings")
    if neighbours < 1:
        raise ConfigError("OUT_OF_RANGE", f"{neighbours} neighbours", "give at least 1", where="neighbours")
