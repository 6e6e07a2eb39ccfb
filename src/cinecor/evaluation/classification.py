"""How well a predicted EF tells hearts below a threshold from those above it, and a probability yes from no.

AUROC with DeLong's interval (DeLong, DeLong & Clarke-Pearson, Biometrics 1988; in R the default of ``pROC::ci.auc``),
sensitivity and specificity with Wilson's (``binom::binom.wilson``). Where patients have several studies, patients are
drawn (``bootstrap``). The AUROC has an interval from drawn patients in any case, as EchoNet-Dynamic's has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from scipy import stats

from cinecor.evaluation.bootstrap import USUAL, Drawing, intervals
from cinecor.evaluation.estimate import Estimate, absent
from cinecor.evaluation.regression import Figures, Metric, Values, Weights
from cinecor.records import PRESERVED_EF, REDUCED_EF

HALF = 0.5
"""Probability from which a study is called positive."""

THRESHOLDS = (35.0, REDUCED_EF, 45.0, PRESERVED_EF)
"""EF, %, below which a heart is looked for: those of EchoNet-Dynamic's published code."""


@dataclass(frozen=True, kw_only=True)
class Detection:
    """Finding the studies whose true EF lies below ``threshold`` (%) by a predicted EF below the same threshold."""

    threshold: float
    positives: int
    negatives: int
    auroc: Estimate
    """With DeLong's interval where each patient has one study."""
    auroc_drawn: Estimate
    """The same area with a bootstrap interval over patients."""
    sensitivity: Estimate
    specificity: Estimate

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        counts = {"threshold": self.threshold, "positives": self.positives, "negatives": self.negatives}
        names = ("auroc", "auroc_drawn", "sensitivity", "specificity")
        figures: dict[str, Estimate] = {name: getattr(self, name) for name in names}
        return {**counts, **{name: figure.as_dict() for name, figure in figures.items()}}


def detect(
    predicted: Float[np.ndarray, " studies"],
    true: Float[np.ndarray, " studies"],
    threshold: float,
    patients: Sequence[str],
    *,
    drawing: Drawing = USUAL,
) -> Detection:
    """AUROC, sensitivity and specificity for true EF < ``threshold``."""
    sick, called = true < threshold, predicted < threshold
    single = len(set(patients)) == len(patients)
    draw = None if single else _Draw(patients, drawing)
    parts = {
        "sensitivity": (called, sick, f"no study lies below {threshold:g} %"),
        "specificity": (~called, ~sick, f"no study lies at or above {threshold:g} %"),
    }
    shares = {name: _share(name, *part, drawing.level, draw) for name, part in parts.items()}
    area = _auroc_estimate(-predicted, sick, drawing.level, draw)
    drawn = _drawn_auroc(-predicted, sick, _Draw(patients, drawing)) if draw is None else area
    return Detection(
        threshold=threshold,
        positives=int(sick.sum()),
        negatives=int((~sick).sum()),
        auroc=area,
        auroc_drawn=replace(drawn, name="auroc_drawn"),
        **shares,
    )


def decide(
    predicted: Values, true: Values, patients: Sequence[str], *, drawing: Drawing = USUAL
) -> tuple[Estimate, ...]:
    """AUROC, sensitivity, specificity, precision, F1 and accuracy of a predicted probability, with their intervals.

    A study is positive where ``true`` is 1, and called so from a probability of ``HALF`` on. F1, which is no
    proportion of studies, has a bootstrap interval over patients always.
    """
    sick, called = true > HALF, predicted >= HALF
    draw = _Draw(patients, drawing)
    often = None if len(set(patients)) == len(patients) else draw
    shares = [
        _share(name, hit, among, reason, drawing.level, often)
        for name, hit, among, reason in (
            ("sensitivity", called, sick, "no study is positive"),
            ("specificity", ~called, ~sick, "no study is negative"),
            ("precision", sick, called, "no study is called positive"),
        )
    ]
    accuracy = _share("accuracy", called == sick, np.ones_like(sick), "no studies", drawing.level, often)
    some = bool((sick | called).any())
    balance = draw.estimate("f1", lambda w: f1(predicted, true, w)) if some else absent("f1", "no study is positive")
    return _auroc_estimate(predicted, sick, drawing.level, often), *shares, balance, accuracy


