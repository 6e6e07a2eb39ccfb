"""A cohort whose target can be learned in seconds: a disc whose size swings with the "ejection fraction"."""

from __future__ import annotations

import numpy as np
import pytest

from cinecor.records import Cine, Study
from cinecor.training import train
from cinecor.training.recipe import apply_overrides, make_recipe
from cinecor.training.recipe_fields import Recipe

TINY = {
    "summary": "a disc that beats",
    "model": {"name": "i3d", "options": {"depth": "stem", "width": 0.1, "norm_momentum": 0.1}},
    "clip": {"length": 6, "height": 24, "width": 24},
    "optimiser": {"lr": 0.01},
    "batch_size": 4,
    "epochs": 3,
    "device": "cpu",
    "reference_clips": 5,
}


def _make_study(number: int, split: str | None, patient: str | None = None) -> Study:
    rng = np.random.default_rng(number)
    ef = float(rng.uniform(20, 70))
    rows, columns = np.mgrid[:24, :24] - 12
    phase = np.sin(np.arange(10) / 10 * np.pi) * ef / 100
    discs = np.stack([np.hypot(rows, columns) < 9 * (1 - part) for part in phase])
    frames = (discs * 200 + rng.integers(0, 30, discs.shape)).astype(np.uint8)[:, None]
    cine = Cine(source=frames, modality="US", view="A4C", frames=10, height=24, width=24, notes=("synthetic heart",))
    return Study(id=f"{number:04d}", cines=(cine,), patient=patient, split=split, labels={"ef": ef})


def _make_cohort(train: int = 10, validation: int = 4, test: int = 4) -> list[Study]:
    splits = ["train"] * train + ["validation"] * validation + ["test"] * test
    return [_make_study(number, split) for number, split in enumerate(splits)]


@pytest.fixture(scope="session")
def make_study():
    return _make_study


@pytest.fixture(scope="session")
def make_cohort():
    return _make_cohort


@pytest.fixture
def cohort() -> list[Study]:
    return _make_cohort()


@pytest.fixture
def tiny() -> Recipe:
    return make_recipe(TINY)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A finished run on the cohort; tests must not change it."""
    return train(make_recipe(TINY), _make_cohort(), tmp_path_factory.mktemp("runs") / "finished")


@pytest.fixture
def start(tiny, finished):
    """The tiny recipe, from the weights of the finished run, for one epoch."""

    def change(*words: str):
        return apply_overrides(tiny, ["--start.weights", str(finished.folder), "--epochs", "1", *words])

    return change
