"""Many trainings: each goes on where it stopped, and one that fails stops no other."""

import json

import pytest
import torch

from cinecor.datasets import echonet_dynamic
from cinecor.errors import ConfigError, ResourceError
from cinecor.phantom import echo_study
from cinecor.training import cost, open_run, sweep
from cinecor.training.recipe import FAILURE_NAME, make_recipe
from cinecor.training.sweep import Job, Share, choose_parallel, run_sweep, share_machines

SMALL = {
    "model": {"name": "i3d", "options": {"depth": "stem", "width": 0.1}},
    "clip": {"length": 4, "height": 24, "width": 24},
    "sampling": {"test_clips": 1},
    "batch_size": 2,
    "epochs": 1,
    "device": "cpu",
    "reference_clips": 0,
    "seed": 3,
}
SPLITS = ("train", "train", "train", "validation", "test")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "data"
    studies = [echo_study(index, 0, max_frames=24, split=split) for index, split in enumerate(SPLITS)]
    echonet_dynamic.write(studies, folder)
    return folder


def _cost_nothing(folder, _):
    (folder / "cost.json").write_text("{}")


@pytest.fixture
def costless(monkeypatch):
    """What a network costs takes a process of its own to measure."""
    monkeypatch.setattr(sweep, "measure_cost", _cost_nothing)


def _job(out, name, **changes):
    return Job(name=name, recipe=make_recipe({**SMALL, **changes}), folder=out / name)


@pytest.mark.usefixtures("costless")
def test_a_failure_is_told_and_stops_nothing(data, tmp_path):
    jobs = [_job(tmp_path, "bad", target="wall_mm"), _job(tmp_path, "good")]
    bad, good = run_sweep(jobs, data, cache=tmp_path / "cache")
    assert bad.job.name == "bad"
    assert "BAD_LABEL" in bad.failure
    assert "BAD_LABEL" in (tmp_path / "bad" / FAILURE_NAME).read_text()
    assert good.failure == ""
    assert open_run(tmp_path / "good").manifest.metrics["test"]["rmse"] > 0


@pytest.mark.usefixtures("costless")
def test_what_failed_before_it_began_is_tried_again(data, tmp_path):
    missing = {"start": {"weights": str(tmp_path / "weights")}}
    (outcome,) = run_sweep([_job(tmp_path, "first", **missing)], data, cache=tmp_path / "cache")
    assert outcome.failure
    assert [path.name for path in (tmp_path / "first").iterdir() if path.name != ".lock"] == [FAILURE_NAME]
    (outcome,) = run_sweep([_job(tmp_path, "first")], data, cache=tmp_path / "cache")
    assert outcome.failure == ""
    assert not (tmp_path / "first" / FAILURE_NAME).exists()


def test_a_bug_is_told_with_its_traceback(data, tmp_path, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("in a network")

    monkeypatch.setattr(sweep, "measure_cost", broken)
    (outcome,) = run_sweep([_job(tmp_path, "buggy")], data, cache=tmp_path / "cache")
    assert outcome.failure == "ZeroDivisionError: in a network"
    assert "Traceback" in (tmp_path / "buggy" / FAILURE_NAME).read_text()
    monkeypatch.setattr(sweep, "measure_cost", _cost_nothing)
    (outcome,) = run_sweep([_job(tmp_path, "buggy")], data, cache=tmp_path / "cache")
    assert outcome.failure == ""
    assert not (tmp_path / "buggy" / FAILURE_NAME).exists()


def test_what_is_finished_is_not_repeated(data, tmp_path):
    jobs = [_job(tmp_path, "once")]
    list(run_sweep(jobs, data, cache=tmp_path / "cache"))
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "once").iterdir() if path.is_file()}
    list(run_sweep(jobs, data, cache=tmp_path / "cache"))
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "once").iterdir() if path.is_file()}
    assert {name: time for name, time in after.items() if name != ".lock"} == {
        name: time for name, time in before.items() if name != ".lock"
    }


