"""Recipes: reading, checking, changing, explaining."""

import json
import subprocess
import sys

import pytest

from cinecor.clips.transforms import WIDE
from cinecor.errors import ConfigError
from cinecor.records import ClipSpec
from cinecor.training.recipe import (
    apply_overrides,
    describe_options,
    dump_recipe,
    fingerprint,
    list_recipes,
    load_recipe,
    make_recipe,
    network_options,
    resolve,
)
from cinecor.training.recipe_fields import Recipe


def _fails(call, *arguments) -> str:
    with pytest.raises(ConfigError) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_listing_and_explaining_imports_no_torch():
    code = "import sys; from cinecor.training.recipe import *\n"
    code += "[describe_options(load_recipe(name)) for name in list_recipes()]\n"
    code += "assert 'torch' not in sys.modules and 'lightning' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--optimiser.lrr", "1"], "UNKNOWN_KEY: optimiser.lrr: a recipe has no such field; did you mean lr?"),
        (["--batchsize", "3"], "UNKNOWN_KEY: batchsize: a recipe has no such field; did you mean batch_size?"),
        (["--clip.lenth", "3"], "did you mean length?"),
        (["--augmentation.gian", "[1, 2]"], "did you mean gain?"),
        (["--model.options.dept", "3"], "did you mean depth?"),
        (["--model.name", "i3"], "UNKNOWN_KEY: model: there is no model 'i3'; did you mean i3d?"),
        (["--augmentation.preset", "wild"], "OUT_OF_RANGE: augmentation.preset"),
        (["--optimiser.lr", "x"], "WRONG_TYPE: optimiser.lr: 'x'"),
        (["--optimiser.lr", ".nan"], "optimiser.lr"),
        (["--optimiser.lr", "-1"], "OUT_OF_RANGE: optimiser.lr"),
        (["--optimiser", "3"], "WRONG_TYPE: optimiser"),
        (["--seed.a", "3"], "WRONG_TYPE: seed"),
        (["--batch_size", "0"], "OUT_OF_RANGE: batch_size"),
        (["--device", "tpu"], "OUT_OF_RANGE: device"),
        (["--clip.length", "0"], "OUT_OF_RANGE: clip.length: 0 is below 1"),
        (["--clip.std", "[0]"], "OUT_OF_RANGE: clip.std"),
        (["--augmentation.gain", "[2, 1]"], "OUT_OF_RANGE: augmentation.gain"),
        (["--published.rmse", "2"], "published.source"),
        (["--schedule.warmup_epochs", "50"], "CONFLICT: schedule.warmup_epochs"),
        (["--split.validation", "0.6", "--split.test", "0.5"], "CONFLICT: split"),
        (["--seed"], "PARSE: --seed: it has no value"),
        (["--seed", "--epochs", "3"], "PARSE: --seed: it has no value"),
        (["--seed", "010"], "PARSE: --seed: 010 could be several numbers"),
        (["seed", "1"], "PARSE: options: 'seed' is not an option"),
        (["-s", "1"], "PARSE: options"),
    ],
)
def test_wrong_options_are_explained_in_one_line(words, message):
    assert message in _fails(apply_overrides, Recipe(), words)


def test_overrides_change_single_fields():
    recipe = apply_overrides(
        Recipe(), ["--optimiser.lr", "1e-4", "--clip.height=80", "--model.options.depth", "3+4", "--patience", "0"]
    )
    assert recipe.optimiser.lr == 1e-4
    assert recipe.clip_spec == ClipSpec(height=80)
    assert recipe.model.options == {"depth": "3+4"}
    assert recipe.patience == 0
    assert apply_overrides(recipe, []) == recipe


def test_negative_values_are_values():
    assert "OUT_OF_RANGE: patience" in _fails(apply_overrides, Recipe(), ["--patience", "-1"])


def test_another_model_or_preset_starts_afresh():
    recipe = make_recipe({"model": {"options": {"depth": "3+4"}}, "augmentation": {"preset": "wide", "shift": 0.5}})
    assert apply_overrides(recipe, ["--model.name", "i3d"]).model.options == {}
    assert apply_overrides(recipe, ["--augmentation.preset", "wide"]).augmentation_ranges == WIDE


def test_a_preset_can_be_changed_in_part():
    recipe = make_recipe({"augmentation": {"preset": "wide", "rotation_deg": 3}})
    assert recipe.augmentation_ranges.rotation_deg == 3
    assert recipe.augmentation_ranges.gamma == WIDE.gamma


