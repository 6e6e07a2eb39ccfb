"""What a diagnosis rests on: how much worse it becomes when a figure, or all of a kind, says nothing any more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Int

from cinecor.training.diagnosis import INDEXED, MOTION, RATIOS, SHAPE, WALLS, Nested, log_loss
from cinecor.training.diagnosis_parts import SETTINGS, Rows

KINDS: Mapping[str, tuple[str, ...]] = {
    "ejection fractions and ratios": RATIOS,
    "volumes and mass by body surface": INDEXED,
    "wall thickness": WALLS,
    "thickening and motion": MOTION,
    "shape": SHAPE,
}
SHUFFLES = 5


def permutation(
    nested: Nested,
    rows: Rows,
    labels: Sequence[str],
    folds: Int[np.ndarray, " row"],
    columns: Sequence[str],
    together: Mapping[str, Sequence[str]],
    seed: int = 0,
) -> pd.DataFrame:
    """Log loss and wrong diagnoses that are added when columns are shuffled among a fold's own patients.

    Each fold's classifier has not learned from these patients, so that what counts is what holds beyond its own.

    Args:
        nested: with the classifiers of all folds.
        rows: a patient a row.
        labels: group of each patient.
        folds: outer fold of each patient.
        columns: names of the columns.
        together: columns that are shuffled in one order, by name.
        seed: of the orders.

    Returns:
        ``figure permutation permutation_accuracy``, the most important first.
    """
    right = np.searchsorted(nested.groups, np.asarray(labels))
    base = log_loss(nested.probabilities, right)
    hit = float((nested.probabilities.argmax(axis=1) == right).mean())
    found = []
    for name, members in together.items():
        places = [list(columns).index(member) for member in members]
        generator = np.random.default_rng(seed)
        said = [_shuffled(nested, rows, folds, places, generator) for _ in range(SHUFFLES)]
        losses = [log_loss(each, right) for each in said]
        hits = [float((each.argmax(axis=1) == right).mean()) for each in said]
        found.append((name, float(np.mean(losses)) - base, hit - float(np.mean(hits))))
    table = pd.DataFrame(found, columns=["figure", "permutation", "permutation_accuracy"])
    return table.sort_values("permutation", ascending=False, kind="stable", ignore_index=True)


def impurity(rows: Rows, labels: Sequence[str], columns: Sequence[str], seed: int = 0) -> dict[str, float]:
    """Share of a random forest's decrease of impurity by column, fitted on all patients; they add up to 1."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(random_state=seed, **SETTINGS["forest"])
    forest.fit(np.where(np.isfinite(rows), rows, np.nanmedian(rows, axis=0)), np.asarray(labels))
    return dict(zip(columns, forest.feature_importances_.tolist(), strict=True))


def _shuffled(
    nested: Nested,
    rows: Rows,
    folds: Int[np.ndarray, " row"],
    places: Sequence[int],
    generator: np.random.Generator,
) -> np.ndarray:
    """The probabilities of all patients, each by its fold's classifier, with columns shuffled within the fold."""
    said = np.empty_like(nested.probabilities)
    for fold, classifier in nested.classifiers.items():
        own = np.flatnonzero(folds == fold)
        changed = rows[own].copy()
        changed[:, places] = rows[generator.permutation(own)][:, places]
        said[own] = classifier.probabilities(changed)
    return said
