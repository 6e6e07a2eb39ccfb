"""How well one of many classes is recognised: accuracy, precision, recall, F1, AUROC of each class and their means.

All of it is made of counts of (true class, called class), weighted by how often each row counts, so that ten thousand
draws of patients are one product of matrices. The figures are scikit-learn's with ``zero_division=0``; the means are
over the classes that occur in the truth (``labels=`` those), since a draw of patients may lack a class, which then has
no recall.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from cinecor.evaluation.bootstrap import USUAL, Drawing, Interval, intervals
from cinecor.evaluation.classification import auroc
from cinecor.evaluation.estimate import Estimate, absent
from cinecor.evaluation.regression import Figures, Metric, Values, Weights

OF_CLASS = ("precision", "recall", "f1", "auroc")
"""Figures of each class; the mean of each over the classes is ``macro_`` it."""
WHOLE = ("accuracy", *(f"macro_{name}" for name in OF_CLASS))


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """One class against all others."""

    name: str
    count: int
    """Rows of this class."""
    figures: tuple[Estimate, ...]

    def figure(self, name: str) -> Estimate:
        """``precision``, ``recall``, ``f1`` or ``auroc``."""
        return next(figure for figure in self.figures if figure.name == name)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"name": self.name, "count": self.count, **{each.name: each.as_dict() for each in self.figures}}


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """How well classes are recognised in one set of rows."""

    figures: tuple[Estimate, ...]
    """``accuracy``, ``macro_precision``, ``macro_recall``, ``macro_f1``, ``macro_auroc``."""
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Rows by true (down) and called (across) class."""

    def figure(self, name: str) -> Estimate:
        """The figure of that name."""
        return next(figure for figure in self.figures if figure.name == name)


def recognise(
    likely: Float[np.ndarray, "rows classes"],
    true: Int[np.ndarray, " rows"],
    names: Sequence[str],
    patients: Sequence[str],
    *,
    drawing: Drawing = USUAL,
) -> Recognised:
    """All figures with bootstrap intervals over patients.

    Args:
        likely: probability of each class.
        true: place of the true class.
        names: of the classes.
        patients: whose each row is.
        drawing: confidence, number of draws and seed.
    """

    def statistic(weights: Weights) -> Float[np.ndarray, "figures ..."]:
        return _all_figures(likely, true, weights)

    values = statistic(np.ones(len(true)))
    found = intervals(statistic, patients, drawing)
    estimates = iter(zip(values.tolist(), found, strict=True))
    whole = tuple(_estimate(name, *next(estimates), "") for name in WHOLE)
    counts = confusion(likely.argmax(1), true, len(names))
    classes = tuple(
        ClassFigures(
            name=name,
            count=int(counts[place].sum()),
            figures=tuple(_estimate(figure, *next(estimates), _missing(figure, counts, place)) for figure in OF_CLASS),
        )
        for place, name in enumerate(names)
    )
    return Recognised(figures=whole, classes=classes, confusion=tuple(tuple(map(int, row)) for row in counts))


def confusion(called: Int[np.ndarray, " rows"], true: Int[np.ndarray, " rows"], classes: int) -> np.ndarray:
    """Rows by true (down) and called (across) class."""
    return np.bincount(true * classes + called, minlength=classes**2).reshape(classes, classes)


def _all_figures(likely: np.ndarray, true: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """``WHOLE``, then ``OF_CLASS`` of each class: ``figures *draws``."""
    classes = likely.shape[1]
    counts = _counts(likely.argmax(1), true, weights, classes)
    parts = _of_class(counts)
    parts["auroc"] = np.stack([auroc(likely[:, place], true == place, weights) for place in range(classes)], -1)
    present = counts.sum(-1) > 0
    whole = [_accuracy(counts), *(_mean(parts[name], present) for name in OF_CLASS)]
    single = [parts[name][..., place] for place in range(classes) for name in OF_CLASS]
    return np.stack([*whole, *single])


def _counts(called: np.ndarray, true: np.ndarray, weights: np.ndarray, classes: int) -> np.ndarray:
    """Weight of each true (last but one axis) and called (last) class."""
    cells = np.zeros((len(true), classes**2))
    cells[np.arange(len(true)), true * classes + called] = 1
    return np.asarray(weights @ cells).reshape(*weights.shape[:-1], classes, classes)


def _of_class(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Precision, recall and F1, ``*draws class``; recall does not exist of a class that does not occur."""
    right, is_so, said = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(-1), counts.sum(-2)
    return {
        "precision": _ratio(right, said, 0.0),
        "recall": _ratio(right, is_so, np.nan),
        "f1": np.where(is_so > 0, _ratio(2 * right, is_so + said, 0.0), np.nan),
    }


def _accuracy(counts: np.ndarray) -> np.ndarray:
    return _ratio(np.diagonal(counts, axis1=-2, axis2=-1).sum(-1), counts.sum((-2, -1)), np.nan)


def _mean(values: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Over the classes that occur; a value that does not exist is left out."""
    some = present & np.isfinite(values)
    return _ratio(np.where(some, values, 0.0).sum(-1), some.sum(-1).astype(np.float64), np.nan)


def _ratio(above: np.ndarray, below: np.ndarray, empty: float) -> np.ndarray:
    return np.asarray(np.divide(above, below, out=np.full(np.shape(below), empty), where=below > 0))


def _estimate(name: str, value: float, found: Interval, reason: str) -> Estimate:
    if reason or not np.isfinite(value):
        return absent(name, reason or "it does not exist here")
    return Estimate(name=name, value=value, low=found.low, high=found.high, method=found.method, reason=found.reason)


def _missing(figure: str, counts: np.ndarray, place: int) -> str:
    """Why a class has no such figure; empty where it has."""
    if not counts[place].sum():
        return "nothing is of this class"
    if figure == "precision" and not counts[:, place].sum():
        return "nothing is called so, which counts as 0 in the mean"
    return "everything is of this class" if figure == "auroc" and counts[place].sum() == counts.sum() else ""


def _by_place(figure: str) -> Metric:
    """A figure of called and true places of classes, as a comparison wants it."""

    def of_places(predicted: Values, true: Values, weights: Weights | None = None) -> Figures:
        called, right = predicted.astype(np.int64), true.astype(np.int64)
        classes = int(max(called.max(), right.max())) + 1
        counts = _counts(called, right, np.ones(len(true)) if weights is None else weights, classes)
        if figure == "accuracy":
            return _accuracy(counts)
        return _mean(_of_class(counts)[figure.removeprefix("macro_")], counts.sum(-1) > 0)

    return of_places


PLACED: Mapping[str, Metric] = MappingProxyType(
    {name: _by_place(name) for name in ("accuracy", "macro_f1", "macro_precision", "macro_recall")}
)
"""Figures of called against true classes, both as places, by the name they have in results."""