def test_a_resolved_recipe_says_everything_and_reads_back_equal(tmp_path):
    recipe = make_recipe({"augmentation": {"preset": "wide"}, "optimiser": {"lr": 3e-5}, "clip": {"height": 64}})
    path = tmp_path / "r.yaml"
    path.write_text(dump_recipe(recipe))
    again = load_recipe(path)
    assert again == resolve(recipe)
    assert resolve(again) == again
    assert fingerprint(again) == fingerprint(recipe)
    assert again.model.options["input_size"] == [28, 64, 112]
    assert again.augmentation.blur_px == WIDE.blur_px


def test_the_fingerprint_knows_what_matters():
    base = fingerprint(Recipe())
    assert fingerprint(make_recipe({"summary": "x", "workers": 3, "device": "cpu"})) == base
    for word in ("--seed=1", "--model.options.width=0.5", "--augmentation.shift=0.1", "--epochs=9"):
        assert fingerprint(apply_overrides(Recipe(), [word])) != base


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("demo", "44469d898fad99ec005b35e2bbbb876f83863da8a328c6fc728c5723e7ba1fc4"),
        ("001/coreecho", "9dd9ebd85c6daef1fd8a04297ae8df156c5f6a988ee8ea4f74ef85611f0ce571"),
        ("000/mini_b2", "b6205fb3fff9530b68e15b3ffd2744c016dcdcb2ad5d03e13e7d6cab26e4e504"),
    ],
)
def test_runs_of_earlier_versions_are_still_the_runs_of_their_recipes(name, known):
    """Recorded before recipes had few labels, a decay of the head and a falling rate in the second stage."""
    assert fingerprint(load_recipe(name)) == known
    for word in ("--second.factor=0.9", "--optimiser.head_decay=0.06"):
        assert fingerprint(apply_overrides(load_recipe(name), [word])) != known


def test_input_channels_and_size_follow_the_clip():
    recipe = make_recipe({"clip": {"channels": 3, "length": 9}})
    assert network_options(recipe)["in_channels"] == 3
    assert network_options(recipe)["input_size"] == (9, 112, 112)
    wrong = make_recipe({"model": {"options": {"in_channels": 3}}})
    assert "CONFLICT: model.options.in_channels" in _fails(network_options, wrong)


def test_extends_changes_what_it_names_and_nothing_else(tmp_path):
    (tmp_path / "base.yaml").write_text("optimiser: {lr: 0.5, name: sgd}\nepochs: 7\n")
    (tmp_path / "over.yaml").write_text("extends: base.yaml\noptimiser: {lr: 0.25}\n")
    recipe = load_recipe(tmp_path / "over.yaml")
    assert (recipe.optimiser.lr, recipe.optimiser.name, recipe.epochs) == (0.25, "sgd", 7)
    assert load_recipe("i3d_mini_b2").optimiser == load_recipe("i3d_mini").optimiser


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: me.yaml", "CONFLICT: me.yaml: recipes extend each other in a circle"),
        ("extends: 3", "WRONG_TYPE: me.yaml"),
        ("extends: i3d_min", "did you mean i3d_mini"),
        ("1: 2", "PARSE: me.yaml: a key is not a word in line 1"),
        ("model: {options: 3}", "WRONG_TYPE: model.options"),
    ],
)
def test_files_that_cannot_be_a_recipe(tmp_path, text, message):
    (tmp_path / "me.yaml").write_text(text)
    assert message in _fails(load_recipe, tmp_path / "me.yaml")


def test_an_unknown_name_is_answered_with_the_nearest():
    assert "did you mean demo?" in _fails(load_recipe, "demoo")
    assert "choose of" in _fails(load_recipe, "xyz")


@pytest.mark.parametrize("name", list_recipes())
def test_every_option_of_every_recipe_is_explained(name):
    options = describe_options(load_recipe(name))
    json.dumps(options)
    for option in options:
        assert option["help"], option["name"]
        assert option["type"], option["name"]
    values = {option["name"]: option["value"] for option in options}
    assert values["optimiser.lr"] == load_recipe(name).optimiser.lr
    assert any(name.startswith("model.options.") for name in values)
    assert "clip.height" in values
    assert "clip.step_ms" in values  # though it is null
    assert all(
        len(option["help"].split()) > 1 or option["help"].lower().rstrip(".") not in option["name"]
        for option in options
    )


@pytest.mark.parametrize("name", list_recipes())
def test_every_described_option_can_be_given(name):
    recipe = load_recipe(name)
    words = []
    for option in describe_options(recipe):
        if option["name"] != "model.name":
            words += [f"--{option['name']}", json.dumps(option["value"])]
    assert resolve(apply_overrides(recipe, words)) == resolve(recipe)


def test_every_dense_network_is_named_where_a_segmentation_asks_for_another():
    message = _fails(make_recipe, {"task": "segmentation", "model": {"name": "i3d"}, "loss": {"name": "dice"}})
    assert "deeplabv3_resnet50 or monai_unet or unet" in message
