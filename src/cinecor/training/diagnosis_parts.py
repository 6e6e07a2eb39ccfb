"""The classifiers of scikit-learn that a diagnosis is made of, fitted and turned into plain numbers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from jaxtyping import Float

from cinecor.errors import ConfigError
from cinecor.models.tabular import LEAF, Linear, Trees

TREES = 150
Rows: TypeAlias = Float[np.ndarray, "row column"]

SETTINGS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "forest": {"n_estimators": TREES, "min_samples_leaf": 2},
        "extra": {"n_estimators": TREES, "min_samples_leaf": 2},
        "boosting": {
            "n_estimators": 100, "max_depth": 2, "learning_rate": 0.1, "subsample": 0.6, "max_features": "sqrt",
        },
        "linear": {"C": 0.3, "max_iter": 5_000},
    }
)  # fmt: skip
"""Usual values, not tuned on any cohort: two patients a leaf, shallow trees for boosting, a strong penalty."""


def fit_part(name: str, rows: Rows, groups: np.ndarray, seed: int) -> Trees | Linear:
    """Fit one classifier.

    Args:
        name: one of ``SETTINGS``: random forest, extremely randomised trees, gradient boosting, logistic regression.
        rows: a patient a row.
        groups: names of the patients' groups; those of the result are in sorted order.
        seed: of what is drawn in fitting.

    Raises:
        ConfigError: MISSING_EXTRA without scikit-learn.
    """
    try:
        from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        cure = "pip install 'cinecor[train]'"
        raise ConfigError("MISSING_EXTRA", "to learn a diagnosis needs scikit-learn", cure) from error
    settings = SETTINGS[name]
    if name == "linear":
        centre, scale = rows.mean(axis=0), rows.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        return _linear(LogisticRegression(**settings).fit((rows - centre) / scale, groups), centre, scale)
    kinds = {"forest": RandomForestClassifier, "extra": ExtraTreesClassifier, "boosting": GradientBoostingClassifier}
    fitted = kinds[name](random_state=seed, **settings).fit(rows, groups)
    return _boosting(fitted) if name == "boosting" else _forest(fitted)


def _forest(fitted: Any) -> Trees:
    """Leaves as shares of the classes."""
    trees = [tree.tree_ for tree in fitted.estimators_]
    values = [tree.value[:, 0] / tree.value[:, 0].sum(axis=1, keepdims=True) for tree in trees]
    return _join(trees, values, "mean", np.zeros(len(fitted.classes_)))


def _boosting(fitted: Any) -> Trees:
    """Leaves as what is added to the scores; the scores begin at the logarithms of the classes' shares."""
    count = len(fitted.classes_)
    trees, values = [], []
    for stage in fitted.estimators_:
        if len(stage) != count:
            raise ValueError("boosting of two classes has one score, not two: it has no place here")
        for place, regressor in enumerate(stage):
            trees.append(regressor.tree_)
            value = np.zeros((regressor.tree_.node_count, count))
            value[:, place] = fitted.learning_rate * regressor.tree_.value[:, 0, 0]
            values.append(value)
    return _join(trees, values, "softmax", np.log(fitted.init_.class_prior_))


def _join(trees: list[Any], values: list[np.ndarray], link: str, offset: np.ndarray) -> Trees:
    """One list of nodes; a tree's own places are moved by the number of nodes before it."""
    starts = np.cumsum([0, *(tree.node_count for tree in trees)])
    leaf = [tree.children_left == LEAF for tree in trees]
    pairs = list(zip(trees, starts[:-1], leaf, strict=True))
    return Trees(
        link=link,  # type: ignore[arg-type]
        offset=offset.tolist(),
        roots=starts[:-1].tolist(),
        feature=np.concatenate([np.where(end, LEAF, tree.feature) for tree, _, end in pairs]).tolist(),
        threshold=np.concatenate([np.where(end, 0.0, tree.threshold) for tree, _, end in pairs]).tolist(),
        left=np.concatenate([np.where(end, LEAF, tree.children_left + start) for tree, start, end in pairs]).tolist(),
        right=np.concatenate([np.where(end, LEAF, tree.children_right + start) for tree, start, end in pairs]).tolist(),
        value=np.concatenate(values).tolist(),
    )


def _linear(fitted: Any, centre: np.ndarray, scale: np.ndarray) -> Linear:
    """A score a class; of two classes scikit-learn has but the second's."""
    weight, offset = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:
        weight, offset = np.concatenate([0 * weight, weight]), np.concatenate([[0.0], offset])
    return Linear(centre=centre.tolist(), scale=scale.tolist(), weight=weight.tolist(), offset=offset.tolist())
