from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from cinecor.errors import ConfigError
from cinecor.evaluation.calibration import (
    CURVE_LEVELS,
    conformal_quantile,
    expected_coverage,
    of_conformal,
    of_intervals,
)
from cinecor.evaluation.classification import wilson


@pytest.mark.parametrize("studies", [9, 10, 19, 20, 99, 100, 137])
@pytest.mark.parametrize("level", [0.5, 0.8, 0.9])
def test_quantile_is_the_smallest_that_holds_enough(studies: int, level: float) -> None:
    """By its definition: the smallest error q such that at least level·(n + 1) errors are not above q."""
    errors = np.random.default_rng(studies).normal(0, 5, studies)
    sizes = sorted(abs(error) for error in errors)
    needed = level * (studies + 1) - 1e-9
    expected = next(size for size in sizes if sum(other <= size for other in sizes) >= needed)
    assert conformal_quantile(errors, level) == expected


@pytest.mark.parametrize(("level", "enough"), [(0.5, 1), (0.9, 9), (0.95, 19)])
def test_too_few_studies_for_a_level(level: float, enough: int) -> None:
    assert conformal_quantile(np.arange(enough - 1.0), level) == math.inf
    assert conformal_quantile(np.arange(float(enough)), level) == enough - 1


@pytest.mark.parametrize("level", [0.0, 1.0, 90.0, -0.1])
def test_levels_are_shares(level: float) -> None:
    with pytest.raises(ConfigError) as caught:
        conformal_quantile(np.ones(30), level)
    assert caught.value.code == "OUT_OF_RANGE"


def test_coverage_on_exchangeable_studies() -> None:
    """The theorem: mean coverage is ceil((n + 1)·level) / (n + 1), whatever the errors' distribution."""
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(1500):
        errors = rng.standard_cauchy(29 + 40)
        shares.append((np.abs(errors[29:]) <= conformal_quantile(errors[:29], 0.9)).mean())
    assert np.mean(shares) == pytest.approx(27 / 30, abs=4 * np.std(shares) / np.sqrt(1500))
    low, high = expected_coverage(29, 40, 0.9)
    inside = np.mean([low <= share <= high for share in shares])
    assert 0.94 <= inside <= 1.0


def test_expected_coverage_is_beta_binomial() -> None:
    """Against the count's distribution drawn by its definition: a Beta coverage, then a binomial count."""
    rng = np.random.default_rng(1)
    counts = rng.binomial(50, rng.beta(18, 20 - 18, 200_000))
    expected = np.quantile(counts, [0.025, 0.975]) / 50
    assert expected_coverage(19, 50, 0.9) == pytest.approx(tuple(expected), abs=0.021)
    assert expected_coverage(None, 50, 0.9) == pytest.approx(tuple(stats.binom(50, 0.9).ppf([0.025, 0.975]) / 50))


def test_expected_coverage_narrows_with_studies() -> None:
    widths = [np.diff(expected_coverage(n, m, 0.9))[0] for n, m in ((20, 20), (100, 100), (1000, 1000))]
    assert widths == sorted(widths, reverse=True)
    low, high = expected_coverage(100_000, 200, 0.9)
    assert (low, high) == pytest.approx(expected_coverage(None, 200, 0.9), abs=0.006)


def test_own_intervals_are_counted() -> None:
    true = np.array([50.0, 60.0, 30.0, 40.0])
    below, above = np.array([1.0, 0, -1, 5]), np.array([1.0, 2, 3, 5])
    found = of_intervals(true, true - below, true + above, level=0.9)
    assert found.coverage.value == 0.75  # the end of an interval belongs to it
    assert found.mean_width == pytest.approx(np.mean([2, 2, 2, 10]))
    assert (found.coverage.low, found.coverage.high) == pytest.approx(wilson(3, 4))
    assert found.calibration_studies is None
    assert found.curve == ()
    assert found.as_promised


def test_intervals_that_are_too_narrow() -> None:
    rng = np.random.default_rng(2)
    errors = rng.normal(0, 5, 200)
    narrow = of_intervals(errors, np.full(200, -2.0), np.full(200, 2.0), level=0.9)
    honest = of_intervals(errors, np.full(200, -8.22), np.full(200, 8.22), level=0.9)
    assert not narrow.as_promised
    assert honest.as_promised


def test_conformal_curve() -> None:
    rng = np.random.default_rng(3)
    held, errors = rng.normal(0, 5, 60), rng.normal(0, 5, 80)
    found = of_conformal(held, errors, level=0.9)
    assert found is not None
    assert found.mean_width == 2 * conformal_quantile(held, 0.9)
    assert found.coverage.value == pytest.approx((np.abs(errors) <= found.mean_width / 2).mean())
    assert [point.level for point in found.curve] == list(CURVE_LEVELS)
    for point in found.curve:
        assert point.coverage == (np.abs(errors) <= point.half_width).mean()
        assert point.low <= point.coverage <= point.high
        assert point.expected_low <= point.level <= point.expected_high
    widths = [point.half_width for point in found.curve]
    assert widths == sorted(widths)
    plain = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert plain["calibration_studies"] == 60
    assert len(plain["curve"]) == len(CURVE_LEVELS)


def test_few_calibration_studies() -> None:
    """Ten studies allow 90 % but not 95 %; eight do not allow 90 %."""
    errors = np.linspace(-5, 5, 30)
    found = of_conformal(errors[:10], errors, level=0.9)
    assert found is not None
    assert [point.level for point in found.curve] == [0.5, 0.6, 0.7, 0.8, 0.9]
    assert of_conformal(errors[:8], errors, level=0.9) is None
    assert of_conformal(errors[:0], errors, level=0.9) is None


def test_shifted_studies_break_the_promise() -> None:
    rng = np.random.default_rng(4)
    found = of_conformal(rng.normal(0, 5, 200), rng.normal(12, 5, 200), level=0.9)
    assert found is not None
    assert not found.as_promised
