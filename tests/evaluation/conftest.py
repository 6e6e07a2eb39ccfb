"""A cohort with one wrong reader, for the tests of whole evaluations."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

Tables = tuple[pd.DataFrame, pd.DataFrame]


def _tables(studies: int = 40, quantities: tuple[str, ...] = ("ef",), each: int = 1, seed: int = 0) -> Tables:
    """Predictions (three clips a study) and truth of three splits: half test, a quarter each train and validation."""
    rng = np.random.default_rng(seed)
    splits = (["test", "train", "test", "validation"] * studies)[:studies]
    truth, predictions = [], []
    for number, split in enumerate(splits):
        study = {"study": f"{number:04d}", "patient": f"{split}-{number // (4 * each)}-{number % 4}", "split": split}
        for quantity in quantities:
            value = float(rng.uniform(20, 70))
            truth.append({**study, "quantity": quantity, "value": value})
            guess = 0.9 * value + 5 + rng.normal(0, 4)
            predictions += [
                {**study, "cine": 0, "start": start, "quantity": quantity, "value": guess + rng.normal(0, 1)}
                for start in (0, 16, 32)
            ]
    return pd.DataFrame(predictions), pd.DataFrame(truth)


@pytest.fixture
def tables() -> Callable[..., Tables]:
    """``tables(studies, quantities, each)``: predictions and truth."""
    return _tables
