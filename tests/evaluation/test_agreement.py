from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cinecor.evaluation.agreement import bland_altman, limits
from cinecor.evaluation.bootstrap import Drawing

FEW = Drawing(resamples=200)


def sample(studies: int = 30, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rng = np.random.default_rng(seed)
    true = rng.uniform(20, 70, studies)
    return 0.9 * true + 7 + rng.normal(0, 5, studies), true, [f"p{i}" for i in range(studies)]


def ends(estimate) -> tuple[float, float, float]:
    return estimate.low, estimate.value, estimate.high


def test_closed_forms_of_1999() -> None:
    predicted, true, patients = sample()
    found = bland_altman(predicted, true, patients, unit="%")
    differences, n = predicted - true, 30
    mean = math.fsum(differences) / n
    sd = math.sqrt(math.fsum((d - mean) ** 2 for d in differences) / (n - 1))
    t = stats.t.ppf(0.975, n - 1)
    error = sd * math.sqrt(1 / n + 1.959963985**2 / (2 * (n - 1)))
    assert ends(found.bias) == pytest.approx((mean - t * sd / math.sqrt(n), mean, mean + t * sd / math.sqrt(n)))
    lower, upper = mean - 1.959963985 * sd, mean + 1.959963985 * sd
    assert ends(found.lower) == pytest.approx((lower - t * error, lower, lower + t * error))
    assert ends(found.upper) == pytest.approx((upper - t * error, upper, upper + t * error))
    assert {found.bias.unit, found.lower.unit, found.upper.unit} == {"%"}


def test_worked_example_of_1999() -> None:
    """Bland & Altman 1999, section 2: 85 subjects, mean difference -16.29 and SD 19.61 mmHg give -54.7 and 22.1."""
    differences = stats.zscore(np.random.default_rng(1).normal(size=85), ddof=1) * 19.61 - 16.29
    found = bland_altman(differences + 127.4, np.full(85, 127.4), [str(i) for i in range(85)])
    assert found.lower.value == pytest.approx(-54.7, abs=0.05)
    assert found.upper.value == pytest.approx(22.1, abs=0.05)
    assert (found.lower.low, found.lower.high) == pytest.approx((-61.9, -47.5), abs=0.2)


def test_exchange_turns_everything_round() -> None:
    predicted, true, patients = sample()
    one, other = bland_altman(predicted, true, patients), bland_altman(true, predicted, patients)
    for ours, theirs in (("bias", "bias"), ("lower", "upper"), ("upper", "lower"), ("slope", "slope")):
        low, value, high = ends(getattr(other, theirs))
        assert ends(getattr(one, ours)) == pytest.approx((-high, -value, -low))


def test_slope_is_that_of_least_squares() -> None:
    predicted, true, patients = sample()
    middle, difference = (predicted + true) / 2, predicted - true
    expected = np.polyfit(middle, difference, 1)[0]
    slope = bland_altman(predicted, true, patients).slope
    assert slope.value == pytest.approx(expected)
    assert slope.low < expected < slope.high
    assert bland_altman(0.5 * true + 25, true, patients).slope.value < 0  # pulled towards the middle


def test_patients_with_several_studies_are_drawn() -> None:
    predicted, true, _ = sample()
    single = bland_altman(predicted, true, [str(i) for i in range(30)], drawing=FEW)
    several = bland_altman(predicted, true, [str(i // 2) for i in range(30)], drawing=FEW)
    for name in ("bias", "lower", "upper"):
        one, other = getattr(single, name), getattr(several, name)
        assert other.value == pytest.approx(one.value)
        assert "1999" in one.method
        assert "over patients" in other.method
        assert other.low < other.value < other.high


def test_limits_with_weights_repeat_studies() -> None:
    differences = np.random.default_rng(2).normal(3, 7, 10)
    weights = np.random.default_rng(3).integers(0, 4, (6, 10))
    found = limits(differences, weights.astype(float))
    assert found.shape == (3, 6)
    for row, (bias, lower, upper) in zip(weights, found.T, strict=True):
        series = pd.Series(np.repeat(differences, row))
        assert bias == pytest.approx(series.mean())
        assert (lower, upper) == pytest.approx(
            (series.mean() - 1.959964 * series.std(), series.mean() + 1.959964 * series.std()), rel=1e-6
        )


@pytest.mark.parametrize("studies", [0, 1, 2])
def test_too_few_studies_are_said_so(studies: int) -> None:
    values = np.arange(float(studies))
    found = bland_altman(values, values, [str(i) for i in range(studies)], unit="mL")
    for name in ("bias", "lower", "upper", "slope"):
        estimate = getattr(found, name)
        assert estimate.value is None
        assert "too few" in estimate.reason
    assert found.as_dict()["studies"] == studies


def test_perfect_and_constant() -> None:
    true = np.array([30.0, 50.0, 60.0])
    found = bland_altman(true, true, ["a", "b", "c"])
    assert ends(found.bias) == ends(found.lower) == ends(found.upper) == (0, 0, 0)
    flat = bland_altman(np.full(4, 0.1 * 3), np.full(4, 0.3), list("abcd"))
    assert flat.slope.value is None
    assert flat.slope.reason
