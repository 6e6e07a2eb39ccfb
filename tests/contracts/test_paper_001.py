"""Every row of tables 1 to 3 of papers 001 and 002 trains on a tiny synthetic cohort, by the code that a user runs."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from cinecor.cli.__main__ import app
from cinecor.datasets import echonet_dynamic
from cinecor.models import create_model
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.phantom import MARK, echo_study
from cinecor.training import train
from cinecor.training.benchmarks import select_rows
from cinecor.training.recipe import apply_overrides, load_recipe

ROWS = select_rows("001", tables=[1, 2, 3])
SMALL = ["--epochs", "1", "--clip.length", "4", "--reference_clips", "2", "--batch_size", "2", "--device", "cpu"]
SMALL += ["--clip.height", "32", "--clip.width", "32"]
THIN = {"depths": [1, 1, 1, 1], "widths": [4, 4, 8, 8], "head_dim": 4}


def _small(recipe, weights):
    """Thin and on small clips; Kinetics weights are those of a thin network that was never trained."""
    if recipe.model.name == "r2plus1d_18":
        changes = ["--model.options.pretrained", "false", "--model.options.depths", "[1, 1, 1, 1]"]
        changes += ["--sampling.test_clips", "1"]
    else:
        changes = [word for name, value in THIN.items() for word in (f"--model.options.{name}", str(value))]
    if recipe.start.weights:
        changes += ["--start.weights", str(weights)]
    if recipe.second.epochs:
        changes += ["--second.epochs", "1"]
    return apply_overrides(recipe, [*SMALL, *changes])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper001")
    splits = ("train", "train", "train", "train", "validation", "test", "test")
    studies = [echo_study(index, 0, max_frames=20, split=split) for index, split in enumerate(splits)]
    echonet_dynamic.write(studies, folder / "data")
    (folder / "data" / MARK).write_text("phantom")
    network = create_model("uniformer_small", 400, **THIN)
    save_checkpoint(folder / "weights", network, Manifest(model="uniformer_small", options=THIN, target="action class"))
    return folder


def test_the_rows_are_those_of_tables_1_to_3():
    assert [recipe.published.row for recipe in ROWS.values()] == list(range(1, 9))
    assert [len(select_rows("001", [table])) for table in (1, 2, 3)] == [3, 5, 3]
    assert all(recipe.published.r2 for recipe in ROWS.values())
    assert {name for name, recipe in ROWS.items() if recipe.start.weights} == {"coreecho", "l1st_k400", "echocotr"}


def test_each_ablation_differs_from_the_first_stage_in_what_it_is_named_after():
    first = load_recipe("001/l1st")
    assert load_recipe("001/no_augmentation").augmentation.preset == "none"
    assert not load_recipe("001/one_clip").sampling.views_differ
    for name, parts in (
        ("no_augmentation", {"augmentation"}),
        ("one_clip", {"sampling"}),
        ("l1", {"sampling", "loss"}),
        ("l1st_k400", {"start"}),
        ("coreecho", {"start", "second"}),
    ):
        other = load_recipe(f"001/{name}")
        fields = set(type(first).model_fields) - {"summary", "published"}
        assert {field for field in fields if getattr(first, field) != getattr(other, field)} == parts


@pytest.mark.parametrize("name", ROWS)
def test_it_trains(name, data, tmp_path):
    recipe = _small(ROWS[name], data / "weights")
    run = train(recipe, data / "data", tmp_path / "run", cache=data / "cache")
    assert run.manifest.metrics["test"]["mae"] > 0
    assert run.manifest.metrics["epochs"] == (2 if name == "coreecho" else 1)
    assert ("start" in run.manifest.extra) == (ROWS[name].start.weights is not None)


def test_the_command_lists_the_rows_and_asks_for_weights(data, tmp_path, monkeypatch):
    monkeypatch.setenv("CINECOR_CACHE", str(data / "cache"))
    command = ["benchmark", "001", "--data", str(data / "data"), "--out", str(tmp_path / "bench")]
    listed = CliRunner().invoke(app, [*command, "--list"])
    assert listed.exit_code == 0, listed.output
    assert "coreecho" in listed.output
    asked = CliRunner().invoke(app, ["train", "001/coreecho", *command[2:]])
    assert "cinecor import FILE --as uniformer" in str(asked.exception)
    assert "\n" not in str(asked.exception)
