"""Weights before training."""

import math

import pytest
import torch
from torch import nn

from cinecor.models import create_model
from cinecor.models.initialisation import glorot, smooth_motion


@pytest.fixture
def conv():
    torch.manual_seed(0)
    layer = nn.Conv3d(1, 64, 7)
    smooth_motion(layer)
    return layer


def test_half_the_filters_are_blind_to_what_stands_still(conv):
    still = torch.randn(1, 1, 1, 20, 20).expand(-1, -1, 9, -1, -1)
    answer = nn.functional.conv3d(still, conv.weight).abs().amax((0, 2, 3, 4))
    assert answer[:32].max() < 1e-5
    assert answer[32:].min() > 1e-2


def test_filters_are_smooth(conv):
    here, beside = conv.weight[32:, ..., 1:].flatten(), conv.weight[32:, ..., :-1].flatten()
    neighbours = torch.corrcoef(torch.stack([here, beside]))
    assert neighbours[0, 1] > 0.5


def test_their_size_is_glorots(conv):
    assert conv.weight[32:].std().item() == pytest.approx(math.sqrt(2 / (343 * 65)), rel=0.1)


def test_glorot_is_keras_default():
    layer = nn.Conv3d(8, 16, 3)
    glorot(layer)
    limit = math.sqrt(6 / (27 * 24))
    assert 0.95 * limit < layer.weight.abs().max() <= limit
    assert not layer.bias.any()


def test_the_option_changes_the_first_convolution_alone():
    def state(start):
        torch.manual_seed(0)
        return create_model("i3d", depth="stem", width=0.1, conv1_start=start).state_dict()

    plain, smooth = state("glorot"), state("smooth")
    assert [name for name in plain if not torch.equal(plain[name], smooth[name])] == ["conv1.0.1.weight"]
