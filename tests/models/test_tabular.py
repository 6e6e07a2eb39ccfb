from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from cinecor.models.tabular import (
    Linear,
    PairRule,
    TabularClassifier,
    Trees,
    divide_pair,
    softmax,
    temper,
)


def stump(column: int = 0, threshold: float = 0.5, low=(1.0, 0.0), high=(0.2, 0.8), link="mean") -> Trees:
    """A tree of one question."""
    return Trees(
        link=link,
        offset=[0.0] * len(low),
        roots=[0],
        feature=[column, -1, -1],
        threshold=[threshold, 0.0, 0.0],
        left=[1, -1, -1],
        right=[2, -1, -1],
        value=[[0.0] * len(low), list(low), list(high)],
    )


def classifier(**changes) -> TabularClassifier:
    values = {"columns": ["a", "b"], "groups": ["X", "Y"], "typical": [0.0, 9.0], "parts": [stump()]} | changes
    return TabularClassifier(**values)


def test_a_tree_asks_and_answers() -> None:
    found = stump().probabilities(np.array([[0.5, 0.0], [0.6, 0.0]]))
    np.testing.assert_array_equal(found, [[1.0, 0.0], [0.2, 0.8]])


def test_scores_of_trees_are_added_before_the_softmax() -> None:
    found = stump(low=(1.0, 0.0), high=(0.0, 2.0), link="softmax").probabilities(np.array([[1.0]]))
    np.testing.assert_allclose(found, softmax(np.array([[0.0, 2.0]])))


def test_what_is_not_known_is_typical() -> None:
    rows = np.array([[np.nan, 1.0], [1.0, np.nan]])
    found = classifier().probabilities(rows)
    np.testing.assert_allclose(found, classifier().probabilities(np.array([[0.0, 1.0], [1.0, 9.0]])))


def test_a_pairs_rule_moves_nothing_from_or_to_the_others() -> None:
    said = np.array([[0.5, 0.2, 0.3]])
    np.testing.assert_allclose(divide_pair(said, (0, 2), np.array([[0.25, 0.75]])), [[0.2, 0.2, 0.6]])
    three = stump(low=(0.5, 0.2, 0.3), high=(0.1, 0.1, 0.8))
    rule = PairRule(groups=("X", "Z"), parts=[stump(low=(0.25, 0.75))])
    made = classifier(groups=["X", "Y", "Z"], parts=[three], pairs=[rule])
    np.testing.assert_allclose(made.probabilities(np.array([[0.0, 0.0]])), [[0.2, 0.2, 0.6]])


def test_temperature_keeps_the_order_and_the_sum() -> None:
    said = softmax(np.random.default_rng(0).normal(size=(20, 5)))
    for temperature in (0.3, 1.0, 4.0):
        found = temper(said, temperature)
        np.testing.assert_allclose(found.sum(axis=1), 1.0)
        np.testing.assert_array_equal(found.argsort(axis=1), said.argsort(axis=1))
    np.testing.assert_allclose(temper(said, 1.0), said)
    assert temper(said, 4.0).max() < said.max() < temper(said, 0.3).max()


def test_parts_count_alike() -> None:
    other = Linear(centre=[0.0, 0.0], scale=[1.0, 2.0], weight=[[0.0, 0.0], [0.0, 2.0]], offset=[0.0, 0.0])
    rows = np.array([[0.0, 3.0]])
    np.testing.assert_allclose(other.probabilities(rows), softmax(np.array([[0.0, 3.0]])))
    found = classifier(parts=[stump(), other]).probabilities(rows)
    np.testing.assert_allclose(found, (stump().probabilities(rows) + other.probabilities(rows)) / 2)


@pytest.mark.parametrize(
    "change",
    [
        {"left": [0, -1, -1]},  # a circle
        {"right": [7, -1, -1]},
        {"roots": [3]},
        {"roots": []},
        {"value": [[0.0], [1.0], [0.2]]},
        {"threshold": [float("nan"), 0.0, 0.0]},
        {"threshold": [0.5]},
    ],
)
def test_a_tree_that_cannot_be_walked_is_refused(change) -> None:
    with pytest.raises(ValidationError):
        Trees.model_validate(stump().model_dump() | change)


@pytest.mark.parametrize(
    "change",
    [
        {"parts": [stump(column=2)]},
        {"parts": [stump(low=(1.0, 0.0, 0.0), high=(0.0, 1.0, 0.0))]},
        {"typical": [0.0]},
        {"columns": ["a", "a"]},
        {"temperature": 0.0},
        {"pairs": [PairRule(groups=("X", "Q"), parts=[stump()])]},
        {"parts": []},
    ],
)
def test_a_classifier_that_does_not_fit_together_is_refused(change) -> None:
    with pytest.raises(ValidationError):
        classifier(**change)
