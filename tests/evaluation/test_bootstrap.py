from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from cinecor.errors import ConfigError
from cinecor.evaluation.bootstrap import Drawing, intervals
from cinecor.evaluation.regression import mae

FEW = Drawing(resamples=300)


def average(values: np.ndarray):
    def statistic(weights: np.ndarray) -> np.ndarray:
        return np.stack([weights @ values / weights.sum(-1)])

    return statistic


def naive_bca(values: np.ndarray, patients: list[str], drawing: Drawing) -> tuple[float, float]:
    """Efron (1987) patient by patient, with the draws that the same seed gives."""
    owners = sorted(set(patients))
    of = [[i for i, patient in enumerate(patients) if patient == owner] for owner in owners]

    def mean_of(chosen: list[int]) -> float:
        rows = [row for owner in chosen for row in of[owner]]
        return float(sum(values[row] for row in rows) / len(rows))

    rng = np.random.default_rng(drawing.seed)
    draws = rng.integers(0, len(owners), (drawing.resamples, len(owners)))
    drawn = np.array([mean_of(list(draw)) for draw in draws])
    whole = mean_of(list(range(len(owners))))
    bias = stats.norm.ppf(((drawn < whole).mean() + (drawn <= whole).mean()) / 2)
    without = np.array([mean_of([o for o in range(len(owners)) if o != left]) for left in range(len(owners))])
    pull = without.mean() - without
    acceleration = (pull**3).sum() / (6 * (pull**2).sum() ** 1.5)
    ends = []
    for tail in ((1 - drawing.level) / 2, (1 + drawing.level) / 2):
        z = bias + stats.norm.ppf(tail)
        ends.append(np.quantile(drawn, stats.norm.cdf(bias + z / (1 - acceleration * z))))
    return float(ends[0]), float(ends[1])


def test_patients_are_drawn_with_all_their_studies() -> None:
    rng = np.random.default_rng(3)
    patients = [f"p{i // 3}" for i in range(36)]
    values = rng.exponential(5, 36) + np.repeat(rng.normal(0, 10, 12), 3)
    (found,) = intervals(average(values), patients, FEW)
    assert (found.low, found.high) == pytest.approx(naive_bca(values, patients, FEW))
    assert found.method == "BCa bootstrap over patients"


def test_studies_of_one_patient_are_not_new_information() -> None:
    """The same 20 values five times over: as 20 patients the interval stays, as 100 it shrinks."""
    values = np.random.default_rng(4).normal(50, 10, 20)
    once, of_patient = (intervals(average(values), [f"p{i}" for i in range(20)], FEW)[0] for _ in range(2))
    five = np.tile(values, 5)
    (clustered,) = intervals(average(five), [f"p{i % 20}" for i in range(100)], FEW)
    (wrong,) = intervals(average(five), [f"p{i}" for i in range(100)], FEW)
    assert once == of_patient
    assert (clustered.low, clustered.high) == pytest.approx((once.low, once.high))
    assert wrong.high - wrong.low < 0.6 * (once.high - once.low)


def test_order_of_studies_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    values, patients = rng.normal(0, 1, 30), [f"p{i % 11}" for i in range(30)]
    order = rng.permutation(30)
    (one,) = intervals(average(values), patients, FEW)
    (other,) = intervals(average(values[order]), [patients[i] for i in order], FEW)
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_many_figures_are_figures_one_by_one() -> None:
    rng = np.random.default_rng(6)
    true, patients = rng.normal(50, 10, 25), [f"p{i}" for i in range(25)]
    one, two = true + rng.normal(0, 3, 25), true + rng.normal(4, 5, 25)
    both = intervals(lambda w: np.stack([mae(one, true, w), mae(two, true, w)]), patients, FEW)
    alone = [intervals(lambda w, p=p: np.stack([mae(p, true, w)]), patients, FEW)[0] for p in (one, two)]
    assert both == alone


def test_wider_with_more_confidence() -> None:
    values, patients = np.random.default_rng(7).normal(0, 1, 40), [str(i) for i in range(40)]
    widths = []
    for level in (0.5, 0.8, 0.95):
        (found,) = intervals(average(values), patients, Drawing(level=level, resamples=500))
        assert found.low < values.mean() < found.high
        widths.append(found.high - found.low)
    assert widths == sorted(widths)
    assert widths[2] == pytest.approx(2 * 1.96 * values.std(ddof=1) / np.sqrt(40), rel=0.2)


def test_a_seed_is_an_interval() -> None:
    values, patients = np.random.default_rng(8).normal(0, 1, 20), [str(i) for i in range(20)]
    one, same, other = (intervals(average(values), patients, Drawing(resamples=99, seed=s))[0] for s in (1, 1, 2))
    assert one == same != other


@pytest.mark.parametrize("patients", [[], ["a"], ["a", "a", "b"]])
def test_too_few_patients(patients: list[str]) -> None:
    found = intervals(average(np.arange(float(len(patients)))), patients, FEW)
    assert all((each.low, each.high) == (None, None) and "no interval" in each.reason for each in found)
    assert len(found) == bool(patients)


def test_constant_figure_has_a_width_of_zero() -> None:
    (found,) = intervals(average(np.full(8, 2.5)), [str(i) for i in range(8)], FEW)
    assert (found.low, found.high) == (2.5, 2.5)
    assert "same in every draw" in found.method


def seldom(count: int):
    """A figure that exists only in draws that hold one of the first ``count`` studies."""

    def statistic(weights: np.ndarray) -> np.ndarray:
        hit = weights[..., :count].sum(-1)
        spread = weights @ np.arange(float(weights.shape[-1])) / weights.sum(-1)
        return np.stack([np.where(hit > 0, spread, np.nan)])

    return statistic


def test_figure_that_often_does_not_exist() -> None:
    """One study in ten is absent from about a third of the draws: nothing honest can be said."""
    (found,) = intervals(seldom(1), [str(i) for i in range(10)], FEW)
    assert (found.low, found.high) == (None, None)
    assert "does not exist" in found.reason


def test_figure_that_seldom_does_not_exist() -> None:
    """Four of ten are absent from 0.6 % of the draws: percentiles of the others."""
    (found,) = intervals(seldom(4), [str(i) for i in range(10)], Drawing(resamples=2000))
    assert found.method == "percentile bootstrap over patients"
    assert found.low < 4.5 < found.high


@pytest.mark.parametrize("wrong", [{"level": 0.0}, {"level": 1.0}, {"level": 95.0}, {"resamples": 0}])
def test_drawing_is_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError) as caught:
        Drawing(**wrong)
    assert caught.value.code == "OUT_OF_RANGE"
    assert caught.value.where in wrong
