"""The register of networks."""

import json
import subprocess
import sys
import typing

import pytest

from cinecor.errors import ConfigError
from cinecor.models import _registry, create_model, describe_model, list_models, model_entry, model_options


def test_listing_imports_no_torch():
    code = "import sys; from cinecor.models import list_models, describe_model\n"
    code += "[describe_model(n) for n in list_models()]\n"
    code += "assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_are_matched_by_pattern():
    assert "i3d" in list_models()
    assert list_models("no such*") == []
    assert list_models("i3*") == ["i3d", "i3d_outline"]


def test_every_entry_names_its_paper_and_every_option_is_explained():
    for name in list_models():
        entry = model_entry(name)
        assert entry.paper
        assert entry.summary
        for option in model_options(name):
            assert option.help, f"{name}: {option.name} has no help"
            assert option.type


def test_options_are_read_from_the_constructor():
    options = {option.name: option for option in model_options("i3d")}
    assert options["depth"].default == "3"
    assert options["depth"].type == "stem | 3 | 3+4 | 3+4+5"
    assert options["width"].type == "float"
    assert "num_outputs" not in options


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("i3", {}, "UNKNOWN_KEY: model: there is no model 'i3'; did you mean i3d?"),
        ("alexnet", {}, "choose of"),
        ("i3d", {"dept": "3"}, "did you mean depth?"),
        ("i3d", {"depth": "4"}, "OUT_OF_RANGE: model.options.depth"),
        ("i3d", {"dropout": "much"}, "WRONG_TYPE: model.options.dropout"),
        ("i3d", {"conv1_stride": [1, 2]}, "WRONG_TYPE: model.options.conv1_stride"),
    ],
)
def test_wrong_names_and_values_are_explained(name, options, text):
    with pytest.raises(ConfigError) as caught:
        create_model(name, **options)
    assert text in str(caught.value)


@pytest.mark.parametrize("outputs", [0, -1, True])
def test_a_network_has_at_least_one_output(outputs):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        create_model("i3d", outputs)


def test_yaml_and_json_spellings_are_understood():
    model = create_model("i3d", depth=3, conv1_stride=[1, 2, 2], width=0.1, dropout=0)
    assert model.num_features == 48


def test_what_is_read_from_the_source_is_what_the_constructor_takes():
    for name in list_models():
        cls = _registry._load(model_entry(name))
        hints = typing.get_type_hints(cls.__init__)
        keywords = _registry._keywords(cls)
        assert {option.name: option.default for option in model_options(name)} == {
            key: parameter.default for key, parameter in keywords.items()
        }
        assert {option.name: option.type for option in model_options(name)} == {
            key: _registry._type_text(hints[key]) for key in keywords
        }


def test_a_card_is_plain_json():
    card = describe_model("i3d")
    assert json.loads(json.dumps(card))["name"] == "i3d"
    assert {"name", "type", "default", "help"} == set(card["options"][0])
