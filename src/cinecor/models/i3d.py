"""The I3D family of paper 000: Inception-v1 inflated to three dimensions, from its stem alone to its full depth.

Sources: J. Carreira and A. Zisserman, "Quo vadis, action recognition?", CVPR 2017 (the architecture); the LVEF
architecture benchmark (paper 000) and the layer list that it refers to (the variants). Trainable
parameters for one grey channel, one output and head A: stem 34,817; mini (depth 3) 1,536,001; 3+4 8,275,169; full
depth 13,919,617.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, nn

from cinecor.errors import ConfigError
from cinecor.models.choices import Conv1Start, Conv2, Depth, HeadKind, NormAxes, NormKind
from cinecor.models.contract import Network, global_mean
from cinecor.models.heads import Head
from cinecor.models.inception import (
    INCEPTION_V1,
    Inception,
    NormFactory,
    SameMaxPool,
    conv_norm_relu,
    convolution,
)
from cinecor.models.initialisation import glorot, smooth_motion

_STEM_WIDTHS = (64, 192)
_MODULES = {"stem": (), "3": ("3",), "3+4": ("3", "4"), "3+4+5": ("3", "4", "5")}
_POOL_KERNELS = {"3": (3, 3, 3), "4": (2, 3, 3)}  # DeepMind's I3D has 2x2x2 for the second
_LAST_POOL = (2, 4, 4)  # average, valid, stride 1; DeepMind's I3D has 2x7x7 for its 224 pixels


class I3D(Network):
    """Inflated 3-D Inception for regression on grey clips.

    Where the sources are silent or disagree, an option says so and its default is the most plausible reading.

    Args:
        num_outputs: values predicted of each clip.
        in_channels: of the input; 1 is luminance.
        depth: which inception modules follow the stem; ``3`` is I3D-mini, ``3+4+5`` I3D-original.
        conv2: kernel of the stem's second convolution, time first: B1, B2, B3, B4 of the paper in this order.
        conv2_relu: a ReLU after every convolution of conv2. No is what the layer list has (no norm, no activation),
            also between the two of B4, of which the paper says nothing.
        norm: batch, or layer (the paper's L variants).
        norm_axes: over which layer normalisation takes mean and variance of a sample. The paper says "across channels
            and spatial dimensions"; Keras' default would be channel alone; whether time is included is stated nowhere.
        norm_momentum: share of the newest batch in the running statistics of batch normalisation; 0.01 is Keras'
            default, short trainings want 0.1.
        head: what makes values of the last map. OG: dropout, flatten, dense. A: mean over positions, dropout, dense. B:
            dropout, 1x1x1 convolution, mean. C: mean, dense, ReLU, dropout, dense.
        head_hidden: hidden width of head C, stated nowhere; 64 is that of the dense layer in the reference's streams.
        dropout: of the head.
        conv1_stride: of the first convolution in time, height and width. The paper says that "the initial
            downsampling convolution was omitted", the layer list keeps it at stride 2, and the last pooling fits only
            so; 2, 2, 2 is therefore the default.
        conv1_start: weights of the first convolution before training. ``glorot`` is Keras' default; ``smooth`` is ours
            (:func:`cinecor.models.initialisation.smooth_motion`) and learns hearts from fewer clips.
        pool_after: whether the pooling that would lead to the next module follows the last one (depth 3 and 3+4).
            Stated nowhere; no is the reading of "stem plus module 3 only". Head OG has eight times fewer weights
            with it.
        width: factor on all channel widths; 1 is the paper's.
        input_size: frames, height, width of the input; only head OG depends on it.

    Raises:
        ConfigError: OUT_OF_RANGE or CONFLICT for options that make no network.
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 1,
        depth: Depth = "3",
        conv2: Conv2 = "1x1x1",
        conv2_relu: bool = False,
        norm: NormKind = "batch",
        norm_axes: NormAxes = "channel+space",
        norm_momentum: float = 0.01,
        head: HeadKind = "A",
        head_hidden: int = 64,
        dropout: float = 0.5,
        conv1_stride: tuple[int, int, int] = (2, 2, 2),
        conv1_start: Conv1Start = "glorot",
        pool_after: bool = False,
        width: float = 1.0,
        input_size: tuple[int, int, int] = (28, 112, 112),
    ) -> None:
        super().__init__()
        _check(in_channels, width, norm_momentum, conv1_stride, input_size)
        factory = NormFactory(norm, norm_axes, norm_momentum, 3)
        first, second = (max(1, round(channels * width)) for channels in _STEM_WIDTHS)
        self.conv1 = conv_norm_relu(in_channels, first, (7, 7, 7), factory, conv1_stride, bias=True)
        self.pool1 = SameMaxPool((1, 3, 3), (1, 2, 2))
        self.conv2 = _conv2(conv2, first, second, conv2_relu)
        self.pool2 = SameMaxPool((1, 3, 3), (1, 2, 2))
        self.stages = nn.ModuleDict()
        self.num_features = self._add_stages(_MODULES[depth], second, width, factory, pool_after)
        positions = _positions(input_size, conv1_stride, _MODULES[depth], pool_after)
        self._head = {"kind": head, "positions": positions, "dropout": dropout, "hidden": head_hidden}
        self.reset_classifier(num_outputs)
        glorot(self)
        if conv1_start == "smooth":
            smooth_motion(_find_convolution(self.conv1))

    def _add_stages(
        self, modules: Sequence[str], channels: int, width: float, norm: NormFactory, pool_after: bool
    ) -> int:
        for module in modules:
            blocks = {name: widths.scaled(width) for name, widths in INCEPTION_V1.items() if name[0] == module}
            for name, widths in blocks.items():
                self.stages[f"inception{name}"] = Inception(channels, widths, norm)
                channels = widths.out
            if module == "5":
                self.stages["pool5"] = _ValidAveragePool(_LAST_POOL)
            elif pool_after or module != modules[-1]:
                self.stages[f"pool{module}"] = SameMaxPool(_POOL_KERNELS[module], (2, 2, 2))
        return channels

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The last feature map: 192 (stem), 480 (3), 832 (3+4) or 1024 channels."""
        (x,) = streams
        return self.forward_after_stem(self.conv1(x))

    def forward_after_stem(
        self, x: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The last feature map from what the first convolution gave."""
        x = self.pool2(self.conv2(self.pool1(x)))
        for stage in self.stages.values():
            x = stage(x)
        return x

    def forward_head(
        self, features: Float[Tensor, "batch feature t h w"], *, pre_logits: bool = False
    ) -> Float[Tensor, "batch value"]:
        """The outputs, or the embedding (mean over positions, whichever the head)."""
        if pre_logits:
            return global_mean(features)
        values: Tensor = self.head(features)
        return values

    def reset_classifier(self, num_outputs: int) -> None:
        """A fresh head of the same kind."""
        self.num_outputs = num_outputs
        head = Head(features=self.num_features, num_outputs=num_outputs, **self._head)  # type: ignore[arg-type]
        glorot(head)
        self.head = head.to(next(self.parameters()).device)

    def output_layer(self) -> nn.Linear | nn.Conv2d | nn.Conv3d:
        """The last layer of the head."""
        return self.head.last


