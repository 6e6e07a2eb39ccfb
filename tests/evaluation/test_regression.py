from __future__ import annotations

import numpy as np
import pandas as pd
import pingouin
import pytest
from scipy import stats
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from cinecor.evaluation.regression import IN_UNIT, METRICS, bias, icc, mae, pearson, pearson2, r2, rmse


def sample(studies: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    true = rng.uniform(15, 75, studies)
    return 0.8 * true + 12 + rng.normal(0, 6, studies), true


@pytest.mark.parametrize("seed", range(3))
def test_errors_are_those_of_sklearn(seed: int) -> None:
    predicted, true = sample(seed=seed)
    assert rmse(predicted, true) == pytest.approx(root_mean_squared_error(true, predicted))
    assert mae(predicted, true) == pytest.approx(mean_absolute_error(true, predicted))
    assert r2(predicted, true) == pytest.approx(r2_score(true, predicted))
    assert bias(predicted, true) == pytest.approx(sum(p - t for p, t in zip(predicted, true, strict=True)) / len(true))


@pytest.mark.parametrize("seed", range(3))
def test_correlation_is_that_of_scipy(seed: int) -> None:
    predicted, true = sample(seed=seed)
    assert pearson(predicted, true) == pytest.approx(stats.pearsonr(predicted, true).statistic)


@pytest.mark.filterwarnings("ignore:The inplace keyword:DeprecationWarning")  # pingouin's own use of pandas
@pytest.mark.parametrize("shift", [0.0, 9.0])
def test_icc_is_that_of_pingouin(shift: float) -> None:
    predicted, true = sample(15)
    predicted = predicted + shift
    long = pd.DataFrame(
        {
            "study": [*range(15), *range(15)],
            "rater": ["model"] * 15 + ["truth"] * 15,
            "value": np.concatenate([predicted, true]),
        }
    )
    table = pingouin.intraclass_corr(long, targets="study", raters="rater", ratings="value").set_index("Type")
    name = "ICC(A,1)" if "ICC(A,1)" in table.index else "ICC2"
    assert icc(predicted, true) == pytest.approx(table.loc[name, "ICC"], abs=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_weights_count_studies(name: str) -> None:
    """A study of weight 2 is a study that is there twice; many draws at once are the draws one by one."""
    predicted, true = sample(12)
    weights = np.random.default_rng(1).integers(0, 4, (5, 12))
    together = METRICS[name](predicted, true, weights.astype(float))
    assert together.shape == (5,)
    for row, found in zip(weights, together, strict=True):
        repeated = METRICS[name](np.repeat(predicted, row), np.repeat(true, row), None)
        assert found == pytest.approx(float(repeated), rel=1e-9)


@pytest.mark.parametrize("name", METRICS)
def test_order_of_studies_does_not_matter(name: str) -> None:
    predicted, true = sample()
    order = np.random.default_rng(2).permutation(len(true))
    assert METRICS[name](predicted[order], true[order], None) == pytest.approx(
        float(METRICS[name](predicted, true, None))
    )


def test_perfect_predictions() -> None:
    _, true = sample()
    found = {name: float(metric(true, true, None)) for name, metric in METRICS.items()}
    assert found == pytest.approx({"rmse": 0, "mae": 0, "r2": 1, "pearson": 1, "pearson2": 1, "icc": 1, "bias": 0})


def test_what_bias_and_scale_do() -> None:
    """Correlation is blind to both, ICC to neither; a mean of the truth has an R² of exactly 0."""
    _, true = sample()
    assert pearson(2 * true + 5, true) == pytest.approx(1)
    assert icc(true + 10, true) < 0.95
    assert r2(np.full_like(true, true.mean()), true) == pytest.approx(0, abs=1e-12)
    assert r2(np.full_like(true, 0.0), true) < 0


@pytest.mark.parametrize("value", [0.1, 55.3, 1e6])
def test_no_variance_is_nan_not_rounding(value: float) -> None:
    """Seven values of 0.1 have a computed variance of 1e-34, which must not become a correlation."""
    flat, rising = np.full(7, value), np.arange(7.0) + value
    assert np.isnan(pearson(flat, rising))
    assert np.isnan(pearson(rising, flat))
    assert np.isnan(r2(rising, flat))
    assert np.isnan(icc(flat, flat))


def test_the_squared_correlation_is_r2_after_a_straight_line() -> None:
    rng = np.random.default_rng(4)
    true = rng.uniform(20, 70, 50)
    predicted = 20 + 0.5 * true + rng.normal(0, 4, 50)
    slope, intercept = np.polyfit(predicted, true, 1)
    fitted = intercept + slope * predicted
    assert pearson2(predicted, true) == pytest.approx(r2_score(true, fitted))
    assert pearson2(predicted, true) > r2(predicted, true)


def test_one_study_has_no_icc() -> None:
    assert np.isnan(icc(np.array([3.0]), np.array([4.0])))


def test_units_are_those_of_errors() -> None:
    assert {"rmse", "mae", "bias"} == IN_UNIT
    assert set(METRICS) == {"rmse", "mae", "r2", "pearson", "pearson2", "icc", "bias"}
