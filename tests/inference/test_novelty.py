"""The distance to the training data: its scale, what it does not depend on, and what follows from it."""

from __future__ import annotations

import numpy as np
import pytest

from cinecor.inference.familiarity import judge
from cinecor.inference.novelty import EDGE, NEAREST, REFUSE, WARN, Novelty


def _training(count: int = 200, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 5)) * [1.0, 10.0, 0.1, 1.0, 3.0]


def test_the_score_by_a_plain_loop() -> None:
    training, points = _training(60), _training(7, seed=1)
    spread = training.std(axis=0) + 1e-6

    def distances(point: np.ndarray) -> list[float]:
        return sorted(float(np.linalg.norm((point - each) / spread)) for each in training)

    own = [np.mean(distances(each)[1 : NEAREST + 1]) for each in training]
    expected = np.median([np.mean(distances(each)[:NEAREST]) for each in points]) / np.percentile(own, EDGE)
    assert Novelty(training).score(points) == pytest.approx(expected, rel=1e-6)


def test_units_of_the_features_do_not_matter() -> None:
    training, points = _training(), _training(5, seed=1)
    scale = np.array([3.0, 0.2, 40.0, 1.0, 7.0])
    one, other = Novelty(training).score(points), Novelty(training * scale).score(points * scale)
    assert one == pytest.approx(other, rel=1e-3)


def test_farther_away_is_newer_and_training_clips_are_not_new() -> None:
    known = Novelty(_training())
    scores = [known.score(_training(9, seed=1) + step * _training().std(axis=0)) for step in (0, 2, 4, 8)]
    assert scores == sorted(scores)
    assert known.score(_training()) < WARN
    assert scores[-1] > REFUSE


def test_what_follows() -> None:
    known, training = Novelty(_training()), _training()
    assert judge(known, training[:8], 0) == ("", "")
    refused, warned = judge(known, training[:8] + 100.0, 0)
    assert "unlike the training loops" in refused
    assert not warned
    between = next(
        moved
        for step in np.linspace(0, 8, 400)
        if WARN < known.score(moved := training[:8] + step * training.std(axis=0)) <= REFUSE
    )
    refused, warned = judge(known, between, 2)
    assert not refused
    assert warned.startswith("loop 2 is unlike")
    assert judge(None, training[:8] + 100.0, 0) == ("", "")
