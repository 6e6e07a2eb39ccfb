from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score, roc_auc_score, roc_curve

from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.classification import (
    DECISIONS,
    auroc,
    decide,
    delong_variance,
    detect,
    proportion,
    roc,
    wilson,
)

FEW = Drawing(resamples=200)


def sample(studies: int = 60, seed: int = 0, noise: float = 9.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.uniform(20, 70, studies)
    return np.round(true + rng.normal(0, noise, studies)), true  # whole numbers: there are ties


def ids(studies: int, each: int = 1) -> list[str]:
    return [f"p{i // each}" for i in range(studies)]


@pytest.mark.parametrize("seed", range(4))
def test_auroc_is_that_of_sklearn(seed: int) -> None:
    predicted, true = sample(seed=seed)
    assert auroc(-predicted, true < 40) == pytest.approx(roc_auc_score(true < 40, -predicted))


def test_auroc_with_weights_repeats_studies() -> None:
    predicted, true = sample(20)
    weights = np.random.default_rng(1).integers(0, 3, (5, 20))
    found = auroc(-predicted, true < 45, weights.astype(float))
    for row, value in zip(weights, found, strict=True):
        assert value == pytest.approx(roc_auc_score(np.repeat(true < 45, row), np.repeat(-predicted, row)))


def test_auroc_of_a_draw_without_a_class_is_nan() -> None:
    weights = np.array([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    found = auroc(np.array([1.0, 2.0, 3.0]), np.array([False, False, True]), weights)
    assert np.isnan(found[0])
    assert found[1] == 1


@pytest.mark.parametrize("seed", range(4))
def test_the_curve_is_that_of_sklearn(seed: int) -> None:
    predicted, true = sample(seed=seed)
    false, right = roc(-predicted, true < 45)
    expected_false, expected_right, _ = roc_curve(true < 45, -predicted, drop_intermediate=False)
    assert false == pytest.approx(expected_false)
    assert right == pytest.approx(expected_right)
    assert np.trapezoid(right, false) == pytest.approx(float(auroc(-predicted, true < 45)))


def test_the_drawn_interval_is_that_of_a_bootstrap_written_out() -> None:
    """BCa moves the percentiles a little; with a symmetric figure both are near each other and near DeLong's."""
    predicted, true = sample(150, seed=3, noise=25.0)
    found = detect(predicted, true, 45.0, ids(150), drawing=Drawing(resamples=1000))
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(1000):
        chosen = rng.integers(0, 150, 150)
        draws.append(float(auroc(-predicted[chosen], true[chosen] < 45)))
    low, high = np.quantile(draws, [0.025, 0.975])
    assert (found.auroc_drawn.low, found.auroc_drawn.high) == pytest.approx((low, high), abs=0.02)
    assert (found.auroc.low, found.auroc.high) == pytest.approx((low, high), abs=0.02)
    assert "over patients" in found.auroc_drawn.method


def naive_delong(scores: np.ndarray, positive: np.ndarray) -> float:
    def wins(x: float, y: float) -> float:
        return 1.0 if x > y else 0.5 if x == y else 0.0

    xs, ys = scores[positive], scores[~positive]
    v10 = [sum(wins(x, y) for y in ys) / len(ys) for x in xs]
    v01 = [sum(wins(x, y) for x in xs) / len(xs) for y in ys]
    theta = sum(v10) / len(v10)
    s10 = sum((v - theta) ** 2 for v in v10) / (len(xs) - 1)
    s01 = sum((v - theta) ** 2 for v in v01) / (len(ys) - 1)
    return s10 / len(xs) + s01 / len(ys)


@pytest.mark.parametrize("seed", range(3))
def test_delong_is_the_naive_one(seed: int) -> None:
    predicted, true = sample(40, seed)
    assert delong_variance(-predicted, true < 40) == pytest.approx(naive_delong(-predicted, true < 40))
    found = detect(predicted, true, 40.0, ids(40)).auroc
    margin = 1.959963985 * math.sqrt(naive_delong(-predicted, true < 40))
    assert (found.low, found.high) == pytest.approx((found.value - margin, min(1.0, found.value + margin)))
    assert found.method == "DeLong"


@pytest.mark.parametrize(("hits", "trials"), [(0, 5), (5, 5), (3, 7), (81, 263), (1, 1)])
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_wilson_closed_form(hits: int, trials: int, level: float) -> None:
    z = stats.norm.ppf((1 + level) / 2)
    share = hits / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    assert wilson(hits, trials, level) == pytest.approx((centre - half, centre + half), abs=1e-12)
    estimate = proportion("share", hits, trials, level, "nothing")
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


def test_sensitivity_and_specificity_by_hand() -> None:
    true = np.array([30.0, 35.0, 39.0, 40.0, 55.0, 60.0, 65.0])
    predicted = np.array([33.0, 44.0, 39.9, 40.0, 38.0, 58.0, 66.0])
    found = detect(predicted, true, 40.0, ids(7))
    assert (found.positives, found.negatives) == (3, 4)
    assert found.sensitivity.value == pytest.approx(2 / 3)
    assert found.specificity.value == pytest.approx(3 / 4)
    assert (found.sensitivity.low, found.sensitivity.high) == pytest.approx(wilson(2, 3))
    assert found.as_dict()["auroc"]["value"] == pytest.approx(roc_auc_score(true < 40, -predicted))


def test_order_of_studies_does_not_matter() -> None:
    predicted, true = sample()
    order = np.random.default_rng(1).permutation(60)
    patients = ids(60, 2)
    one = detect(predicted, true, 45.0, patients, drawing=FEW).as_dict()
    other = detect(predicted[order], true[order], 45.0, [patients[i] for i in order], drawing=FEW).as_dict()
    for name in ("auroc", "auroc_drawn", "sensitivity", "specificity"):
        for end in ("value", "low", "high"):
            assert one[name][end] == pytest.approx(other[name][end])


def test_patients_with_several_studies_are_drawn() -> None:
    predicted, true = sample()
    found = detect(predicted, true, 45.0, ids(60, 3), drawing=FEW)
    single = detect(predicted, true, 45.0, ids(60), drawing=FEW)
    for name in ("auroc", "sensitivity", "specificity"):
        drawn, closed = getattr(found, name), getattr(single, name)
        assert "over patients" in drawn.method
        assert drawn.value == pytest.approx(closed.value)
        assert drawn.low <= drawn.value <= drawn.high


@pytest.mark.parametrize("each", [1, 2])
@pytest.mark.parametrize(("true", "absent"), [(60.0, "sensitivity"), (30.0, "specificity")])
def test_one_class_is_said_so(true: float, absent: str, each: int) -> None:
    found = detect(np.linspace(20, 70, 8), np.full(8, true), 40.0, ids(8, each), drawing=FEW)
    assert found.auroc.value is None
    assert "one side" in found.auroc.reason
    estimate = getattr(found, absent)
    assert estimate.value is None
    assert "no study lies" in estimate.reason


def test_one_study_in_a_class_gives_no_interval() -> None:
    found = detect(np.array([30.0, 50, 60, 35]), np.array([30.0, 50, 60, 55]), 40.0, ids(4)).auroc
    assert found.value == 1
    assert (found.low, found.high) == (None, None)
    assert "one study" in found.reason


def test_complete_separation_gives_no_interval() -> None:
    true = np.array([30.0, 31, 55, 60])
    found = detect(true, true, 40.0, ids(4)).auroc
    assert found.value == 1
    assert found.low is None
    assert "separated" in found.reason


DECIDED = {
    "auroc": lambda sick, said: roc_auc_score(sick, said),
    "sensitivity": lambda sick, said: recall_score(sick, said >= 0.5),
    "specificity": lambda sick, said: recall_score(~sick, said < 0.5),
    "precision": lambda sick, said: precision_score(sick, said >= 0.5),
    "f1": lambda sick, said: f1_score(sick, said >= 0.5),
    "accuracy": lambda sick, said: accuracy_score(sick, said >= 0.5),
}


def probabilities(studies: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sick = rng.random(studies) < 0.6
    said = np.round(np.clip(0.5 + 0.2 * sick - 0.1 + rng.normal(0, 0.25, studies), 0, 1), 2)
    return said, sick.astype(float)


@pytest.mark.parametrize("each", [1, 2])
def test_decisions_are_those_of_sklearn_and_lie_in_their_intervals(each: int) -> None:
    said, true = probabilities(60)
    said[0] = 0.5  # is called positive
    found = decide(said, true, ids(60, each), drawing=FEW)
    assert [figure.name for figure in found] == list(DECISIONS) == list(DECIDED)
    for figure in found:
        assert figure.value == pytest.approx(DECIDED[figure.name](true > 0, said))
        assert figure.low < figure.value < figure.high
    by_name = {figure.name: figure for figure in found}
    if each == 1:
        assert (by_name["precision"].low, by_name["precision"].high) == pytest.approx(
            wilson(int(((said >= 0.5) & (true > 0)).sum()), int((said >= 0.5).sum()))
        )
        assert by_name["auroc"].method == "DeLong"
    assert "bootstrap" in by_name["f1"].method


@pytest.mark.parametrize("name", DECIDED)
def test_weights_repeat_studies_in_every_decision(name: str) -> None:
    said, true = probabilities(30, seed=2)
    weights = np.random.default_rng(1).integers(0, 3, (4, 30))
    for row, value in zip(weights, DECISIONS[name](said, true, weights.astype(float)), strict=True):
        assert value == pytest.approx(DECIDED[name](np.repeat(true, row) > 0, np.repeat(said, row)))


def test_decisions_of_one_kind_say_why_they_are_absent() -> None:
    found = {figure.name: figure for figure in decide(np.full(9, 0.2), np.zeros(9), ids(9), drawing=FEW)}
    assert found["specificity"].value == found["accuracy"].value == 1.0
    assert {name for name, figure in found.items() if figure.value is None} == {
        *("auroc", "sensitivity", "precision", "f1")
    }
    assert found["precision"].reason == "no study is called positive"
    assert np.isnan(DECISIONS["f1"](np.full(9, 0.2), np.zeros(9), None))
