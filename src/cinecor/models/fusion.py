"""The fusion networks of paper 000: I3D-mini on the frames and on their differences, joined in five ways.

====================== =================================== ====================================================
kind                   trunk                               after it
====================== =================================== ====================================================
combination            one for each stream                 a head for each stream, a dense layer on predictions
new_combination        one for each stream                 feature maps joined, one head
dual_input             one, shared by both streams         convolutions for each stream, joined, one head
dual_input_truncated   one, shared by both streams         feature maps joined, one head
single_input           one, on the frames alone            its map split in two, convolutions for each, one head
====================== =================================== ====================================================

Source: the LVEF architecture benchmark (paper 000), Fusion. There is no code of it anywhere.
"""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor, cat, nn

from cinecor.errors import ConfigError
from cinecor.models.choices import Conv2, FusionKind, FusionReading, NormAxes, NormKind, Reading, Split
from cinecor.models.contract import Network, global_mean
from cinecor.models.heads import Head
from cinecor.models.i3d import I3D
from cinecor.models.inception import NormFactory, conv_norm_relu
from cinecor.models.initialisation import glorot
from cinecor.models.readings import STREAMS

_HALF = ("combination", "new_combination")
_SHARED = ("dual_input", "dual_input_truncated", "single_input")
_TASK = ("dual_input", "single_input")
_PARTS = 2


class Fusion(Network):
    """Two streams of features, joined.

    Args:
        num_outputs: values predicted of each clip.
        in_channels: of the clips.
        kind: how the streams are made and joined, see the table above.
        conv2: kernel of the trunk's second convolution: 1x1x1 is the paper's B1 and L1, 3x3x3 its B2 and L2.
        norm: batch or layer, in the trunk and after it.
        norm_axes: over which layer normalisation takes mean and variance of a sample; as in ``i3d``.
        norm_momentum: share of the newest batch in the running statistics of batch normalisation.
        reading: what the streams show. The paper speaks of half-resolution tensors for the combinations and of
            full-resolution ones for the dual inputs; ``auto`` is that. ``halves`` is what the code behind the
            two-stream network does.
        split: what single_input gives to each of its two parts: the whole map (``copy``), or half of its channels.
            The paper says "split"; a copy is the default, as it loses nothing.
        task_width: filters of the convolution that each stream has of its own after a shared trunk; stated nowhere.
        dropout: of the head.
        width: factor on all widths; 1 is the paper's.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network.
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 1,
        kind: FusionKind = "single_input",
        conv2: Conv2 = "1x1x1",
        norm: NormKind = "batch",
        norm_axes: NormAxes = "channel+space",
        norm_momentum: float = 0.01,
        reading: FusionReading = "auto",
        split: Split = "copy",
        task_width: int = 128,
        dropout: float = 0.5,
        width: float = 1.0,
    ) -> None:
        super().__init__()
        if task_width < 1:
            raise ConfigError("OUT_OF_RANGE", f"{task_width} filters", "give at least 1", where="fusion.task_width")
        self.kind, self._split, self._dropout = kind, split, dropout
        self.streams = ("rgb",) if kind == "single_input" else STREAMS[_choose_reading(reading, kind)]
        trunk: dict[str, Any] = {"conv2": conv2, "norm": norm, "norm_axes": norm_axes, "norm_momentum": norm_momentum}
        trunks = 1 if kind in _SHARED else _PARTS
        made = [_Trunk(in_channels, width, trunk) for _ in range(trunks)]
        self.trunks, features = nn.ModuleList(made), made[0].num_features
        self.tasks = nn.ModuleList()
        if kind in _TASK:
            each = features // _PARTS if kind == "single_input" and split == "channels" else features
            filters = max(1, round(task_width * width))
            factory = NormFactory(norm, norm_axes, norm_momentum, 3)
            self.tasks.extend(conv_norm_relu(each, filters, (3, 3, 3), factory) for _ in range(_PARTS))
            features = filters
        self.num_features = _PARTS * features
        self.reset_classifier(num_outputs)
        glorot(self)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel _time _height _width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The maps of both streams, one after the other in the channels."""
        trunks = list(self.trunks) * len(streams) if len(self.trunks) == 1 else list(self.trunks)
        maps = [trunk(stream) for trunk, stream in zip(trunks, streams, strict=True)]
        if self.kind == "single_input":
            maps = list(maps[0].chunk(_PARTS, dim=1)) if self._split == "channels" else maps * _PARTS
        frames = min(each.shape[2] for each in maps)  # differences are one frame less, which may be one position
        maps = [each[:, :, :frames] for each in maps]
        if self.tasks:
            maps = [task(each) for task, each in zip(self.tasks, maps, strict=True)]
        return cat(maps, dim=1)

    def forward_head(
        self, features: Float[Tensor, "batch feature t h w"], *, pre_logits: bool = False
    ) -> Float[Tensor, "batch value"]:
        """The outputs, or the embedding (mean over positions)."""
        if pre_logits:
            return global_mean(features)
        parts = features.chunk(len(self.heads), dim=1)
        said = [head(part) for head, part in zip(self.heads, parts, strict=True)]
        values: Tensor = self.joint(cat(said, dim=1))
        return values

    def reset_classifier(self, num_outputs: int) -> None:
        """Fresh heads: one, or one for each stream and a dense layer that joins them."""
        self.num_outputs = num_outputs
        count = _PARTS if self.kind == "combination" else 1
        size = {"positions": 1, "dropout": self._dropout, "hidden": 1}  # head A uses neither positions nor hidden
        heads = [Head("A", self.num_features // count, num_outputs, **size) for _ in range(count)]  # type: ignore[arg-type]
        joint = nn.Linear(count * num_outputs, num_outputs) if count > 1 else nn.Identity()
        device = next(self.parameters()).device
        self.heads, self.joint = nn.ModuleList(heads).to(device), joint.to(device)
        glorot(self.heads)
        glorot(self.joint)

    def output_layer(self) -> nn.Linear | nn.Conv2d | nn.Conv3d:
        """The dense layer that joins the predictions, or the last layer of the one head."""
        if isinstance(self.joint, nn.Linear):
            return self.joint
        head = self.heads[0]
        assert isinstance(head, Head)
        return head.last


class _Trunk(nn.Module):
    """I3D-mini without its head."""

    def __init__(self, in_channels: int, width: float, options: dict[str, Any]) -> None:
        super().__init__()
        whole = I3D(1, in_channels=in_channels, depth="3", width=width, **options)
        self.num_features = whole.num_features
        del whole.head
        self.i3d = whole

    def forward(self, x: Float[Tensor, "batch channel time height width"]) -> Float[Tensor, "batch feature t h w"]:
        """The last feature map."""
        return self.i3d.forward_features(x)


def _choose_reading(reading: FusionReading, kind: FusionKind) -> Reading:
    if reading == "auto":
        return "half_resolution" if kind in _HALF else "full"
    return reading
