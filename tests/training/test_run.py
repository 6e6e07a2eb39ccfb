"""A training from its recipe to its folder: finished, interrupted, resumed, refused."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock

from cinecor.errors import CheckpointError, ConfigError, ResourceError, StorageError
from cinecor.evaluation.table import read_predictions, read_truth
from cinecor.models.checkpoint import load_checkpoint, load_extra_tensors, read_manifest
from cinecor.records import ClipSpec
from cinecor.training import open_run, predictions_of, train
from cinecor.training.loop import Fit
from cinecor.training.recipe import apply_overrides, load_recipe, resolve
from cinecor.training.run import make_task
from cinecor.training.state import load_state

CPU = torch.device("cpu")
FILES = ("model.safetensors", "manifest.json", "metrics.csv", "truth.csv", "predictions_test.csv")


def _same(first: Path, second: Path) -> bool:
    return all((first / name).read_bytes() == (second / name).read_bytes() for name in FILES)


def test_a_run_holds_what_it_promises(finished, tiny):
    names = {path.name for path in finished.folder.iterdir()}
    assert {*FILES, "recipe.yaml", "last.ckpt", "tensorboard", "predictions_train.csv"} <= names
    assert load_recipe(finished.folder / "recipe.yaml") == resolve(tiny)
    assert (finished.folder / "recipe.yaml").read_text().startswith("# cinecor train ")
    assert open_run(finished.folder) == finished
    seconds = json.loads((finished.folder / "timing.json").read_text())["train_seconds"]
    assert seconds == pytest.approx(load_state(finished.folder / "last.ckpt").seconds, abs=0.06)
    assert seconds > 0
    each = json.loads((finished.folder / "timing.json").read_text())["epoch_seconds"]
    assert len(each) == 3
    assert min(each) > 0
    assert sum(each) <= seconds + 0.1


def test_metrics_are_those_of_the_saved_tables(finished):
    truth = read_truth(finished.folder / "truth.csv").set_index("study")["value"]
    for split, studies in (("train", 10), ("validation", 4), ("test", 4)):
        said = read_predictions(finished.folder / f"predictions_{split}.csv").groupby("study")["value"].mean()
        assert len(said) == studies
        errors = (said - truth[said.index]).to_numpy()
        metrics = finished.manifest.metrics[split]
        assert metrics["rmse"] == pytest.approx(np.sqrt(np.mean(errors**2)))
        assert metrics["mae"] == pytest.approx(np.mean(np.abs(errors)))
        if split == "validation":
            residuals = finished.manifest.extra["calibration"]["residuals"]
            assert residuals == pytest.approx(sorted(np.abs(errors)), abs=1e-5)


def test_the_best_epoch_is_the_one_with_the_best_monitored_metric(finished):
    rows = [line.split(",") for line in (finished.folder / "metrics.csv").read_text().splitlines()]
    column = rows[0].index("validation_rmse")
    values = [float(row[column]) for row in rows[1:]]
    assert finished.manifest.metrics["best_epoch"] == int(np.argmin(values)) + 1
    assert finished.manifest.metrics["epochs"] == len(values) == 3


def test_the_manifest_says_all_that_inference_needs(finished, tiny):
    manifest = finished.manifest
    assert ClipSpec.from_dict(manifest.clip) == tiny.clip_spec
    assert (manifest.target, manifest.unit) == ("ef", "%")
    assert manifest.training_data["synthetic"] is True
    assert manifest.extra["clips_per_loop"] == 3
    assert manifest.versions["cinecor"]
    network, _ = load_checkpoint(finished.folder)
    embeddings = load_extra_tensors(finished.folder)["reference_embeddings"]
    assert embeddings.shape == (5, network.num_features)


def test_the_summary_prints_every_split(finished):
    text = finished.summary()
    for word in ("train ", "validation ", "test ", "best epoch", "synthetic hearts"):
        assert word in text


def test_published_numbers_stand_beside_ours(finished):
    recipe = apply_overrides(finished.recipe, ["--published.source", "x", "--published.rmse", "7.09"])
    assert "7.09" in replace(finished, recipe=recipe).summary()


def test_the_same_recipe_gives_the_same_files(finished, tiny, cohort, tmp_path):
    assert _same(train(tiny, cohort, tmp_path / "again").folder, finished.folder)


def test_workers_change_nothing(finished, tiny, cohort, tmp_path):
    run = train(apply_overrides(tiny, ["--workers", "1"]), cohort, tmp_path / "again")
    assert run.manifest.weights_sha256 == finished.manifest.weights_sha256


def test_another_seed_gives_other_weights(finished, tiny, cohort, tmp_path):
    run = train(apply_overrides(tiny, ["--seed", "1"]), cohort, tmp_path / "other")
    assert run.manifest.weights_sha256 != finished.manifest.weights_sha256


def test_a_finished_run_is_neither_repeated_nor_overwritten(finished, tiny, cohort):
    before = {path: path.stat().st_mtime_ns for path in finished.folder.iterdir() if path.name != ".lock"}
    assert train(tiny, cohort, finished.folder) == finished
    assert {path: path.stat().st_mtime_ns for path in finished.folder.iterdir() if path.name != ".lock"} == before


def test_another_recipe_or_other_data_are_refused(finished, tiny, cohort):
    with pytest.raises(ConfigError, match="CONFLICT: finished: it holds a run of another recipe"):
        train(apply_overrides(tiny, ["--seed", "5"]), cohort, finished.folder)
    with pytest.raises(ConfigError, match="CONFLICT: finished: its finished run was trained on other studies"):
        train(tiny, cohort[1:], finished.folder)


def test_a_folder_of_something_else_is_refused(tiny, cohort, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(ConfigError, match="the folder is not empty"):
        train(tiny, cohort, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != ".lock") == ["thesis.txt"]


def _interrupt(monkeypatch, step: int, number: int | None) -> None:
    """Before the given step, send the signal; without one, fail as a power cut would."""
    original, count = Fit._step, iter(range(1000))

    def interrupted(self, batch):
        if next(count) == step:
            monkeypatch.setattr(Fit, "_step", original)
            if number is None:
                raise RuntimeError("power cut")
            os.kill(os.getpid(), number)
        original(self, batch)

    monkeypatch.setattr(Fit, "_step", interrupted)


@pytest.mark.parametrize("step", [0, 2, 3, 7])
@pytest.mark.parametrize(
    ("number", "expected"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt), (None, RuntimeError)]
)
def test_an_interrupted_run_ends_with_the_same_files(
    finished, tiny, cohort, tmp_path, monkeypatch, step, number, expected
):
    _interrupt(monkeypatch, step, number)
    with pytest.raises(expected) as caught:
        train(tiny, cohort, tmp_path / "run")
    assert not (tmp_path / "run" / "manifest.json").exists()
    if expected is SystemExit:
        assert caught.value.code == 143
    assert _same(train(tiny, cohort, tmp_path / "run").folder, finished.folder)


def test_a_run_whose_end_was_interrupted_is_ended(finished, tiny, cohort, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("cinecor.training.run.finish", lambda *_: pytest.fail("power cut"))
        with pytest.raises(pytest.fail.Exception):
            train(tiny, cohort, tmp_path / "run")
    monkeypatch.setattr(Fit, "_step", lambda *_: pytest.fail("no step is left"))
    assert _same(train(tiny, cohort, tmp_path / "run").folder, finished.folder)


def test_patience_ends_a_training(tiny, cohort, tmp_path, monkeypatch):
    losses = iter([5.0, 4.0, 4.5, 4.2, 3.0])
    monkeypatch.setattr(
        Fit, "_validate", lambda *_: {"validation_loss": 1.0, "validation_rmse": next(losses), "validation_mae": 1.0}
    )
    recipe = apply_overrides(tiny, ["--patience", "2", "--epochs", "9"])
    metrics = train(recipe, cohort, tmp_path / "run").manifest.metrics
    assert (metrics["best_epoch"], metrics["epochs"]) == (2, 4)


def test_a_diverging_training_says_so(tiny, cohort, tmp_path):
    recipe = apply_overrides(tiny, ["--optimiser.lr", "100", "--optimiser.name", "sgd", "--optimiser.momentum", "0.99"])
    with pytest.raises(CheckpointError, match="NONFINITE: training: the loss is not finite in epoch"):
        train(recipe, cohort, tmp_path / "run")


def test_a_state_of_other_data_is_refused(tiny, cohort, tmp_path, monkeypatch):
    _interrupt(monkeypatch, 4, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train(tiny, cohort, tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"MISMATCH: last\.ckpt: the run was begun with another set of studies"):
        train(tiny, cohort[1:], tmp_path / "run")


def test_two_trainings_do_not_share_a_folder(tiny, cohort, tmp_path):
    tmp_path.joinpath("run").mkdir()
    with FileLock(tmp_path / "run" / ".lock"), pytest.raises(StorageError, match="LOCKED"):
        train(tiny, cohort, tmp_path / "run")


def test_a_full_disk_is_loud(tiny, cohort, tmp_path, monkeypatch):
    def refuse(handle):
        raise OSError(28, "No space left on device")

    run = tmp_path / "run"
    monkeypatch.setattr("cinecor.training.state.storage.os.fsync", refuse)
    with pytest.raises(StorageError, match="NO_SPACE"):
        train(tiny, cohort, run)
    assert not (run / "manifest.json").exists()


def test_a_gpu_that_is_not_there_is_said_to_be_missing(tiny, cohort, tmp_path, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(ResourceError, match="NO_DEVICE"):
        train(apply_overrides(tiny, ["--device", "gpu"]), cohort, tmp_path / "run")


def test_too_little_memory_is_said_so(tiny, cohort, tmp_path, monkeypatch):
    def exhaust(*_):
        raise MemoryError

    monkeypatch.setattr(Fit, "_step", exhaust)
    with pytest.raises(ResourceError, match="OOM"):
        train(tiny, cohort, tmp_path / "run")


def test_the_first_weights_are_a_function_of_the_seed_and_the_mean(tiny):
    first, second = (make_task(tiny, np.array([40.0, 60.0]), CPU).network.state_dict() for _ in range(2))
    assert all((first[name] == second[name]).all() for name in first)
    assert make_task(tiny, np.array([40.0, 43.0]), CPU).network.output_bias().item() == 41.5


def test_standardised_targets_start_at_the_mean_too(tiny):
    task = make_task(apply_overrides(tiny, ["--standardise", "true"]), np.array([40.0, 60.0]), CPU)
    assert (task.mean, task.scale) == (50.0, 10.0)
    assert task.network.output_bias().item() == 0.0


def test_standardised_targets_change_nothing_for_who_loads_the_weights(tiny, cohort, tmp_path):
    run = train(apply_overrides(tiny, ["--standardise", "true"]), cohort, tmp_path / "run")
    saved, _, _ = predictions_of(run.folder, None, "test")
    assert saved["value"].between(0, 100).all()
    network, _ = load_checkpoint(run.folder)
    assert abs(network.output_bias().item() - run.manifest.training_data["target_mean"]) < 20


@pytest.mark.parametrize("weights", ["float16", "bfloat16"])
def test_half_weights_are_measured_as_they_are_stored(tiny, cohort, tmp_path, weights):
    run = train(apply_overrides(tiny, ["--weights", weights, "--precision", "bf16-mixed"]), cohort, tmp_path / "run")
    network, manifest = load_checkpoint(run.folder)
    assert manifest.storage == weights
    said = read_predictions(run.folder / "predictions_test.csv")["value"]
    assert np.isfinite(said).all()
    assert all(
        (tensor.to(getattr(torch, weights)).float() == tensor).all()
        for tensor in network.state_dict().values()
        if tensor.is_floating_point()
    )


@pytest.mark.slow
def test_kill_minus_nine_and_resume(tmp_path):
    script = Path(__file__).parents[2] / "benchmarks" / "kill_resume.py"
    command = [sys.executable, str(script), "--trials", "1", "--kills", "2", "--json"]
    command += ["--epochs", "3", "--loops", "16"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passed"] == 1


def test_reading_the_manifest_is_enough_to_know_a_run(finished):
    assert read_manifest(finished.folder) == finished.manifest


def test_a_long_epoch_is_saved_on_its_way(finished, tiny, cohort, tmp_path, monkeypatch):
    monkeypatch.setattr("cinecor.training.loop.SAVE_SECONDS", 0.0)
    _interrupt(monkeypatch, 2, None)
    with pytest.raises(RuntimeError):
        train(tiny, cohort, tmp_path / "run")
    state = load_state(tmp_path / "run" / "last.ckpt")
    assert (state.epoch, state.step) == (0, 2)
    assert _same(train(tiny, cohort, tmp_path / "run").folder, finished.folder)
