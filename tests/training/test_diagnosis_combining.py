from __future__ import annotations

import numpy as np
import pytest

from cinecor.errors import DatasetError
from cinecor.models.tabular import softmax
from cinecor.training.diagnosis import log_loss
from cinecor.training.diagnosis_combining import mean_of_both, stack_both

GROUPS = ("A", "B", "C")


def tables(good: float, poor: float, count: int = 150) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    """Two classifiers of the same patients, whose scores rise by so much for what is true."""
    generator = np.random.default_rng(0)
    right = np.arange(count) % 3
    one, other = (softmax(generator.normal(size=(count, 3)) + gain * np.eye(3)[right]) for gain in (good, poor))
    return one, other, [GROUPS[place] for place in right], np.arange(count) // 3 % 5


def test_the_mean_is_between_both() -> None:
    one, other, _, _ = tables(2.0, 1.0)
    np.testing.assert_allclose(mean_of_both(one, other), one / 2 + other / 2)


def test_weights_trust_the_better_one() -> None:
    one, other, labels, folds = tables(2.5, 0.0)
    right = np.searchsorted(GROUPS, labels)
    found = stack_both(one, other, labels, GROUPS, folds)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)
    assert log_loss(found, right) < log_loss(mean_of_both(one, other), right)
    assert log_loss(found, right) < log_loss(one, right) + 0.02


def test_two_good_ones_are_better_together() -> None:
    one, other, labels, folds = tables(1.5, 1.5)
    right = np.searchsorted(GROUPS, labels)
    found = stack_both(one, other, labels, GROUPS, folds)
    assert log_loss(found, right) < min(log_loss(one, right), log_loss(other, right))


def test_a_fold_has_no_say_in_its_own_weights() -> None:
    one, other, labels, folds = tables(2.0, 1.0)
    lied = ["A" if fold == 2 else label for fold, label in zip(folds, labels, strict=True)]
    before, after = (stack_both(one, other, each, GROUPS, folds) for each in (labels, lied))
    np.testing.assert_array_equal(before[folds == 2], after[folds == 2])
    assert not np.array_equal(before[folds != 2], after[folds != 2])


def test_one_fold_has_no_others_to_learn_from() -> None:
    one, other, labels, _ = tables(1.0, 1.0, 9)
    with pytest.raises(DatasetError, match="BAD_SPLIT"):
        stack_both(one, other, labels, GROUPS, np.zeros(9, dtype=np.int64))
