"""A training that learns outlines: bright half ellipsoids that beat, outlined at ED and ES."""

import numpy as np
import pytest

from cinecor.errors import ConfigError
from cinecor.evaluation.table import read_predictions
from cinecor.models.checkpoint import load_extra_tensors
from cinecor.records import Cine, Study
from cinecor.training import predictions_of, train
from cinecor.training.correction import Line, fit_line
from cinecor.training.prediction import Said
from cinecor.training.recipe import make_recipe

RECIPE = {
    "task": "segmentation",
    "model": {"name": "unet", "options": {"widths": [4, 8]}},
    "clip": {"length": 1, "height": 64, "width": 64},
    "augmentation": {"rotation_deg": 10.0, "shift": 0.05},
    "optimiser": {"lr": 0.03},
    "loss": {"name": "dice"},
    "monitor": "loss",
    "batch_size": 8,
    "epochs": 8,
    "device": "cpu",
    "reference_clips": 6,
}
SIZE, CYCLE = 64, 20


def _outline(half, long=36.0):
    turns = np.linspace(0.0, np.pi, 60)
    return np.stack([32 - half * np.cos(turns), 52 - long * np.sin(turns)], axis=1)


def _study(number, split, outlined=True):
    rng = np.random.default_rng(number)
    ef, half = float(rng.uniform(20, 70)), float(rng.uniform(10, 14))
    swing = np.sin(np.pi * (np.arange(2 * CYCLE + 3) % CYCLE) / CYCLE) ** 2
    halves = half * np.sqrt(1.0 - ef / 100 * swing)  # volume goes with the square of the width
    rows, columns = np.mgrid[:SIZE, :SIZE]
    inside = [((columns - 32) / h) ** 2 + ((rows - 52) / 36.0) ** 2 < 1 for h in halves]
    frames = np.stack([30 + 150 * (part & (rows <= 52)) for part in inside]) + rng.integers(0, 40, (len(halves), 1, 1))
    noisy = (frames + rng.integers(0, 25, frames.shape)).astype(np.uint8)[:, None]
    es = CYCLE // 2
    contours = {0: _outline(halves[0]), es: _outline(halves[es])} if outlined else {}
    times = tuple(40.0 * index for index in range(len(halves)))
    cine = Cine(source=noisy, modality="US", view="A4C", frames=len(halves), times_ms=times, contours=contours)
    return Study(id=f"{number:03d}", cines=(cine,), split=split, labels={"ef": ef})


@pytest.fixture(scope="module")
def cohort():
    splits = ["train"] * 14 + ["validation"] * 5 + ["test"] * 5
    return [_study(number, split, outlined=number != 3) for number, split in enumerate(splits)]


@pytest.fixture(scope="module")
def few(cohort):
    """Of each split some, for what is true of any cohort."""
    return [*cohort[:5], *cohort[14:16], *cohort[19:21]]


@pytest.fixture(scope="module")
def run(cohort, tmp_path_factory):
    return train(make_recipe(RECIPE), cohort, tmp_path_factory.mktemp("runs") / "run")


def test_it_learns_to_measure(run):
    metrics = run.manifest.metrics["test"]
    assert metrics["r2"] > 0.9
    assert metrics["mae"] < 4
    assert metrics["studies"] == 5


def test_every_beat_is_in_the_tables(run):
    said = read_predictions(run.folder / "predictions_test.csv")
    assert set(said["study"]) == {f"{number:03d}" for number in range(19, 24)}
    assert said.groupby("study")["start"].nunique().min() >= 1
    assert said["value"].between(0, 100).all()


def test_a_study_without_outlines_is_not_learned_from_but_measured(run, cohort):
    said = read_predictions(run.folder / "predictions_train.csv")
    assert "003" in set(said["study"])
    assert run.manifest.training_data["studies"]["train"] == 14


def test_the_history_has_dice(run):
    header, *rows = (run.folder / "metrics.csv").read_text().splitlines()
    dice = [float(row.split(",")[header.split(",").index("validation_dice")]) for row in rows]
    assert max(dice) > 0.9


def test_the_manifest_says_how_to_measure_alike(run, cohort, tmp_path):
    assert run.manifest.extra["task"] == "segmentation"
    assert set(run.manifest.extra["calibration"]["line"]) == {"slope", "intercept"}
    assert load_extra_tensors(run.folder)["reference_embeddings"].shape == (6, 4)


def test_it_goes_on_where_it_was_killed(few, tmp_path, monkeypatch):
    from cinecor.training import loop

    recipe = make_recipe({**RECIPE, "epochs": 4})
    whole = train(recipe, few, tmp_path / "whole")
    original = loop.save_state

    def dying(path, state):
        original(path, state)
        if state.epoch == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_state", dying)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, few, tmp_path / "run")
    again = train(recipe, few, tmp_path / "run")
    assert again.manifest.weights_sha256 == whole.manifest.weights_sha256


def test_new_data_are_measured_as_the_run_was(run, tmp_path):
    from cinecor.datasets import echonet_dynamic
    from cinecor.phantom import echo_study

    study = echo_study(1, 0, max_frames=40)
    echonet_dynamic.write([study], tmp_path / "data")
    said, truth, _ = predictions_of(run.folder, tmp_path / "data", "all", cache=tmp_path / "cache")
    assert set(truth["study"]) == {study.id}
    assert set(said["study"]) <= {study.id}


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"model": {"name": "i3d"}}, "model.name"),
        ({"loss": {"name": "mse"}}, "loss.name"),
        ({"monitor": "mae"}, "monitor"),
        ({"target": "edv_ml"}, "target"),
        ({"standardise": True}, "standardise"),
        ({"task": "regression"}, "model.name"),
    ],
)
def test_what_does_not_go_together_is_refused(change, where):
    with pytest.raises(ConfigError, match="CONFLICT") as caught:
        make_recipe({**RECIPE, **change})
    assert caught.value.where == where


def test_the_line_is_least_squares():
    rng = np.random.default_rng(0)
    said = rng.uniform(20, 70, 40)
    true = 4 + 0.9 * said + rng.normal(0, 2, 40)
    rows = [Said(f"{n // 2}", 0, n, value, {"ef": true[n // 2 * 2]}) for n, value in enumerate(said)]
    means = said.reshape(-1, 2).mean(axis=1)
    slope, intercept = np.linalg.lstsq(np.stack([means, np.ones(20)], axis=1), true[::2], rcond=None)[0]
    line = fit_line(rows, "ef")
    assert (line.slope, line.intercept) == pytest.approx((slope, intercept))
    assert line(1e6) == 100.0
    assert line.correct(rows[:1])[0].value == pytest.approx(intercept + slope * said[0])


def test_few_studies_say_nothing_of_a_slope():
    assert fit_line([Said("a", 0, 0, 50.0, {"ef": 60.0})], "ef") == Line()


def test_outlines_that_cannot_be_measured_end_a_training_all_the_same(few, tmp_path):
    blind = make_recipe({**RECIPE, "optimiser": {"lr": 1e-9}, "epochs": 1})
    manifest = train(blind, few, tmp_path / "run").manifest
    assert manifest.metrics["test"]["studies"] < 2
    assert manifest.extra["calibration"]["line"] == {"slope": 1.0, "intercept": 0.0}
