"""Every shipped recipe is a test case."""

import json
from functools import cache
from importlib import resources

import pytest

from cinecor.models import create_model
from cinecor.models.readings import stream_size
from cinecor.training.recipe import list_recipes, load_recipe, network_options


def test_the_expected_recipes_are_there():
    assert {"demo", "i3d_mini", "shipped"} <= set(list_recipes())


@pytest.mark.parametrize("name", list_recipes())
def test_it_opens_with_the_command_that_runs_it_and_says_what_it_is(name):
    text = (resources.files("cinecor.training") / "recipes" / f"{name}.yaml").read_text(encoding="utf-8")
    assert text.splitlines()[0].startswith(f"# cinecor train {name} --data ")
    assert load_recipe(name).summary


@cache
def _shape_of_outputs(name, options, size, channels):
    """Of two clips; recipes that differ in how they learn have their network in common."""
    import torch

    with torch.device("meta"):
        model = create_model(name, **json.loads(options))
        clips = [torch.zeros(2, channels, *stream_size(stream, size)) for stream in model.streams]
        return model.dense, model(*clips).shape


@pytest.mark.parametrize("name", list_recipes())
def test_its_network_can_be_made_and_takes_its_clips(name):
    recipe = load_recipe(name)
    spec = recipe.clip_spec
    options = network_options(recipe)
    if "pretrained" in options:
        options["pretrained"] = False  # no download in a test
    size = (spec.length, spec.height, spec.width)
    dense, shape = _shape_of_outputs(recipe.model.name, json.dumps(options, sort_keys=True), size, spec.channels)
    assert shape == ((2, 1, *size) if dense else (2, 1))
