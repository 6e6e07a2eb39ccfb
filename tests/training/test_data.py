"""Studies made ready for training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cinecor.clips import Sampling
from cinecor.errors import DatasetError
from cinecor.training.data import choose_sampling, default_cache, open_data
from cinecor.training.recipe import apply_overrides


def test_it_says_what_the_training_data_are(tiny, cohort, tmp_path):
    cohort[0] = replace(cohort[0], labels={})
    data = open_data(tiny, cohort, tmp_path)
    said = data.describe()
    true = [study.labels["ef"] for study in cohort[1:10]]
    assert said["studies"] == {"train": 9, "validation": 4, "test": 4}
    assert said["patients"] == said["studies"]
    assert said["left_out"] == 1
    assert said["target_mean"] == pytest.approx(np.mean(true))
    assert said["target_sd"] == pytest.approx(np.std(true, ddof=1))
    assert said["description"] == "synthetic hearts, 9 studies for training (memory layout)"


def test_the_fingerprint_knows_who_is_where_with_which_target(tiny, cohort, tmp_path):
    base = open_data(tiny, cohort, tmp_path).fingerprint
    assert open_data(tiny, list(cohort), tmp_path).fingerprint == base
    cohort[0] = replace(cohort[0], labels={"ef": 1.0})
    assert open_data(tiny, cohort, tmp_path).fingerprint != base


def test_datasets_are_what_each_purpose_needs(tiny, cohort, tmp_path):
    recipe = apply_overrides(tiny, ["--augmentation.preset", "wide", "--sampling.test_clips", "2"])
    data = open_data(recipe, cohort, tmp_path)
    cache = data.build_cache()
    train = data.make_dataset(cache, "train", "train")
    assert len(train) == 10
    assert train.transform == recipe.augmentation_ranges
    assert len(data.make_dataset(cache, "train", "test")) == 20
    assert data.make_dataset(cache, "validation", "validation").transform is None


@pytest.mark.parametrize(
    ("words", "purpose", "expected"),
    [
        (["--sampling.train_clips", "3"], "train", Sampling(how="random", clips=3)),
        (["--sampling.train", "first"], "train", Sampling(how="first")),
        (["--sampling.validation_clips", "2"], "validation", Sampling(how="even", clips=2)),
        (["--sampling.test_clips", "5"], "test", Sampling(how="even", clips=5)),
        (["--sampling.from_first", "true"], "test", Sampling(how="first")),
        (["--sampling.from_first", "true"], "validation", Sampling(how="first")),
    ],
)
def test_sampling_follows_the_recipe(tiny, words, purpose, expected):
    assert choose_sampling(apply_overrides(tiny, words), purpose) == expected


@pytest.mark.parametrize(("split", "how"), [("test", "all"), ("validation", "all"), ("train", "even")])
def test_every_start_is_tested_but_not_of_the_training_split(tiny, split, how):
    recipe = apply_overrides(tiny, ["--sampling.test", "all"])
    assert choose_sampling(recipe, "test", split).how == how
    assert choose_sampling(recipe, "validation", split).how == "even"


def test_each_folder_has_a_cache_of_its_own(monkeypatch, tmp_path):
    assert default_cache(Path("a")) != default_cache(Path("b"))
    assert default_cache(tmp_path / "x" / ".." / "a") == default_cache(tmp_path / "a")
    monkeypatch.setenv("CINECOR_CACHE", str(tmp_path))
    assert default_cache(Path("a")).parent == tmp_path


def test_a_missing_folder_is_said_to_be_missing(tiny, tmp_path):
    with pytest.raises(DatasetError, match="MISSING_FILE"):
        open_data(tiny, tmp_path / "nowhere")
