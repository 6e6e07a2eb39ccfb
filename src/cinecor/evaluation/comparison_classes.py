"""What each model of a comparison calls each class: of the mean of its seeds, case by case."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from cinecor.evaluation.bootstrap import Drawing, Interval, intervals
from cinecor.evaluation.class_table import class_names
from cinecor.evaluation.classification import HALF
from cinecor.evaluation.comparison import Comparison
from cinecor.evaluation.many_classes import confusion

NO_AND_YES = ("no", "yes")
"""Names of the classes of a yes or no."""

Places = Int[np.ndarray, " cases"]


def tabulate_classes(comparison: Comparison) -> pd.DataFrame:
    """Share of each class that is called so: ``name class count accuracy low high``, intervals over patients."""
    rows = [
        (name, label, int((true == place).sum()), share, found.low, found.high)
        for name, labels, called, true, owners in _each(comparison)
        for place, (label, share, found) in enumerate(
            zip(labels, *_locate(called, true, owners, len(labels), comparison.drawing), strict=True)
        )
    ]
    return pd.DataFrame(rows, columns=["name", "class", "count", "accuracy", "low", "high"])


def tabulate_confusion(comparison: Comparison) -> pd.DataFrame:
    """How many cases of each class are called what: ``name true called count``."""
    rows = [
        (name, labels[is_so], labels[said], int(count))
        for name, labels, called, true, _ in _each(comparison)
        for (is_so, said), count in np.ndenumerate(confusion(called, true, len(labels)))
    ]
    return pd.DataFrame(rows, columns=["name", "true", "called", "count"])


def _each(comparison: Comparison) -> Iterator[tuple[str, tuple[str, ...], Places, Places, np.ndarray]]:
    """Name, names of the classes, what is called and what is true, whose each case is."""
    if not comparison.binary:
        return
    for name, table in comparison.predictions.items():
        many = comparison.kind == "classes"
        labels = class_names(table) if many else NO_AND_YES
        called = table["predicted"] if many else table["predicted"] >= HALF
        yield name, labels, called.to_numpy(np.int64), table["true"].to_numpy(np.int64), table["patient"].to_numpy()


def _locate(
    called: Places, true: Places, owners: np.ndarray, classes: int, drawing: Drawing
) -> tuple[Float[np.ndarray, " classes"], list[Interval]]:
    """Share of each class that is called so, and where it lies; cases are counted by patient first."""
    patients, place = np.unique(owners, return_inverse=True)
    every, hits = np.zeros((2, len(patients), classes))
    np.add.at(every, (place, true), 1)
    np.add.at(hits, (place, true), called == true)

    def statistic(weights: Float[np.ndarray, "*draws patients"]) -> Float[np.ndarray, "classes ..."]:
        above, below = weights @ hits, weights @ every
        shares = np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
        return np.asarray(np.moveaxis(shares, -1, 0))

    return statistic(np.ones(len(patients))), intervals(statistic, patients.tolist(), drawing)
