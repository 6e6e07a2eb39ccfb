"""The two-stream network against what paper 000 states."""

import pytest
import torch

from cinecor.errors import ConfigError
from cinecor.models import create_model
from cinecor.models.readings import stream_size


def _count(**options):
    with torch.device("meta"):
        return sum(p.numel() for p in create_model("two_stream", **options).parameters())


@pytest.mark.parametrize(("reading", "millions"), [("full", 173.4), ("halves", 86.7)])
def test_parameters_are_those_of_the_facts(reading, millions):
    assert round(_count(norm="instance", reading=reading) / 1e6, 1) == millions


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("rgb", (28, 112, 112)),
        ("difference", (27, 112, 112)),
        ("rgb_left", (28, 112, 56)),
        ("difference_right", (27, 112, 56)),
        ("difference_half", (27, 56, 56)),
    ],
)
def test_streams_have_the_sizes_of_the_paper(name, size):
    assert stream_size(name, (28, 112, 112)) == size


def test_each_stream_predicts_by_itself():
    model = create_model("two_stream", width=0.1, input_size=(6, 16, 16)).eval()
    spatial, temporal = torch.randn(2, 1, 6, 16, 16), torch.randn(2, 1, 5, 16, 16)
    flat = model.forward_features(spatial, temporal).flatten(1)
    other = model.forward_features(torch.zeros_like(spatial), temporal).flatten(1)
    half = model.num_features // 2
    assert torch.equal(flat[:, half:], other[:, half:])
    assert not torch.equal(flat[:, :half], other[:, :half])


def test_instance_norm_forgets_the_gain_of_a_clip():
    model = create_model("two_stream", width=0.2, norm="instance", input_size=(6, 16, 16)).eval()
    spatial, temporal = torch.rand(1, 1, 6, 16, 16) + 1, torch.rand(1, 1, 5, 16, 16) + 1
    one, other = model(spatial, temporal), model(8 * spatial, 8 * temporal)
    torch.testing.assert_close(one, other, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("options", [{"width": 0.0}, {"dropout": 1.0}, {"input_size": (2, 16, 16)}])
def test_what_makes_no_network_is_refused(options):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        create_model("two_stream", **options)
