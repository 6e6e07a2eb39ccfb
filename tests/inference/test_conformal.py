"""The conformal half width against its definition, and its promise."""

from __future__ import annotations

import numpy as np
import pytest

from cinecor.inference.conformal import half_width


def test_it_is_the_ranked_residual() -> None:
    assert half_width([5.0, 1.0, 4.0, 2.0, 3.0, 6.0, 9.0, 8.0, 7.0], 0.9) == 9.0
    assert half_width([float(value) for value in range(1, 20)], 0.9) == 18.0
    assert half_width([1.0] * 5, 0.9) is None
    assert half_width([], 0.5) is None


def test_mapie_agrees() -> None:
    mapie = pytest.importorskip("mapie.regression")
    from sklearn.dummy import DummyRegressor

    rng = np.random.default_rng(0)
    held = rng.normal(0, 4, 149)
    zero = DummyRegressor(strategy="constant", constant=0.0).fit(np.zeros((1, 1)), [0.0])
    regressor = mapie.SplitConformalRegressor(zero, confidence_level=0.9, prefit=True)
    regressor.conformalize(np.zeros((149, 1)), held)
    _, intervals = regressor.predict_interval(np.zeros((1, 1)))
    assert half_width(np.abs(held).tolist(), 0.9) == pytest.approx(float(np.asarray(intervals).ravel()[1]))


def test_new_patients_are_covered_as_promised() -> None:
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        errors = np.abs(rng.standard_t(3, 160))
        width = half_width(errors[:100].tolist(), 0.9)
        assert width is not None
        covered.append((errors[100:] <= width).mean())
    assert np.mean(covered) == pytest.approx(0.9, abs=0.012)
