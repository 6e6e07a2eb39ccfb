"""Inception modules in two or three dimensions, with the widths of Inception-v1 (Szegedy et al., CVPR 2015).

The 5x5 branch is two stacked 3x3 convolutions, as the layer list behind paper 000 has it; DeepMind's I3D
has one. All padding is that of TensorFlow's ``same``: the output has ``ceil(size / stride)`` positions and an odd
pixel of padding goes to the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Literal, NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cinecor.errors import ConfigError
from cinecor.models.choices import NormAxes, NormKind

Dims: TypeAlias = Literal[2, 3]

_CONV: dict[int, type[nn.Conv2d | nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
_BATCH_NORM: dict[int, type[nn.BatchNorm2d | nn.BatchNorm3d]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}

NORM_EPS = 1e-3  # Keras' default for both norms


class Widths(NamedTuple):
    """Channels of the four branches: a; b's reduction and b; c's reduction and c; d."""

    a: int
    b_reduce: int
    b: int
    c_reduce: int
    c: int
    d: int

    @property
    def out(self) -> int:
        """Channels of the concatenation."""
        return self.a + self.b + self.c + self.d

    def scaled(self, factor: float) -> Widths:
        """Every width times ``factor``, at least 1."""
        return Widths(*(max(1, round(width * factor)) for width in self))


INCEPTION_V1 = {
    "3a": Widths(64, 96, 128, 16, 32, 32),
    "3b": Widths(128, 128, 192, 32, 96, 64),
    "4a": Widths(192, 96, 208, 16, 48, 64),
    "4b": Widths(160, 112, 224, 24, 64, 64),
    "4c": Widths(128, 128, 256, 24, 64, 64),
    "4d": Widths(112, 144, 288, 32, 64, 64),
    "4e": Widths(256, 160, 320, 32, 128, 128),
    "5a": Widths(256, 160, 320, 32, 128, 128),
    "5b": Widths(384, 192, 384, 48, 128, 128),
}


class AxisLayerNorm(nn.Module):
    """Layer normalisation of each sample over the chosen axes, scaled and shifted by channel.

    Keras would give every normalised position its own scale where space is included; ours is by channel, so that the
    network does not depend on the size of its input.

    Args:
        channels: of the feature map.
        axes: over which mean and variance are taken; ``space`` leaves time alone (in two dimensions all is space).
    """

    def __init__(self, channels: int, axes: NormAxes) -> None:
        super().__init__()
        self.axes = axes
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Float[Tensor, "batch channel *positions"]) -> Float[Tensor, "batch channel *positions"]:
        """The normalised feature map."""
        spatial = tuple(range(x.ndim - 2, x.ndim))
        axes = {
            "channel": (1,),
            "channel+space": (1, *spatial),
            "channel+space+time": tuple(range(1, x.ndim)),
        }[self.axes]
        variance, mean = torch.var_mean(x, dim=axes, correction=0, keepdim=True)
        shape = (1, -1) + (1,) * (x.ndim - 2)
        return (x - mean) * torch.rsqrt(variance + NORM_EPS) * self.weight.view(shape) + self.bias.view(shape)


class NormFactory(NamedTuple):
    """Which normalisation follows each convolution."""

    kind: NormKind = "batch"
    axes: NormAxes = "channel+space"
    momentum: float = 0.01
    dims: Dims = 3

    def make(self, channels: int) -> nn.Module:
        """A fresh normalisation layer."""
        if self.kind == "layer":
            return AxisLayerNorm(channels, self.axes)
        return _BATCH_NORM[self.dims](channels, eps=NORM_EPS, momentum=self.momentum)


def same_padding(size: Sequence[int], kernel: Sequence[int], stride: Sequence[int]) -> list[int]:
    """Padding for :func:`torch.nn.functional.pad` (last axis first) that TensorFlow's ``same`` stands for."""
    pads: list[int] = []
    for length, width, step in zip(reversed(size), reversed(kernel), reversed(stride), strict=True):
        total = max((-(-length // step) - 1) * step + width - length, 0)
        pads += [total // 2, total - total // 2]
    return pads


class SamePad(nn.Module):
    """Pad with zeros as TensorFlow's ``same`` does before a convolution that pads nothing itself."""

    def __init__(self, kernel: Sequence[int], stride: Sequence[int]) -> None:
        super().__init__()
        self.kernel, self.stride = tuple(kernel), tuple(stride)

    def forward(self, x: Float[Tensor, "batch channel *positions"]) -> Float[Tensor, "batch channel *padded"]:
        """The padded feature map."""
        pads = same_padding(x.shape[2:], self.kernel, self.stride)
        return functional.pad(x, pads) if any(pads) else x


class SameMaxPool(nn.Module):
    """Max pooling with TensorFlow's ``same`` padding; what is padded never wins.

    PyTorch pads both ends alike; the one position more that ``same`` may put at the end is what ``ceil_mode`` does.
    """

    def __init__(self, kernel: Sequence[int], stride: Sequence[int]) -> None:
        super().__init__()
        self.kernel, self.stride = tuple(kernel), tuple(stride)
        self.pool = functional.max_pool3d if len(self.kernel) == 3 else functional.max_pool2d

    def forward(self, x: Float[Tensor, "batch channel *positions"]) -> Float[Tensor, "batch channel *pooled"]:
        """The pooled feature map."""
        pads = same_padding(x.shape[2:], self.kernel, self.stride)
        before, after = pads[::2], pads[1::2]
        pooled: Tensor = self.pool(x, self.kernel, self.stride, padding=tuple(before[::-1]), ceil_mode=before != after)
        return pooled


def convolution(
    in_channels: int, out_channels: int, kernel: Sequence[int], stride: Sequence[int] | None = None, *, bias: bool
) -> nn.Module:
    """A convolution with ``same`` padding in as many dimensions as ``kernel`` has."""
    kernel = tuple(kernel)
    steps = tuple(stride) if stride is not None else (1,) * len(kernel)
    make = partial(_CONV[len(kernel)], in_channels, out_channels, kernel, stride=steps, bias=bias)  # type: ignore[arg-type]
    if set(steps) == {1} and all(width % 2 for width in kernel):
        return make(padding=tuple(width // 2 for width in kernel))  # type: ignore[arg-type]
    return nn.Sequential(SamePad(kernel, steps), make())


def conv_norm_relu(
    in_channels: int,
    out_channels: int,
    kernel: Sequence[int],
    norm: NormFactory,
    stride: Sequence[int] | None = None,
    *,
    bias: bool = False,
) -> nn.Sequential:
    """Convolution, normalisation, ReLU."""
    conv = convolution(in_channels, out_channels, kernel, stride, bias=bias)
    return nn.Sequential(conv, norm.make(out_channels), nn.ReLU(inplace=True))


class Inception(nn.Module):
    """Four branches side by side: 1; 1 → 3; 1 → 3 → 3; max pooling → 1. Every convolution is normalised, then ReLU.

    Args:
        in_channels: of the feature map.
        widths: of the branches.
        norm: which normalisation; its ``dims`` makes the module two- or three-dimensional.
    """

    def __init__(self, in_channels: int, widths: Widths, norm: NormFactory) -> None:
        super().__init__()
        if norm.dims not in _CONV:
            raise ConfigError("OUT_OF_RANGE", f"{norm.dims} dimensions", "give 2 or 3", where="dims")
        one, three = (1,) * norm.dims, (3,) * norm.dims
        self.a = conv_norm_relu(in_channels, widths.a, one, norm)
        self.b = nn.Sequential(
            conv_norm_relu(in_channels, widths.b_reduce, one, norm),
            conv_norm_relu(widths.b_reduce, widths.b, three, norm),
        )
        self.c = nn.Sequential(
            conv_norm_relu(in_channels, widths.c_reduce, one, norm),
            conv_norm_relu(widths.c_reduce, widths.c, three, norm),
            conv_norm_relu(widths.c, widths.c, three, norm),
        )
        pool = (nn.MaxPool3d if norm.dims == 3 else nn.MaxPool2d)(3, stride=1, padding=1)
        self.d = nn.Sequential(pool, conv_norm_relu(in_channels, widths.d, one, norm))

    def forward(self, x: Float[Tensor, "batch channel *positions"]) -> Float[Tensor, "batch out *positions"]:
        """The branches' outputs, concatenated in the order a, b, c, d."""
        return torch.cat([self.a(x), self.b(x), self.c(x), self.d(x)], dim=1)