def sensitivity(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Share of the positive studies that are called so."""
    return _fraction((predicted >= HALF) & (true > HALF), true > HALF, weights)


def specificity(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Share of the negative studies that are called so."""
    return _fraction((predicted < HALF) & (true <= HALF), true <= HALF, weights)


def precision(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Share of the studies called positive that are."""
    return _fraction((predicted >= HALF) & (true > HALF), predicted >= HALF, weights)


def f1(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Harmonic mean of precision and sensitivity."""
    called, sick = (predicted >= HALF).astype(np.float64), (true > HALF).astype(np.float64)
    return _fraction(2 * called * sick, called + sick, weights)


def accuracy(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """Share of the studies that are called what they are."""
    return _fraction((predicted >= HALF) == (true > HALF), np.ones_like(true), weights)


def area(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
    """AUROC of a predicted probability."""
    return auroc(predicted, true > HALF, weights)


def _fraction(above: np.ndarray, below: np.ndarray, weights: Weights | None) -> Figures:
    counts = np.ones(len(above)) if weights is None else weights
    whole = np.asarray(counts @ below.astype(np.float64))
    part = np.asarray(counts @ above.astype(np.float64))
    return np.asarray(np.divide(part, whole, out=np.full_like(whole, np.nan), where=whole > 0))


def auroc(
    scores: Float[np.ndarray, " studies"],
    positive: Bool[np.ndarray, " studies"],
    weights: Float[np.ndarray, "*draws studies"] | None = None,
) -> Float[np.ndarray, "*draws"]:
    """Chance that a positive study scores above a negative one, ties counting half (Mann–Whitney).

    ``weights`` says how often each study counts; NaN where a class has no weight.
    """
    plus, minus = _by_score(scores, positive, np.ones(len(scores)) if weights is None else weights)
    pairs = plus.sum(-1) * minus.sum(-1)
    won = (plus * (minus.cumsum(-1) - 0.5 * minus)).sum(-1)
    return np.asarray(np.divide(won, pairs, out=np.full_like(pairs, np.nan), where=pairs > 0))


def roc(
    scores: Float[np.ndarray, " studies"], positive: Bool[np.ndarray, " studies"]
) -> tuple[Float[np.ndarray, " points"], Float[np.ndarray, " points"]]:
    """False alarms and hits, each as a share of its class, from a threshold above all scores to one below them.

    Both classes need a study. Studies of one score are called together: the curve is straight there.
    """
    plus, minus = _by_score(scores, positive, np.ones(len(scores)))
    shares = [np.concatenate([[0.0], part[::-1].cumsum() / part.sum()]) for part in (minus, plus)]
    return shares[0], shares[1]


def delong_variance(scores: Float[np.ndarray, " studies"], positive: Bool[np.ndarray, " studies"]) -> float:
    """Variance of the AUROC by DeLong's placements; both classes need two studies."""
    above = _wins(scores[positive], scores[~positive])
    by_positive, by_negative = above.mean(1), above.mean(0)
    return float(by_positive.var(ddof=1) / by_positive.size + by_negative.var(ddof=1) / by_negative.size)


def wilson(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of a proportion (Wilson, JASA 1927); ``trials`` is at least 1."""
    found = stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
    return float(found.low), float(found.high)


def proportion(name: str, successes: int, trials: int, level: float, empty: str) -> Estimate:
    """A proportion with Wilson's interval, or ``empty`` as the reason where there were no trials."""
    if trials == 0:
        return absent(name, empty)
    low, high = wilson(successes, trials, level)
    value = successes / trials
    # rounding may put the end of an interval a hair inside 0 or 1
    return Estimate(name=name, value=value, low=min(low, value), high=max(high, value), method="Wilson")


@dataclass(frozen=True)
class _Draw:
    """Patients to draw, where some have several studies."""

    patients: Sequence[str]
    drawing: Drawing

    def estimate(
        self, name: str, figure: Callable[[Float[np.ndarray, "*draws studies"]], Float[np.ndarray, "*draws"]]
    ) -> Estimate:
        """The figure on the sample, and its interval over patients."""
        value = float(figure(np.ones(len(self.patients))))
        (found,) = intervals(lambda weights: np.stack([figure(weights)]), self.patients, self.drawing)
        return Estimate(
            name=name, value=value, low=found.low, high=found.high, method=found.method, reason=found.reason
        )


def _auroc_estimate(
    scores: Float[np.ndarray, " studies"],
    positive: Bool[np.ndarray, " studies"],
    level: float,
    draw: _Draw | None,
) -> Estimate:
    sick, well = int(positive.sum()), int((~positive).sum())
    if sick == 0 or well == 0:
        return absent("auroc", f"all {sick + well} studies lie on one side of the threshold")
    if draw is not None:
        return draw.estimate("auroc", lambda w: auroc(scores, positive, w))
    value = float(auroc(scores, positive))
    if min(sick, well) < 2:
        return Estimate(name="auroc", value=value, reason="one study in a class gives no interval")
    variance = delong_variance(scores, positive)
    if variance == 0:
        return Estimate(
            name="auroc", value=value, reason="the classes are separated completely: the interval has no width"
        )
    margin = float(stats.norm.ppf((1 + level) / 2)) * variance**0.5
    return Estimate(
        name="auroc", value=value, low=max(0.0, value - margin), high=min(1.0, value + margin), method="DeLong"
    )


def _drawn_auroc(
    scores: Float[np.ndarray, " studies"], positive: Bool[np.ndarray, " studies"], draw: _Draw
) -> Estimate:
    if positive.all() or not positive.any():
        return absent("auroc", f"all {len(positive)} studies lie on one side of the threshold")
    return draw.estimate("auroc", lambda weights: auroc(scores, positive, weights))


def _by_score(
    scores: Float[np.ndarray, " studies"],
    positive: Bool[np.ndarray, " studies"],
    weights: Float[np.ndarray, "*draws studies"],
) -> tuple[Float[np.ndarray, "*draws scores"], Float[np.ndarray, "*draws scores"]]:
    """Weight of the positive and of the negative studies at each score that occurs, ascending."""
    order = np.argsort(scores, kind="stable")
    _, first = np.unique(scores[order], return_index=True)
    ordered = weights[..., order]
    plus, minus = (np.add.reduceat(ordered * part[order], first, axis=-1) for part in (positive, ~positive))
    return plus, minus


def _share(
    name: str,
    hit: Bool[np.ndarray, " studies"],
    among: Bool[np.ndarray, " studies"],
    empty: str,
    level: float,
    draw: _Draw | None,
) -> Estimate:
    if draw is None or not among.any():
        return proportion(name, int((hit & among).sum()), int(among.sum()), level, empty)
    return draw.estimate(name, lambda weights: _fraction(hit & among, among, weights))


def _wins(
    positive: Float[np.ndarray, " positives"], negative: Float[np.ndarray, " negatives"]
) -> Float[np.ndarray, "positives negatives"]:
    """1 where the positive scores higher, a half where both score the same."""
    difference = positive[:, None] - negative[None, :]
    return np.asarray((difference > 0) + 0.5 * (difference == 0))


DECISIONS: Mapping[str, Metric] = MappingProxyType(
    {
        "auroc": area,
        "sensitivity": sensitivity,
        "specificity": specificity,
        "precision": precision,
        "f1": f1,
        "accuracy": accuracy,
    }
)
"""Every figure of a yes or no by the name it has in results."""
