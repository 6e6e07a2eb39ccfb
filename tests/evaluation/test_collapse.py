from __future__ import annotations

import json

import numpy as np
import pytest

from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.collapse import against_mean, is_collapsed
from cinecor.evaluation.regression import r2, rmse

FEW = Drawing(resamples=200)
IDS = [f"p{i}" for i in range(40)]


def truth() -> np.ndarray:
    return np.random.default_rng(0).uniform(20, 70, 40)


def test_a_good_model() -> None:
    true = truth()
    predicted = true + np.random.default_rng(1).normal(0, 4, 40)
    found = against_mean(predicted, true, IDS, drawing=FEW)
    assert found.skill.value == pytest.approx(float(r2(predicted, true)))  # against its own mean, skill is R²
    assert found.skill.low < found.skill.value < found.skill.high
    assert found.rmse == pytest.approx(true.std())
    assert found.spread == pytest.approx(predicted.std() / true.std())
    assert found.warnings == ()
    assert found.source == "the 40 evaluated studies"


def test_the_mean_comes_from_training() -> None:
    true, training = truth(), np.array([60.0, 62.0, 64.0])
    predicted = true + 3
    found = against_mean(predicted, true, IDS, training=training, drawing=FEW)
    assert found.mean == 62
    assert found.source == "3 training studies"
    assert found.rmse == pytest.approx(float(rmse(np.full(40, 62.0), true)))
    assert found.mae == pytest.approx(np.abs(true - 62).mean())
    assert found.skill.value == pytest.approx(1 - 9 / ((true - 62) ** 2).mean())


def test_no_training_studies() -> None:
    assert "evaluated" in against_mean(truth() + 1, truth(), IDS, training=np.empty(0), drawing=FEW).source


def test_a_collapsed_model_is_named() -> None:
    true = truth()
    predicted = true.mean() + np.random.default_rng(2).normal(0, 0.5, 40)
    warnings = " ".join(against_mean(predicted, true, IDS, drawing=FEW).warnings)
    assert "nearly constant" in warnings
    assert "not better than predicting the mean" in warnings or "cannot be shown" in warnings


def test_worse_than_the_mean() -> None:
    true = truth()
    found = against_mean(true[::-1].copy(), true, IDS, drawing=FEW)
    assert found.skill.value < 0
    assert found.warnings == ("The model is not better than predicting the mean for every study.",)


def test_not_shown_to_be_better() -> None:
    true = truth()
    noise = np.random.default_rng(3).normal(0, 1, 40)
    predicted = true + noise * true.std() * 0.93 / np.sqrt((noise**2).mean())
    found = against_mean(predicted, true, IDS, drawing=FEW)
    assert found.skill.value > 0 > found.skill.low
    assert found.warnings == ("It cannot be shown that the model is better than predicting the mean for every study.",)


def test_constant_truth() -> None:
    true = np.full(5, 55.0)
    found = against_mean(true + np.arange(5.0), true, IDS[:5], drawing=FEW)
    assert found.skill.value is None
    assert found.skill.reason
    assert found.spread is None
    json.dumps(found.as_dict(), allow_nan=False)


def test_two_patients_have_no_interval() -> None:
    found = against_mean(np.array([50.0, 60.0]), np.array([51.0, 58.0]), ["a", "b"], drawing=FEW)
    assert found.skill.value == pytest.approx(1 - 5 / 24.5)
    assert found.skill.low is None
    assert "2 patient" in found.skill.reason


@pytest.mark.parametrize("shrink", [1.0, 0.5, 0.0, -0.5])
def test_collapsed_is_where_the_skill_against_the_mean_is_not_above_zero(shrink: float) -> None:
    rng = np.random.default_rng(8)
    true, training = rng.normal(55, 12, 50), rng.normal(58, 12, 90)
    predicted = training.mean() + shrink * (true - training.mean())
    patients = [str(number) for number in range(50)]
    skill = against_mean(predicted, true, patients, training=training).skill.value
    assert is_collapsed(predicted, true, float(training.mean())) == (skill <= 0)


def test_constant_at_the_tests_own_mean_is_a_collapse_though_its_skill_is_above_zero() -> None:
    true = np.random.default_rng(9).normal(55, 12, 50)
    constant = np.full(50, true.mean())
    assert against_mean(constant, true, [str(i) for i in range(50)], training=true + 5).skill.value > 0
    assert is_collapsed(constant, true, float(true.mean() + 5))


def test_constant_truth_is_no_ground_for_a_collapse() -> None:
    assert not is_collapsed(np.full(5, 50.0), np.full(5, 50.0), 50.0)
