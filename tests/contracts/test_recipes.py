"""Every shipped recipe is a test case."""

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


@pytest.mark.parametrize("name", list_recipes())
def test_its_network_can_be_made_and_takes_its_clips(name):
    import torch

    recipe = load_recipe(name)
    spec = recipe.clip_spec
    with torch.device("meta"):
        options = network_options(recipe)
        if "pretrained" in options:
            options["pretrained"] = False  # no download in a test
        model = create_model(recipe.model.name, **options)
        size = (spec.length, spec.height, spec.width)
        clips = [torch.zeros(2, spec.channels, *stream_size(name, size)) for name in model.streams]
        assert model(*clips).shape == ((2, 1, *size) if model.dense else (2, 1))
