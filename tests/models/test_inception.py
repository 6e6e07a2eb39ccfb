"""Inception modules and TensorFlow's padding."""

import math

import numpy as np
import pytest
import torch
from scipy import signal
from torch import nn

from cinecor.errors import ConfigError
from cinecor.models.inception import (
    INCEPTION_V1,
    AxisLayerNorm,
    Inception,
    NormFactory,
    SameMaxPool,
    Widths,
    convolution,
    same_padding,
)


@pytest.mark.parametrize("size", range(1, 12))
@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_same_padding_gives_ceil_of_size_by_stride(size, kernel, stride):
    before, after = same_padding([size], [kernel], [stride])
    assert after - before in (0, 1)
    assert (size + before + after - kernel) // stride + 1 == math.ceil(size / stride)


def test_padding_of_an_even_size_goes_to_the_end():
    # TensorFlow: 112 pixels, kernel 7, stride 2 pads 2 before and 3 after (PyTorch's padding=3 would shift the grid).
    assert same_padding([28, 112, 112], [7, 7, 7], [2, 2, 2]) == [2, 3, 2, 3, 2, 3]
    assert same_padding([7, 14, 14], [2, 3, 3], [2, 2, 2]) == [0, 1, 0, 1, 0, 1]


def test_strided_convolution_equals_scipy():
    conv = convolution(1, 1, (3, 3), (2, 2), bias=False)
    x = torch.randn(1, 1, 8, 8)
    kernel = conv[1].weight.detach().numpy()[0, 0]
    full = signal.correlate2d(np.pad(x.numpy()[0, 0], ((0, 1), (0, 1))), kernel, mode="valid")[::2, ::2]
    np.testing.assert_allclose(conv(x).detach().numpy()[0, 0], full, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 4, 4), (5, 6, 7), (7, 14, 9), (4, 5, 8)])
@pytest.mark.parametrize(
    ("kernel", "stride"),
    [((1, 3, 3), (1, 2, 2)), ((3, 3, 3), (2, 2, 2)), ((2, 3, 3), (2, 2, 2)), ((3, 3, 3), (1, 1, 1))],
)
def test_max_pooling_equals_padding_with_minus_infinity(size, kernel, stride):
    x = torch.randn(2, 3, *size) - 5
    pads = same_padding(size, kernel, stride)
    expected = nn.functional.max_pool3d(nn.functional.pad(x, pads, value=float("-inf")), kernel, stride)
    assert torch.equal(SameMaxPool(kernel, stride)(x), expected)


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_one_definition_serves_two_and_three_dimensions(dims, norm):
    block = Inception(6, Widths(4, 3, 5, 2, 6, 7), NormFactory(norm, dims=dims))
    assert block(torch.randn(2, 6, *(5,) * dims)).shape == (2, 22, *(5,) * dims)


def test_four_dimensions_are_refused():
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        Inception(6, INCEPTION_V1["3a"], NormFactory(dims=4))


def test_widths_sum_to_the_published_outputs():
    outs = [widths.out for widths in INCEPTION_V1.values()]
    assert outs == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


@pytest.mark.parametrize(
    ("axes", "shape"), [("channel", (4,)), ("channel+space", (4, 6, 7)), ("channel+space+time", (4, 5, 6, 7))]
)
def test_layer_norm_equals_torchs_over_the_same_axes(axes, shape):
    x = torch.randn(2, 4, 5, 6, 7) * 3 + 1
    order = {1: (0, 2, 3, 4, 1), 3: (0, 2, 1, 3, 4), 4: (0, 1, 2, 3, 4)}[len(shape)]
    moved = x.permute(order)
    expected = nn.functional.layer_norm(moved, shape, eps=1e-3).permute(np.argsort(order).tolist())
    torch.testing.assert_close(AxisLayerNorm(4, axes)(x), expected, rtol=1e-4, atol=1e-5)
