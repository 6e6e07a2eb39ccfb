"""The I3D family against the known counts and shapes."""

import pytest
import torch

from cinecor.errors import ConfigError
from cinecor.models import create_model


def _count(**options) -> int:
    with torch.device("meta"):
        return sum(p.numel() for p in create_model("i3d", **options).parameters())


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"depth": "stem"}, 34_624 + 193),
        ({"depth": "3"}, 1_536_001),
        ({"depth": "3", "conv2": "3x3x3"}, 1_855_489),
        ({"depth": "3", "conv2": "3x1x1"}, 1_560_577),
        ({"depth": "3", "conv2": "3x3x3+3x3x3"}, 2_851_009),
        ({"depth": "3+4"}, 8_274_336 + 833),
        ({"depth": "3+4+5"}, 13_919_617),
        ({"depth": "3+4+5", "conv2": "3x3x3"}, 14_239_105),
    ],
)
def test_parameters_are_those_of_the_benchmark(options, count):
    assert _count(**options) == count


@pytest.mark.parametrize(
    ("options", "features"),
    [
        ({"depth": "stem"}, (192, 14, 14, 14)),
        ({"depth": "3"}, (480, 14, 14, 14)),
        ({"depth": "3", "pool_after": True}, (480, 7, 7, 7)),
        ({"depth": "3+4"}, (832, 7, 7, 7)),
        ({"depth": "3+4", "pool_after": True}, (832, 4, 4, 4)),
        ({"depth": "3+4+5"}, (1024, 3, 1, 1)),
    ],
)
def test_feature_maps_have_the_published_shapes(options, features):
    with torch.device("meta"):
        model = create_model("i3d", **options)
        assert tuple(model.forward_features(torch.zeros(2, 1, 28, 112, 112)).shape) == (2, *features)
        assert model.num_features == features[0]


def test_every_stage_has_the_published_shape():
    expected = {
        "conv1": (64, 14, 56, 56),
        "pool1": (64, 14, 28, 28),
        "conv2": (192, 14, 28, 28),
        "pool2": (192, 14, 14, 14),
        "inception3a": (256, 14, 14, 14),
        "inception3b": (480, 14, 14, 14),
        "pool3": (480, 7, 7, 7),
        "inception4a": (512, 7, 7, 7),
        "inception4d": (528, 7, 7, 7),
        "inception4e": (832, 7, 7, 7),
        "pool4": (832, 4, 4, 4),
        "inception5a": (832, 4, 4, 4),
        "inception5b": (1024, 4, 4, 4),
        "pool5": (1024, 3, 1, 1),
    }
    seen = {}
    with torch.device("meta"):
        model = create_model("i3d", depth="3+4+5")
        for name, module in model.named_modules():
            module.register_forward_hook(
                lambda module, inputs, output, name=name: seen.__setitem__(name.split(".")[-1], tuple(output.shape[1:]))
            )
        model(torch.zeros(1, 1, 28, 112, 112))
    assert {name: seen[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("depth", "pool_after", "weights"),
    [("3", False, 14 * 14 * 14 * 480), ("3", True, 7 * 7 * 7 * 480), ("3+4+5", False, 3072)],
)
def test_head_og_flattens_every_position(depth, pool_after, weights):
    with torch.device("meta"):
        model = create_model("i3d", depth=depth, head="OG", pool_after=pool_after)
        assert model.head.last.weight.numel() == weights
        assert model(torch.zeros(1, 1, 28, 112, 112)).shape == (1, 1)


@pytest.mark.parametrize("head", ["OG", "A", "B", "C"])
def test_heads_compute_what_their_names_say(head):
    model = create_model("i3d", 3, depth="stem", width=0.1, head=head, input_size=(4, 32, 32)).eval()
    features = model.forward_features(torch.randn(2, 1, 4, 32, 32))
    mean, last = features.mean((2, 3, 4)), model.head.last
    expected = {
        "OG": lambda: features.flatten(1) @ last.weight.T + last.bias,
        "A": lambda: mean @ last.weight.T + last.bias,
        "B": lambda: mean @ last.weight.flatten(1).T + last.bias,
        "C": lambda: torch.relu(model.head.layers[1](mean)) @ last.weight.T + last.bias,
    }[head]()
    torch.testing.assert_close(model.forward_head(features), expected, rtol=1e-4, atol=1e-5)


def test_conv1_stride_and_width_are_options():
    model = create_model("i3d", depth="stem", conv1_stride=(1, 2, 2), width=0.25)
    assert model.forward_features(torch.zeros(1, 1, 6, 32, 32)).shape == (1, 48, 6, 4, 4)


def test_conv2_is_linear_unless_asked():
    plain, active = (create_model("i3d", depth="stem", width=0.1, conv2_relu=relu) for relu in (False, True))
    x = torch.randn(1, 6, 3, 8, 8)
    assert plain.conv2(x).min() < 0 <= active.conv2(x).min()


@pytest.mark.parametrize("size", [(5, 30, 42), (1, 16, 16)])
def test_any_input_size_works_with_pooled_heads(size):
    model = create_model("i3d", depth="3+4+5", width=0.05).eval()
    assert model(torch.zeros(1, 1, *size)).shape == (1, 1)


def test_the_last_bias_starts_at_the_given_mean():
    model = create_model("i3d", 2, depth="stem")
    model.set_output_bias([50.0, 120.0])
    assert model.output_bias().tolist() == [50.0, 120.0]
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        model.set_output_bias([1.0, 2.0, 3.0])


@pytest.mark.parametrize(
    "options",
    [
        {"width": 0.0},
        {"in_channels": 0},
        {"norm_momentum": 0.0},
        {"dropout": 1.0},
        {"head_hidden": 0, "head": "C"},
        {"conv1_stride": (0, 1, 1)},
    ],
)
def test_options_that_make_no_network_are_refused(options):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        create_model("i3d", **options)