def _find_convolution(layers: nn.Module) -> nn.Conv3d:
    return next(layer for layer in layers.modules() if isinstance(layer, nn.Conv3d))


class _ValidAveragePool(nn.Module):
    """Average pooling without padding, stride 1; a map smaller than the kernel is averaged whole."""

    def __init__(self, kernel: tuple[int, int, int]) -> None:
        super().__init__()
        self.kernel = kernel

    def forward(self, x: Float[Tensor, "batch feature time height width"]) -> Float[Tensor, "batch feature t h w"]:
        """The pooled map."""
        kernel = [min(width, size) for width, size in zip(self.kernel, x.shape[2:], strict=True)]
        return nn.functional.avg_pool3d(x, kernel, stride=1)


def _conv2(kind: Conv2, in_channels: int, out_channels: int, relu: bool) -> nn.Sequential:
    layers: list[nn.Module] = []
    for text in kind.split("+"):
        kernel = tuple(int(width) for width in text.split("x"))
        layers.append(convolution(in_channels, out_channels, kernel, bias=True))
        if relu:
            layers.append(nn.ReLU(inplace=True))
        in_channels = out_channels
    return nn.Sequential(*layers)


def _positions(size: Sequence[int], stride: Sequence[int], modules: Sequence[str], pool_after: bool) -> int:
    """How many positions the last feature map has."""
    steps = [stride, (1, 2, 2), (1, 2, 2)]
    steps += [(2, 2, 2) for module in modules if module != "5" and (pool_after or module != modules[-1])]
    sizes = list(size)
    for step in steps:
        sizes = [-(-length // by) for length, by in zip(sizes, step, strict=True)]
    if "5" in modules:
        sizes = [length - min(width, length) + 1 for length, width in zip(sizes, _LAST_POOL, strict=True)]
    return sizes[0] * sizes[1] * sizes[2]


def _check(
    in_channels: int, width: float, momentum: float, conv1_stride: Sequence[int], input_size: Sequence[int]
) -> None:
    if in_channels < 1 or min(input_size) < 1 or min(conv1_stride) < 1:
        raise ConfigError("OUT_OF_RANGE", "channels, sizes and strides are at least 1", where="i3d")
    if not 0 < width <= 8:
        raise ConfigError("OUT_OF_RANGE", f"{width} is not a width factor", "give above 0 to 8", where="i3d.width")
    if not 0 < momentum <= 1:
        raise ConfigError("OUT_OF_RANGE", f"{momentum} is no share", "give above 0 to 1", where="i3d.norm_momentum")
