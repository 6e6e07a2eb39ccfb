"""Two classifiers of the same patients as one: the mean of what both say, or weights that are learned from others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from scipy import optimize

from cinecor.errors import DatasetError
from cinecor.models.tabular import SMALLEST, softmax
from cinecor.training.diagnosis import log_loss

Probabilities = Float[np.ndarray, "row group"]


def mean_of_both(one: Probabilities, other: Probabilities) -> Probabilities:
    """The mean of both tables' probabilities: nothing is learned."""
    return (one + other) / 2


def stack_both(
    one: Probabilities,
    other: Probabilities,
    labels: Sequence[str],
    groups: Sequence[str],
    folds: Int[np.ndarray, " row"],
) -> Probabilities:
    """A logarithmic pool, softmax(a ln p + b ln q), whose weights each fold's patients have from those of the others.

    Both tables must hold what was said of patients by classifiers that had not learned from them. A pool has two
    numbers only, as a hundred patients cannot teach more.

    Args:
        one: probabilities of the first classifier.
        other: of the second.
        labels: group of each patient.
        groups: names of the columns.
        folds: outer fold of each patient.

    Raises:
        DatasetError: BAD_SPLIT for fewer than two folds.
    """
    if len(set(folds.tolist())) < 2:
        raise DatasetError("BAD_SPLIT", "weights are learned from other folds' patients", where="folds")
    right = np.searchsorted(list(groups), np.asarray(labels))
    logs = [np.log(np.maximum(each, SMALLEST)) for each in (one, other)]
    found = np.empty_like(one)
    for fold in set(folds.tolist()):
        held = folds == fold
        weights = _fit_weights([each[~held] for each in logs], right[~held])
        found[held] = _pool([each[held] for each in logs], weights)
    return found


def _fit_weights(logs: Sequence[np.ndarray], right: np.ndarray) -> np.ndarray:
    """Two weights from 0 to 5 of the least log loss, drawn a little towards one half each."""

    def lost(weights: np.ndarray) -> float:
        return log_loss(_pool(logs, weights), right) + 0.01 * float(((weights - 0.5) ** 2).sum())

    start, bounds = np.array([0.5, 0.5]), optimize.Bounds(0.0, 5.0)
    weights: np.ndarray = optimize.minimize(lost, x0=start, bounds=bounds, method="L-BFGS-B").x
    return weights


def _pool(logs: Sequence[np.ndarray], weights: np.ndarray) -> np.ndarray:
    return softmax(weights[0] * logs[0] + weights[1] * logs[1])