def test_an_interruption_is_no_failure(data, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep, "measure_cost", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(run_sweep([_job(tmp_path, "stopped")], data, cache=tmp_path / "cache"))
    assert not (tmp_path / "stopped" / FAILURE_NAME).exists()


def test_two_jobs_of_one_folder_are_refused(data, tmp_path):
    with pytest.raises(ConfigError, match="CONFLICT"):
        list(run_sweep([_job(tmp_path, "a"), _job(tmp_path, "a")], data))


def test_the_cost_is_measured_once(tmp_path):
    recipe = make_recipe(
        {
            **SMALL,
            "model": {"name": "unet", "options": {"widths": [4, 8]}},
            "task": "segmentation",
            "loss": {"name": "dice"},
            "monitor": "loss",
        }
    )
    found = cost.measure_cost(tmp_path, recipe)
    convolutions = (1 * 4 + 4 * 4) * 24 * 24 + (4 * 8 + 8 * 8) * 12 * 12 + (12 * 4 + 4 * 4) * 24 * 24
    assert found["flops"] == 2 * 4 * (9 * convolutions + 4 * 24 * 24)  # frames; the last layer is a sum over channels
    assert found["train_ms_per_clip"] > 0
    assert found["peak_mb"] >= 0
    assert found["threads"] == torch.get_num_threads()
    assert json.loads((tmp_path / "cost.json").read_text()) == found
    assert cost.measure_cost(tmp_path, recipe) == found


@pytest.mark.parametrize("method", ["gan", "fixmatch"])
def test_what_a_step_without_labels_costs_is_left_out_not_that_of_another_step(tmp_path, method):
    values = {
        "task": "classification",
        "target": "lvh",
        "loss": {"name": "bce"},
        "monitor": "loss",
        "model": {"name": "gan", "options": {"widths": [2]}},
        "clip": {"length": 1, "height": 12, "width": 12},
        "batch_size": 2,
        "device": "cpu",
    }
    plain, semi = make_recipe(values), make_recipe({**values, "semi": {"method": method}})
    whole, part = (cost._measure(recipe.model_dump(mode="json"), torch.get_num_threads()) for recipe in (plain, semi))
    assert set(whole) - set(part) == {"train_ms_per_clip", "peak_mb"}
    assert (whole["parameters"], whole["flops"]) == (part["parameters"], part["flops"])
    (tmp_path / "cost.json").write_text(json.dumps(whole))  # as an earlier version measured every run
    assert cost.read_cost(tmp_path, plain) == whole
    assert set(cost.read_cost(tmp_path, semi)) == set(cost.measure_cost(tmp_path, semi)) == set(part)
    assert cost.read_cost(tmp_path / "none", semi) == {}


def test_without_a_wish_there_is_one_training_a_gpu_or_for_four_cores():
    assert [choose_parallel(cores, 0) for cores in (1, 2, 4, 7, 8, 64)] == [1, 1, 1, 1, 2, 16]
    assert [choose_parallel(64, gpus) for gpus in (1, 8)] == [1, 8]


def test_machines_are_shared_and_a_training_fits_on_one():
    laptop, server = {"CPU": 4.0}, {"CPU": 32.0, "GPU": 4.0}
    assert share_machines([laptop], 2) == Share(parallel=2, cpus=2, gpus=0.0)
    assert share_machines([laptop, laptop], None) == Share(parallel=2, cpus=4, gpus=0.0)
    assert share_machines([laptop, {"CPU": 64.0}], 2).cpus == 4  # more than the laptop has would leave it idle
    assert share_machines([server], None) == Share(parallel=4, cpus=8, gpus=1.0)
    assert share_machines([server], 8) == Share(parallel=8, cpus=4, gpus=0.5)
    assert share_machines([server], 6) == Share(parallel=6, cpus=5, gpus=0.5)  # two share a GPU, none spans two
    assert share_machines([laptop], 9).cpus == 1


def test_a_cluster_without_cores_is_waited_for():
    with pytest.raises(ResourceError, match="offer no core"):
        share_machines([{"CPU": 0.0}, {"GPU": 1.0}], 2)


class _Unstarted:
    """Ray where its own processes do not come up."""

    @staticmethod
    def is_initialized():
        return False

    @staticmethod
    def init(**_options):
        raise RuntimeError("The current node timed out during startup.\nmore")


def test_a_cluster_that_does_not_start_is_an_error_of_ours(tmp_path, monkeypatch):
    monkeypatch.setattr("cinecor.training.sweep._library", lambda: _Unstarted)
    with pytest.raises(
        ResourceError, match=r"Ray does not start: The current node timed out during startup\..*--parallel 1"
    ):
        list(run_sweep([_job(tmp_path, "a")], tmp_path, parallel=2))
