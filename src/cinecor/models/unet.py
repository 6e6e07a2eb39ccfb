"""U-Net on every frame of a clip: an encoder, a decoder, and at each size what the encoder saw handed across.

Ronneberger, Fischer and Brox, U-Net: convolutional networks for biomedical image segmentation, MICCAI 2015; with batch
normalisation, padded convolutions, and bilinear enlargement before a convolution instead of a transposed one, which
leaves no checkerboard. Written here rather than taken from MONAI, whose import alone takes longer than analysing a
loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, cat, channels_last, nn
from torch.nn import functional

from cinecor.errors import ConfigError
from cinecor.models.contract import Network, global_mean
from cinecor.models.initialisation import glorot


class UNet(Network):
    """Logits of every pixel of every frame; frames are seen one by one, so that any number of them makes a clip.

    Args:
        num_outputs: structures; each is a logit of its own.
        in_channels: of the clips.
        widths: channels at each size, from the frame's own down by halves.
        dropout: probability, of whole channels of the smallest map.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network.
    """

    dense = True

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 1,
        widths: tuple[int, ...] = (16, 32, 64, 96, 128),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if len(widths) < 2 or min(widths) < 1 or in_channels < 1:
            raise ConfigError("OUT_OF_RANGE", f"{tuple(widths)} are not widths of two sizes or more", where="unet")
        if not 0 <= dropout < 1:
            raise ConfigError("OUT_OF_RANGE", f"{dropout} is not a dropout", "give 0 to below 1", where="unet.dropout")
        self.num_features = widths[0]
        self.first = _two_convolutions(in_channels, widths[0])
        self.down = nn.ModuleList(_two_convolutions(above, below) for above, below in pairwise(widths))
        self.up = nn.ModuleList(_two_convolutions(above + below, above) for above, below in pairwise(widths))
        self.dropout = nn.Dropout2d(dropout)
        self.reset_classifier(num_outputs)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The decoder's last map, as large as the frames."""
        (x,) = streams
        frames = x.transpose(1, 2).flatten(0, 1).contiguous(memory_format=channels_last)
        maps = [self.first(frames)]
        for down in self.down:
            maps.append(down(functional.max_pool2d(maps[-1], 2, ceil_mode=True)))
        y = self.dropout(maps.pop())
        for up, beside in zip(reversed(self.up), reversed(maps), strict=True):
            larger = functional.interpolate(y, size=_size(beside), mode="bilinear", align_corners=False)
            y = up(cat([beside, larger], dim=1))
        return y.unflatten(0, (len(x), -1)).transpose(1, 2)

    def forward_head(
        self, features: Float[Tensor, "batch feature t h w"], *, pre_logits: bool = False
    ) -> Float[Tensor, "batch value *positions"]:
        """Logits ``batch structure time height width``, or the embedding (mean over positions)."""
        if pre_logits:
            return global_mean(features)
        logits: Tensor = self.head(features)
        return logits

    def reset_classifier(self, num_outputs: int) -> None:
        """A fresh last layer."""
        self.num_outputs = num_outputs
        head = nn.Conv3d(self.num_features, num_outputs, 1)
        glorot(head)
        self.head = head.to(next(self.parameters()).device)

    def output_layer(self) -> nn.Linear | nn.Conv2d | nn.Conv3d:
        """The last layer."""
        return self.head


def _two_convolutions(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        layers += [
            nn.Conv2d(channels, out_channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def _size(x: Tensor) -> Sequence[int]:
    return x.shape[2:]
