"""A cohort with one wrong reader, for the tests of whole evaluations; trainings, for those of comparisons."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from cinecor.evaluation.comparison import RunRow

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


def _pairs(noise: float, seed: int, count: int = 60, split: str = "test") -> pd.DataFrame:
    """As ``table.pair`` makes them: the same hearts of a split whatever the seed, read with an error of ``noise``."""
    true = np.random.default_rng(99).normal(55, 12, count)
    said = true + np.random.default_rng(seed).normal(0, noise, count)
    names = [f"{split}{number:03d}" for number in range(count)]
    known = {"study": names, "patient": names, "split": split, "quantity": "ef", "clips": 1}
    return pd.DataFrame({**known, "predicted": said, "true": true})


def _run_row(name: str, noise: float, seed: int, **changes: object) -> RunRow:
    """A training whose error is ``noise``, half of it on training hearts."""
    splits = {"train": noise / 2, "validation": noise, "test": noise}
    pairs = {split: _pairs(each, 10 * seed + place, split=split) for place, (split, each) in enumerate(splits.items())}
    return RunRow(**{"name": name, "family": "F", "variant": "V", "seed": seed, "pairs": pairs, **changes})


@pytest.fixture(scope="session")
def pairs() -> Callable[..., pd.DataFrame]:
    """``pairs(noise, seed, count, split)``: what was predicted beside what is true."""
    return _pairs


@pytest.fixture(scope="session")
def run_row() -> Callable[..., RunRow]:
    """``run_row(name, noise, seed, **fields)``: one training."""
    return _run_row


CLASSES = ("DCM", "NOR", "RV")


def _class_tables(likely: np.ndarray, true: np.ndarray, each: int = 2) -> Tables:
    """``each`` studies a patient, one clip a row of ``likely``, two clips a study."""
    said, known = [], {}
    for clip, shares in enumerate(likely):
        study = clip // 2
        head = {"study": f"s{study:02d}", "patient": f"p{study // each:02d}", "split": "test"}
        for place, name in enumerate(CLASSES):
            quantity = f"group={name}"
            said.append({**head, "cine": 0, "start": clip % 2, "quantity": quantity, "value": shares[place]})
            known[study, place] = {**head, "quantity": quantity, "value": float(true[study] == place)}
    return pd.DataFrame(said), pd.DataFrame(list(known.values()))


@pytest.fixture(scope="session")
def class_tables() -> Callable[..., Tables]:
    """Makes predictions of three classes and their truth."""
    return _class_tables
