"""Recipes that build upon a trained run say which one, and how it is made and given."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from cinecor.errors import ConfigError
from cinecor.training import train
from cinecor.training.benchmarks import plan
from cinecor.training.recipe import apply_overrides, list_recipes, load_recipe
from cinecor.training.sweep import Job, attempt
from cinecor.training.unnamed_runs import PREFIX, check_named, tell_unnamed, unnamed_runs

MASKED, BOTH = "004/cnn_masked", "004/lvh_masked_stage_2"


def refusal(name: str, row: str = "") -> str:
    with pytest.raises(ConfigError, match="CONFLICT") as caught:
        check_named(load_recipe(name), row)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_placeholder_of_a_recipe_is_the_name_of_one() -> None:
    recipes = {name: load_recipe(name) for name in list_recipes()}
    found = {name: unnamed_runs(recipe) for name, recipe in recipes.items()}
    parts = {name: (recipe.start.weights, recipe.mask.weights) for name, recipe in recipes.items()}
    marked = {name: sum((text or "").startswith("RUN") for text in texts) for name, texts in parts.items()}
    assert {name: len(wanted) for name, wanted in found.items()} == marked
    assert found[MASKED] == {"mask.weights": "004/fov_mask"}
    assert found[BOTH] == {"start.weights": "004/cnn_masked", "mask.weights": "004/lv_mask"}
    assert sum(map(bool, found.values())) == 7


def test_what_is_told_can_be_typed() -> None:
    """Every command that is quoted is a recipe's training into the folder that the option is given."""
    for name in (MASKED, BOTH):
        told = refusal(name)
        given = dict(re.findall(r"--(\w+\.weights) ([A-Z]+)", told))
        assert given.keys() == unnamed_runs(load_recipe(name)).keys()
        made = {words[words.index("--out") + 1]: words[2] for words in map(shlex.split, re.findall("`(.*?)`", told))}
        assert {option: made[folder] for option, folder in given.items()} == unnamed_runs(load_recipe(name))
    assert "004/cnn_masked --data DATA --out START --mask.weights …`" in refusal(BOTH)


def test_a_benchmark_is_told_the_option_of_the_row_alone(tmp_path: Path) -> None:
    job = Job(name="cnn_masked", recipe=load_recipe(MASKED), folder=tmp_path / "run")
    assert "give --cnn_masked:mask.weights MASK" in attempt(job, tmp_path, None)


def tell(*names: str) -> str:
    told = tell_unnamed({name: load_recipe(f"004/{name}") for name in names})
    assert "\n" not in told
    return told


def test_before_a_benchmark_the_option_of_all_rows_is_told_where_it_is_right_for_all() -> None:
    assert tell("cnn") == ""
    told = tell("cnn", "cnn_masked", "resnet50", "lvh_stage_1")
    assert "cnn_masked, resnet50 (--mask.weights: a run of 004/fov_mask)" in told
    assert "lvh_stage_1 (--start.weights: a run of 004/cnn_masked)" in told
    assert "cnn," not in told
    told = tell("cnn_masked", "resnet50", "lvh_masked_stage_1", "vgg16")
    assert "(--cnn_masked:mask.weights, --resnet50:mask.weights, --vgg16:mask.weights: a run of 004/fov_mask)" in told
    assert "(--lvh_masked_stage_1:mask.weights: a run of 004/lv_mask)" in told
    assert "(--lvh_masked_stage_1:start.weights: a run of 004/cnn_masked)" in told  # VGG16 starts from others


@pytest.mark.parametrize(
    "names", [("cnn", "cnn_masked", "resnet50"), ("cnn", "lvh_stage_1", "lvh_masked_stage_2", "gan_lvh")]
)
def test_what_is_told_before_a_benchmark_is_all_that_it_needs(names: tuple[str, ...], tmp_path: Path) -> None:
    rows = {name: load_recipe(f"004/{name}") for name in names}
    options = re.findall(r"(--[\w:.]+\.weights)", tell_unnamed(rows))
    assert options
    changed = {job.name: job.recipe for job in plan(rows, 1, [f"{option}=RUN" for option in options], tmp_path)}
    assert tell_unnamed(changed) == ""
    assert changed["cnn"].mask.weights is changed["cnn"].start.weights is None


def test_nothing_is_begun_without_the_run(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"CONFLICT: start\.weights, mask\.weights: "):
        train(load_recipe(BOTH), tmp_path / "nowhere", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_was_named_is_no_longer_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = load_recipe(BOTH)
    one = apply_overrides(recipe, ["--mask.weights", str(tmp_path)])
    assert unnamed_runs(one).keys() == {"start.weights"}
    assert unnamed_runs(apply_overrides(one, ["--start.weights", "null"])) == {}
    assert unnamed_runs(apply_overrides(one, ["--start.weights", f"{PREFIX}of-my-own"])) == {}
    monkeypatch.chdir(tmp_path)
    (tmp_path / f"{PREFIX}004" / "cnn_masked").mkdir(parents=True)
    assert unnamed_runs(one) == {}
