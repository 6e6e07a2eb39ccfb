"""Models judged in the same draws: against scipy one pair at a time, and against a loop over draws."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.paired import judge
from cinecor.evaluation.regression import r2

FEW = Drawing(resamples=300, seed=4)


def _sample(models=3, studies=40, seed=0):
    rng = np.random.default_rng(seed)
    true = rng.normal(55, 12, studies)
    return true + rng.normal(0, 1, (models, 1)) + rng.normal(0, 6, (models, studies)), true


def _rmse(error, axis=-1):
    return np.sqrt(np.mean(error**2, axis=axis))


def _mae(error, axis=-1):
    return np.mean(np.abs(error), axis=axis)


def _scipy_interval(statistic, *errors):
    """scipy's own paired bootstrap of the errors; with the same seed it draws the same studies."""
    found = stats.bootstrap(
        errors, statistic, paired=True, n_resamples=FEW.resamples, rng=np.random.default_rng(FEW.seed), method="BCa"
    )
    return found.confidence_interval.low, found.confidence_interval.high


@pytest.mark.parametrize(("name", "figure"), [("rmse", _rmse), ("mae", _mae)])
def test_differences_are_scipys_paired_bootstrap(name, figure):
    predicted, true = _sample()
    judged = judge(predicted, true, [f"{i:03d}" for i in range(len(true))], FEW)
    assert sorted(judged.differences) == [(0, 1), (0, 2), (1, 2)]
    for (first, second), found in judged.differences.items():
        one, other = predicted[first] - true, predicted[second] - true
        expected = _scipy_interval(lambda a, b, axis=-1: figure(a, axis) - figure(b, axis), one, other)
        assert (found[name].low, found[name].high) == pytest.approx(expected)
        assert found[name].value == pytest.approx(figure(one) - figure(other))


def test_intervals_of_one_model_are_scipys():
    predicted, true = _sample()
    judged = judge(predicted, true, [f"{i:03d}" for i in range(len(true))], FEW)
    for model, found in enumerate(judged.intervals):
        for name, figure in (("rmse", _rmse), ("mae", _mae)):
            expected = _scipy_interval(figure, predicted[model] - true)
            assert (found[name].low, found[name].high) == pytest.approx(expected)
        r2_interval = stats.bootstrap(
            (predicted[model], true),
            lambda p, t: float(r2(p, t)),
            paired=True,
            vectorized=False,
            n_resamples=FEW.resamples,
            rng=np.random.default_rng(FEW.seed),
        ).confidence_interval
        assert (found["r2"].low, found["r2"].high) == pytest.approx(tuple(r2_interval))


def test_shares_are_those_of_a_loop_over_draws_of_patients():
    predicted, true = _sample(studies=30)
    patients = [f"p{i % 9:02d}" for i in range(30)]  # three or four studies each
    owners = sorted(set(patients))
    judged = judge(predicted, true, patients, FEW)
    rng = np.random.default_rng(FEW.seed)
    better = 0
    for draw in rng.integers(0, len(owners), (FEW.resamples, len(owners))):
        rows = [row for owner in draw for row, patient in enumerate(patients) if patient == owners[owner]]
        one, other = (predicted[model][rows] - true[rows] for model in (0, 2))
        better += sum(error**2 for error in one) / len(rows) < sum(error**2 for error in other) / len(rows)
    assert judged.differences[0, 2]["rmse"].first_better == pytest.approx(better / FEW.resamples)


def test_swapped_models_turn_the_sign():
    predicted, true = _sample(models=2)
    patients = [f"{i:03d}" for i in range(len(true))]
    there = judge(predicted, true, patients, FEW).differences[0, 1]
    back = judge(predicted[::-1], true, patients, FEW).differences[0, 1]
    for name in ("rmse", "mae"):
        assert back[name].value == pytest.approx(-there[name].value)
        assert (back[name].low, back[name].high) == pytest.approx((-there[name].high, -there[name].low))
        assert back[name].first_better == pytest.approx(1 - there[name].first_better)


def test_order_of_studies_and_other_models_do_not_matter():
    predicted, true = _sample(models=4)
    patients = [f"p{i % 17}" for i in range(len(true))]
    order = np.random.default_rng(1).permutation(len(true))
    whole = judge(predicted, true, patients, FEW).differences[1, 3]
    part = judge(predicted[[1, 3]][:, order], true[order], [patients[i] for i in order], FEW).differences[0, 1]
    for name in ("rmse", "mae"):
        assert (part[name].value, part[name].low, part[name].high) == pytest.approx(
            (whole[name].value, whole[name].low, whole[name].high)
        )
        assert part[name].first_better == whole[name].first_better


def test_equal_models_tie():
    predicted, true = _sample(models=1, studies=57)
    both = judge(np.repeat(predicted, 7, axis=0), true, [f"{i}" for i in range(57)], FEW)
    for found in both.differences.values():
        for name in ("rmse", "mae"):
            one = found[name]
            assert (one.value, one.low, one.high, one.first_better) == (0, 0, 0, 0)


def test_paired_intervals_are_narrower_than_what_both_models_share():
    """Two models that fail on the same studies: each is uncertain, their difference is not."""
    rng = np.random.default_rng(2)
    true, shared = rng.normal(55, 12, 80), rng.normal(0, 8, 80)
    predicted = np.stack([true + shared, true + 1.1 * shared])
    judged = judge(predicted, true, [str(i) for i in range(80)], FEW)
    own, difference = judged.intervals[0]["rmse"], judged.differences[0, 1]["rmse"]
    assert difference.high - difference.low < 0.2 * (own.high - own.low)
    assert difference.high < 0
    assert difference.first_better == 1


def test_too_few_patients_give_no_interval_but_a_difference():
    predicted, true = _sample(models=2, studies=4)
    judged = judge(predicted, true, ["a", "a", "b", "b"], FEW)
    found = judged.differences[0, 1]["mae"]
    assert (found.low, found.high, found.first_better) == (None, None, None)
    assert found.value == pytest.approx(_mae(predicted[0] - true) - _mae(predicted[1] - true))


def test_r2_of_constant_truth_does_not_exist():
    predicted = np.random.default_rng(3).normal(50, 5, (1, 12))
    judged = judge(predicted, np.full(12, 55.0), [str(i) for i in range(12)], FEW)
    assert judged.intervals[0]["r2"].low is None
    assert judged.intervals[0]["rmse"].low is not None
