from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from cinecor.evaluation.bands import BANDS, BORDERLINE, band_index, confusion


@pytest.mark.parametrize(
    ("ef", "name"),
    [(0.0, "HFrEF"), (39.999, "HFrEF"), (40.0, "HFmrEF"), (49.999, "HFmrEF"), (50.0, "HFpEF"), (85.0, "HFpEF")],
)
def test_bands_of_the_guidelines(ef: float, name: str) -> None:
    values = np.array([ef])
    assert [band.name for band in BANDS if band.holds(values)[0]] == [name]
    assert BANDS[band_index(values)[0]].name == name


def test_bands_hold_every_value_once() -> None:
    values = np.random.default_rng(0).uniform(-5, 105, 500)
    assert (sum(band.holds(values).astype(int) for band in BANDS) == 1).all()
    cut = pd.cut(values, [-np.inf, 40, 50, np.inf], right=False, labels=False)
    assert np.array_equal(band_index(values), cut)


def test_borderline_holds_both_ends() -> None:
    assert BORDERLINE.holds(np.array([39.9, 40.0, 45.0, 50.0, 50.1])).tolist() == [False, True, True, True, False]


def test_texts() -> None:
    assert [band.text for band in (*BANDS, BORDERLINE)] == [
        "EF < 40 %",
        "40 ≤ EF < 50 %",
        "EF ≥ 50 %",
        "40 ≤ EF ≤ 50 %",
    ]


def test_confusion_is_that_of_sklearn() -> None:
    rng = np.random.default_rng(1)
    true = rng.uniform(20, 70, 200)
    predicted = true + rng.normal(0, 8, 200)
    expected = confusion_matrix(band_index(true), band_index(predicted), labels=[0, 1, 2])
    assert np.array_equal(confusion(predicted, true), expected)
    assert confusion(predicted, true).sum() == 200
