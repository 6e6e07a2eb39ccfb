"""The fusion networks: what is shared, what is joined, where."""

import pytest
import torch

from cinecor.errors import ConfigError
from cinecor.models import create_model

MINI_B1, HEAD_A = 1_536_001, 481  # I3D-mini, and its dense layer on 480 features
SMALL = {"width": 0.05, "task_width": 80}


def _count(**options):
    with torch.device("meta"):
        return sum(p.numel() for p in create_model("fusion", **options).parameters())


def test_two_trunks_or_one():
    trunk = MINI_B1 - HEAD_A
    assert _count(kind="combination") == 2 * MINI_B1 + 3  # a dense layer joins two predictions
    assert _count(kind="new_combination") == 2 * trunk + 961
    assert _count(kind="dual_input_truncated") == trunk + 961
    task = 480 * 128 * 27 + 2 * 128
    assert _count(kind="dual_input") == _count(kind="single_input") == trunk + 2 * task + 257
    assert _count(kind="single_input", split="channels") == trunk + task + 2 * 128 + 257


def test_a_shared_trunk_sees_both_streams_alike():
    model = create_model("fusion", kind="dual_input_truncated", **SMALL).eval()
    clip = torch.randn(1, 1, 5, 32, 32)
    first, second = model.forward_features(clip, clip).chunk(2, dim=1)
    assert torch.equal(first, second)


def test_trunks_of_their_own_do_not():
    model = create_model("fusion", kind="new_combination", **SMALL).eval()
    clip = torch.randn(1, 1, 5, 32, 32)
    first, second = model.forward_features(clip, clip).chunk(2, dim=1)
    assert not torch.equal(first, second)


def test_a_combination_joins_predictions():
    model = create_model("fusion", kind="combination", **SMALL).eval()
    features = model.forward_features(torch.randn(2, 1, 6, 16, 16), torch.randn(2, 1, 5, 16, 16))
    said = torch.cat([head(part) for head, part in zip(model.heads, features.chunk(2, 1), strict=True)], dim=1)
    expected = said @ model.joint.weight.T + model.joint.bias
    torch.testing.assert_close(model.forward_head(features), expected)


@pytest.mark.parametrize(
    ("kind", "streams"),
    [
        ("combination", ("rgb_half", "difference_half")),
        ("dual_input", ("rgb", "difference")),
        ("single_input", ("rgb",)),
    ],
)
def test_streams_follow_the_paper(kind, streams):
    assert create_model("fusion", kind=kind, **SMALL).streams == streams


def test_no_filters_are_refused():
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        create_model("fusion", task_width=0)
