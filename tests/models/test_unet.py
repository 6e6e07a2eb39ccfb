"""The U-Net's options: any size of frame, and no parameter more than they name."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from cinecor.errors import ConfigError
from cinecor.models import create_model

PAPER = {"widths": (64, 128, 256, 512), "up": "transposed", "drop": "values", "dropout": 0.5}


@pytest.mark.parametrize("up", ["bilinear", "transposed"])
@pytest.mark.parametrize("size", [(24, 32), (15, 21), (17, 16), (5, 5)])
def test_the_maps_are_as_large_as_the_frames(up, size):
    model = create_model("unet", 2, widths=(2, 3, 4), up=up).eval()
    clip = torch.randn(1, 1, 3, *size)
    assert model(clip).shape == (1, 2, 3, *size)
    alone = model(clip[:, :, 1:2])
    torch.testing.assert_close(model(clip)[:, :, 1:2], alone)  # frame by frame


def test_paper_004_has_no_convolution_of_1024_filters():
    with torch.device("meta"):
        model = create_model("unet", 1, **PAPER)
    convolutions = [each for each in model.modules() if isinstance(each, nn.Conv2d | nn.ConvTranspose2d)]
    assert max(each.out_channels for each in convolutions) == 512
    assert sum(isinstance(each, nn.ConvTranspose2d) for each in convolutions) == 3  # 120x160, 60x80, 30x40, 15x20
    frames = torch.zeros(1, 1, 1, 120, 160, device="meta")
    assert model(frames).shape == (1, 1, 1, 120, 160)
    assert isinstance(model.dropout, nn.Dropout)


def test_what_is_dropped_is_the_smallest_map():
    seen = []
    for drop in ("channels", "values"):
        model = create_model("unet", 1, widths=(2, 8), dropout=0.5, drop=drop).train()
        model.dropout.register_forward_hook(lambda _, given, out: seen.append((given[0], out)))
        torch.manual_seed(0)
        model(torch.rand(1, 1, 1, 16, 16) + 0.5)
    (given, channels), (_, values) = seen
    assert given.shape == (1, 8, 8, 8)
    for before, after in seen:
        torch.testing.assert_close(after[after != 0], 2 * before[after != 0])
    lost = [((after == 0) & (before > 0)).flatten(2) for before, after in seen]
    alive = [(before > 0).flatten(2) for before, _ in seen]
    assert all(
        bool((lost[0][0, place] == alive[0][0, place]).all() or not lost[0][0, place].any()) for place in range(8)
    )
    assert any(bool(lost[1][0, place].any() and (lost[1][0, place] != alive[1][0, place]).any()) for place in range(8))
    assert channels.shape == values.shape


def test_without_norms_convolutions_have_biases():
    for norm, biased in (("batch", False), ("none", True)):
        model = create_model("unet", 1, widths=(2, 3), norm=norm, kernel=5)
        layers = [each for each in model.modules() if isinstance(each, nn.Conv2d)]
        assert {each.kernel_size for each in layers} == {(5, 5)}
        assert {each.bias is not None for each in layers} == {biased}
        assert any(isinstance(each, nn.BatchNorm2d) for each in model.modules()) != biased


def test_weights_of_before_these_options_still_fit():
    names = set(create_model("unet", 1, widths=(2, 3)).state_dict())
    assert {name.split(".")[0] for name in names} == {"first", "down", "up", "head"}


@pytest.mark.parametrize("options", [{"kernel": 2}, {"kernel": 0}, {"up": "nearest"}, {"norm": "layer"}])
def test_options_that_make_no_network(options):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        create_model("unet", 1, **options)
