"""The transfer studies as recipes: the facts they stand for, and a whole study of folds on synthetic patients."""

from __future__ import annotations

import csv

import pytest
from typer.testing import CliRunner

from cinecor.cli.__main__ import app
from cinecor.datasets import camus
from cinecor.phantom import MARK, camus_study
from cinecor.training import sweep
from cinecor.training.benchmarks import select_rows

CAMUS, HMC_QU = (select_rows("001", tables=[table]) for table in (4, 5))
TINY = {
    "split.folds": "3",
    "epochs": "1",
    "batch_size": "4",
    "device": "cpu",
    "reference_clips": "0",
    "clip.height": "32",
    "clip.width": "32",
    "model.options.widths": "[8, 16, 32, 32]",
    "model.options.depths": "[1, 1, 1, 1]",
    "model.options.head_dim": "16",
}


def test_the_recipes_are_what_the_paper_says():
    assert len(CAMUS) == 5
    assert len(HMC_QU) == 6
    for name, recipe in CAMUS.items():
        probe = "probe" in name
        assert (recipe.target, recipe.view, recipe.loss.name, recipe.split.by) == ("ef", "A4C", "mse", "fold")
        assert (recipe.split.folds, recipe.clip_spec.length, recipe.clip_spec.height) == (10, 16, 112)
        assert (recipe.batch_size, recipe.epochs, recipe.optimiser.lr) == ((16, 100, 2e-4) if probe else (8, 100, 1e-4))
        assert recipe.optimiser.weight_decay == 1e-4
        assert set(recipe.published.groups) == {"good and medium", "poor"}
    for name, recipe in HMC_QU.items():
        assert (recipe.target, recipe.task, recipe.split.by) == ("infarct_a4c", "classification", "kfold")
        assert (recipe.split.folds, recipe.clip_spec.length, recipe.clip_spec.height) == (5, 12, 224)
        assert (recipe.batch_size, recipe.epochs, recipe.optimiser.lr) == (16, 50, 1e-5)
        found = recipe.published
        balance = 2 * found.precision * found.sensitivity / (found.precision + found.sensitivity)
        assert found.f1 == pytest.approx(balance, abs=0.02), name  # means over folds, so not exactly
    for name, recipe in {**CAMUS, **HMC_QU}.items():
        assert (recipe.optimiser.name, recipe.optimiser.momentum) == ("madgrad", 0.9)
        assert (recipe.start.freeze == "trunk") == ("probe" in name)
        assert (recipe.start.weights is None) == ("scratch" in name)
        ranges = recipe.augmentation_ranges
        assert (ranges.rotation_deg, ranges.scale, ranges.shift) == (20.0, (0.8, 1.1), 0.1)


def test_a_list_shows_all_that_was_published():
    listed = CliRunner().invoke(app, ["benchmark", "001", "--data", ".", "--out", ".", "--list"]).output
    assert "good and medium: pearson 0.807, mae 5.29" in listed
    assert "sensitivity 0.9295, specificity 0.8607, precision 0.9355, f1 0.9291, accuracy 0.9064" in listed


def test_a_benchmark_tests_every_patient_once_over_its_folds(tmp_path, monkeypatch):
    # What a network costs is tested elsewhere, and takes a process of its own.
    monkeypatch.setattr(sweep, "measure_cost", lambda folder, _: (folder / "cost.json").write_text("{}"))
    data, out = tmp_path / "camus", tmp_path / "out"
    camus.write((camus_study(index, 0, max_frames=3, size=64) for index in (0, 1, 2, 10, 11, 12)), data)
    lists = data / camus.SPLIT_FOLDER
    assert len(list(lists.glob("subGroup*_testing.txt"))) == 3
    (data / MARK).write_text("phantom")
    words = [f"--{name}={value}" for name, value in TINY.items()]
    found = CliRunner().invoke(
        app,
        [
            "benchmark",
            "001",
            "--data",
            str(data),
            "--out",
            str(out),
            "--only",
            "camus_scratch",
            "--parallel",
            "1",
            *words,
        ],
        catch_exceptions=False,
    )
    assert found.exit_code == 0, found.output
    assert (out / "runs" / "camus_scratch" / "seed0-fold2" / "manifest.json").is_file()
    with (out / "comparison.csv").open(newline="") as stream:
        (row,) = csv.DictReader(stream)
    assert (row["seeds"], row["failed"]) == ("1", "0")
    assert float(row["ensemble_mae"]) > 0
    with (out / "groups.csv").open(newline="") as stream:
        groups = list(csv.DictReader(stream))
    assert sum(int(group["studies"]) for group in groups) == 6
    assert "## By group" in (out / "comparison.md").read_text("utf-8")
