"""The two-stream network of paper 000: one shallow 3-D convolution on the frames, one on their differences.

Each stream predicts a value by itself; a small dense network makes one of the two. Nearly all weights lie between
the flattened feature map and the hidden layer: 173.4 M with the whole frames, 86.7 M with half of each.

Sources: the LVEF architecture benchmark (paper 000), Two-Stream; the code that it built on, whose L2 penalty of 0.05
is weight decay to an optimiser and not part of the network.
"""

from __future__ import annotations

import math

from jaxtyping import Float
from torch import Tensor, cat, nn

from cinecor.errors import ConfigError
from cinecor.models.choices import NormAxes, Reading, StreamNorm
from cinecor.models.dense_head import DenseHead
from cinecor.models.inception import NORM_EPS, NormFactory
from cinecor.models.initialisation import glorot
from cinecor.models.readings import STREAMS, stream_size


class TwoStream(DenseHead):
    """Frames and their differences, each through a network of its own, joined by their predictions.

    Args:
        num_outputs: values predicted of each clip.
        in_channels: of the clips.
        norm: after the convolution. batch and layer are the paper's B1 and L1; instance is the reference code's.
        norm_axes: over which layer normalisation takes mean and variance of a sample; as in ``i3d``.
        norm_momentum: share of the newest batch in the running statistics of batch normalisation; 0.01 is Keras'.
        reading: what the streams show. The paper states the shapes of whole frames (28x112x112 and 27x112x112), so
            ``full`` is the default; it also says "different halves of the input clip", and its code takes the left
            half of the frames and the right half of the differences (``halves``); elsewhere it says "half-resolution".
        stream_width: filters of each stream's convolution.
        stream_hidden: units of each stream's dense layer.
        fusion_hidden: units of the dense layer that joins the predictions.
        dropout: of both.
        width: factor on all widths; 1 is the paper's.
        input_size: frames, height, width of the clips.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network.
    """

    head_name = "fusion"

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 1,
        norm: StreamNorm = "batch",
        norm_axes: NormAxes = "channel+space",
        norm_momentum: float = 0.01,
        reading: Reading = "full",
        stream_width: int = 32,
        stream_hidden: int = 64,
        fusion_hidden: int = 1024,
        dropout: float = 0.05,
        width: float = 1.0,
        input_size: tuple[int, int, int] = (28, 112, 112),
    ) -> None:
        super().__init__()
        if not 0 < width <= 8 or min(stream_width, stream_hidden, fusion_hidden, in_channels) < 1:
            raise ConfigError("OUT_OF_RANGE", "widths are above 0, a width factor at most 8", where="two_stream")
        if not 0 <= dropout < 1:
            raise ConfigError("OUT_OF_RANGE", f"{dropout} is not a dropout", "give 0 to below 1", where="dropout")
        filters, hidden, joined = (max(1, round(n * width)) for n in (stream_width, stream_hidden, fusion_hidden))
        self.streams = STREAMS[reading]
        self._joined, self._dropout = joined, dropout
        self.num_features = hidden * len(self.streams)
        normal = NormFactory("batch" if norm == "instance" else norm, norm_axes, norm_momentum, 3)
        self.trunks = nn.ModuleList(
            nn.Sequential(
                nn.Conv3d(in_channels, filters, 3, padding=1),
                nn.ReLU(inplace=True),
                nn.InstanceNorm3d(filters, eps=NORM_EPS, affine=True) if norm == "instance" else normal.make(filters),
                nn.MaxPool3d(2, ceil_mode=False),
                nn.Flatten(),
                nn.Linear(filters * _pooled(stream_size(name, input_size)), hidden),
                nn.ReLU(inplace=True),
            )
            for name in self.streams
        )
        self.reset_classifier(num_outputs)
        glorot(self)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel _time _height _width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The hidden units of both streams; they have no positions left."""
        hidden = [trunk(stream) for trunk, stream in zip(self.trunks, streams, strict=True)]
        return cat(hidden, dim=1)[:, :, None, None, None]

    def answer(self, gathered: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch output"]:
        """What the fusion says of what each stream's head says of its hidden units."""
        parts = gathered.chunk(len(self.heads), dim=1)
        return super().answer(cat([head(part) for head, part in zip(self.heads, parts, strict=True)], dim=1))

    def reset_classifier(self, num_outputs: int) -> None:
        """Fresh heads of both streams and a fresh fusion."""
        hidden = self.num_features // len(self.streams)
        heads = [nn.Sequential(nn.Dropout(self._dropout), nn.Linear(hidden, num_outputs)) for _ in self.streams]
        self.heads = nn.ModuleList(heads).to(next(self.parameters()).device)
        super().reset_classifier(num_outputs)
        glorot(self.heads)
        glorot(self.get_submodule(self.head_name))

    def make_head(self, num_outputs: int) -> nn.Module:
        """The dense layers that join the streams' predictions."""
        return nn.Sequential(
            nn.Linear(num_outputs * len(self.streams), self._joined),
            nn.ReLU(inplace=True),
            nn.Dropout(self._dropout),
            nn.Linear(self._joined, num_outputs),
        )


def _pooled(size: tuple[int, int, int]) -> int:
    """Positions after pooling by two.

    Raises:
        ConfigError: OUT_OF_RANGE where an axis has fewer than two.
    """
    if min(size) < 2:
        raise ConfigError("OUT_OF_RANGE", f"{size} is too small to be pooled", "give larger clips", where="input_size")
    return math.prod(length // 2 for length in size)
