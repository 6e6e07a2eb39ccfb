"""The continuity of an embedding: closed forms, other programs, and what must not change it."""

import numpy as np
import pytest
from scipy import stats
from sklearn.neighbors import KNeighborsRegressor

from cinecor.errors import ConfigError
from cinecor.evaluation import Drawing
from cinecor.evaluation.continuity import MOST, continuity

FEW = Drawing(resamples=100)


def _names(count, each=1):
    return [f"p{place // each}" for place in range(count)]


def _noisy(count=60, seed=0):
    generator = np.random.default_rng(seed)
    ef = generator.uniform(20, 75, count)
    return np.column_stack([ef + generator.normal(0, 8, count), generator.normal(0, 8, count)]), ef


def test_an_embedding_that_is_the_value():
    ef = np.arange(40.0)
    found = continuity(ef[:, None], ef, _names(40), neighbours=2, drawing=FEW)
    assert found.order.value == pytest.approx(1.0)
    # two neighbours on either side say an inner loop exactly, and miss by 1.5 at both ends
    assert found.neighbour_error.value == pytest.approx(2 * 1.5 / 40)
    # leaving oneself out, the mean of the others is off by 40/39 of the distance to the mean of all, 10 on average
    assert found.mean_error.value == pytest.approx(10 * 40 / 39)
    assert found.skill.value == pytest.approx(1 - 0.075 / (400 / 39))


def test_a_monotone_scale_keeps_the_order():
    """Powers of two: the distance of a pair is ordered by its larger element alone."""
    exponent = np.arange(12)
    found = continuity((2.0**exponent)[:, None], 2.0**exponent, _names(12), drawing=FEW)
    assert found.order.value == pytest.approx(1.0)


def test_the_order_is_spearman_over_pairs():
    embeddings, ef = _noisy()
    rows, columns = np.triu_indices(60, 1)
    expected = stats.spearmanr(
        np.linalg.norm(embeddings[rows] - embeddings[columns], axis=1), np.abs(ef[rows] - ef[columns])
    )
    found = continuity(embeddings, ef, _names(60), drawing=FEW)
    assert found.order.value == pytest.approx(expected.statistic)
    assert found.order.low < found.order.value < found.order.high


def test_neighbours_as_scikit_learn_has_them():
    embeddings, ef = _noisy()
    said = [
        KNeighborsRegressor(5).fit(np.delete(embeddings, i, 0), np.delete(ef, i)).predict(embeddings[i : i + 1])[0]
        for i in range(60)
    ]
    found = continuity(embeddings, ef, _names(60), drawing=FEW)
    assert found.neighbour_error.value == pytest.approx(np.abs(said - ef).mean())


def test_moving_turning_and_scaling_change_nothing():
    embeddings, ef = _noisy()
    turned = 7.0 * embeddings @ np.array([[0.6, -0.8], [0.8, 0.6]]) + 100.0
    one, other = (continuity(each, ef, _names(60), drawing=FEW).as_dict() for each in (embeddings, turned))
    for name in ("order", "neighbour_error", "skill"):
        assert one[name]["value"] == pytest.approx(other[name]["value"])
        assert one[name]["low"] == pytest.approx(other[name]["low"])


def test_an_embedding_that_knows_nothing():
    generator = np.random.default_rng(1)
    found = continuity(generator.normal(size=(80, 4)), generator.uniform(20, 75, 80), _names(80), drawing=FEW)
    assert abs(found.order.value) < 0.1
    assert found.order.low < found.chance
    assert found.skill.value < 0.1
    known = continuity(*_noisy(80), _names(80), drawing=FEW)
    assert known.order.low > known.chance


def test_loops_of_one_patient_are_not_each_others_evidence():
    """Each patient in a place of their own, loops of a patient together: they alone would look continuous."""
    generator = np.random.default_rng(2)
    places, ef = np.repeat(generator.normal(size=(20, 3)), 4, 0), np.repeat(generator.uniform(20, 75, 20), 4)
    embeddings = places + 1e-3 * generator.normal(size=places.shape)
    apart = continuity(embeddings, ef, _names(80, 4), neighbours=3, drawing=FEW)
    together = continuity(embeddings, ef, _names(80), neighbours=3, drawing=FEW)
    assert together.skill.value > 0.99
    assert apart.skill.value < 0.3
    assert apart.patients == 20


@pytest.mark.parametrize(
    ("embeddings", "ef", "why"),
    [
        (np.zeros((5, 2)), np.arange(5.0), "too few"),
        (np.zeros((20, 2)), np.arange(20.0), "one place"),
        (np.arange(40.0).reshape(20, 2), np.full(20, 55.0), "all the same"),
    ],
)
def test_where_nothing_can_be_said(embeddings, ef, why):
    found = continuity(embeddings, ef, _names(len(ef)), drawing=FEW)
    assert found.order.value is None
    assert why in found.skill.reason


def test_many_loops_are_sampled(monkeypatch):
    monkeypatch.setattr("cinecor.evaluation.continuity.MOST", 30)
    assert MOST > 30
    found = continuity(*_noisy(60), _names(60), drawing=FEW)
    assert found.loops == 30


def test_what_does_not_fit_together():
    with pytest.raises(ConfigError, match="CONFLICT"):
        continuity(np.zeros((4, 2)), np.zeros(4), _names(3))
    with pytest.raises(ConfigError, match="finite"):
        continuity(np.full((4, 2), np.nan), np.zeros(4), _names(4))
