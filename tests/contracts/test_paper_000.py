"""Every experiment of paper 000 trains one epoch on a tiny cohort of synthetic hearts, by the code that a user runs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from cinecor.cli.__main__ import app
from cinecor.datasets import echonet_dynamic
from cinecor.errors import ConfigError
from cinecor.phantom import MARK, echo_study
from cinecor.training import sweep, train
from cinecor.training.benchmarks import list_benchmarks, plan, select_rows
from cinecor.training.recipe import apply_overrides
from cinecor.training.sweep import Job, run_sweep

SPLITS = ("train", "train", "train", "train", "validation", "test", "test", "test")
ROWS = select_rows("000")
SMALL = ["--epochs", "1", "--clip.length", "6", "--reference_clips", "2", "--batch_size", "2", "--device", "cpu"]


def _small(recipe):
    """Thin and on small clips; Inception-v3 has its own width, needs 75 pixels, and starts here without a download."""
    if recipe.model.options.get("cnn") == "inception_v3":
        size, changes = "80", ["--model.options.pretrained", "false"]
    else:
        size, changes = "64", ["--model.options.width", "0.05"]
    if recipe.model.name == "fusion":
        changes += ["--model.options.task_width", "80"]
    return apply_overrides(recipe, [*SMALL, "--clip.height", size, "--clip.width", size, *changes])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper000")
    studies = [echo_study(index, 0, max_frames=24, split=split) for index, split in enumerate(SPLITS)]
    echonet_dynamic.write(studies, folder / "data")
    (folder / "data" / MARK).write_text("phantom")
    return folder


def test_there_are_42_rows_in_the_order_of_the_paper_and_our_two_with_outlines():
    assert list_benchmarks() == ["000", "001", "003", "004"]
    rows = [recipe.published for recipe in ROWS.values()]
    assert [row.row for row in rows] == list(range(1, 45))
    assert all(row.tables and row.family and row.rmse and row.mae and row.r2 for row in rows[:42])
    assert [name for name, recipe in ROWS.items() if recipe.loss.outline > 0] == list(ROWS)[42:]
    assert all(row.rmse is None and "our reading" in row.family for row in rows[42:])


def test_a_change_can_be_for_some_rows_alone(tmp_path):
    rows = select_rows("000", only=["mini_*", "stem"])
    jobs = plan(rows, 2, ["--mini_b?:batch_size", "7", "--batch_size=3", "--mini_b1:batch_size=9"], tmp_path)
    sizes = {job.name: job.recipe.batch_size for job in jobs}
    assert {name for name, size in sizes.items() if size == 7} == {"mini_b2", "mini_b3", "mini_b4"}
    assert sizes["mini_b1"] == 9
    assert sizes["stem"] == sizes["mini_l1"] == 3
    with pytest.raises(ConfigError, match="original"):
        plan(rows, 1, ["--original*:batch_size", "2"], tmp_path)


@pytest.mark.parametrize(
    ("table", "count"), [(1, 4), (2, 4), (3, 4), (4, 8), (5, 2), (6, 12), (7, 3), (8, 4), (9, 6), (10, 26)]
)
def test_tables_have_the_rows_of_the_paper(table, count):
    assert len(select_rows("000", [table])) == count


@pytest.mark.parametrize("name", ROWS)
def test_it_trains(name, data, tmp_path):
    run = train(_small(ROWS[name]), data / "data", tmp_path / "run", cache=data / "cache")
    assert run.manifest.metrics["test"]["rmse"] > 0
    assert run.recipe.published.row == ROWS[name].published.row


@pytest.fixture
def costless(monkeypatch):
    """What a network costs is tested elsewhere, and takes a process of its own."""
    monkeypatch.setattr(sweep, "measure_cost", lambda folder, _: (folder / "cost.json").write_text("{}"))


def test_the_command_runs_compares_and_does_not_repeat(data, tmp_path, monkeypatch, costless):
    monkeypatch.setenv("CINECOR_CACHE", str(data / "cache"))
    sizes = ["--clip.height", "64", "--clip.width", "64", "--model.options.width", "0.05"]
    command = ["benchmark", "000", "--data", str(data / "data"), "--out", str(tmp_path / "bench"), "--only", "stem"]
    command += ["--only", "mini_b1", "--seeds", "2", *SMALL, *sizes]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    weights = sorted((tmp_path / "bench").rglob("model.safetensors"))
    assert len(weights) == 4
    times = [path.stat().st_mtime_ns for path in weights]
    table = (tmp_path / "bench" / "comparison.csv").read_bytes()
    page = (tmp_path / "bench" / "comparison.html").read_text()
    assert "synthetic hearts" in page
    assert "8.43" in page  # what the paper published for the stem
    second = CliRunner().invoke(app, command)
    assert second.exit_code == 0
    assert [path.stat().st_mtime_ns for path in weights] == times
    assert (tmp_path / "bench" / "comparison.csv").read_bytes() == table


def test_side_by_side_on_ray_gives_the_same(data, tmp_path, costless):
    pytest.importorskip("ray")
    recipe = _small(ROWS["stem"])
    here, there = (
        [
            Job(name=f"s{seed}", recipe=recipe.model_copy(update={"seed": seed}), folder=tmp_path / way / f"s{seed}")
            for seed in range(2)
        ]
        for way in ("here", "ray")
    )
    assert [outcome.failure for outcome in run_sweep(here, data / "data", cache=data / "cache")] == ["", ""]
    there[1] = replace(there[1], folds=(1, 0))  # not the first of its folds: one cost that is measured there is enough
    found = list(run_sweep(there, data / "data", cache=data / "cache", parallel=2))
    assert [outcome.failure for outcome in found] == ["", ""]
    assert [(job.folder / "cost.json").exists() for job in there] == [True, False]
    for one, other in zip(here, there, strict=True):
        tables = [(job.folder / "predictions_test.csv").read_text().splitlines() for job in (one, other)]
        assert len(tables[0]) == len(tables[1])


def test_listing_needs_no_data_and_running_does():
    listed = CliRunner().invoke(app, ["benchmark", "000", "--list", "--table", "1"])
    assert listed.exit_code == 0
    assert "mini_b1" in listed.output
    with pytest.raises(ConfigError, match=r"CONFLICT: benchmark.*--data and --out"):
        CliRunner().invoke(app, ["benchmark", "000"], catch_exceptions=False)
