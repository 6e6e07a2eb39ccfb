"""U-Net on every frame of a clip: an encoder, a decoder, and at each size what the encoder saw handed across.

Ronneberger, Fischer and Brox, U-Net: convolutional networks for biomedical image segmentation, MICCAI 2015; with padded
convolutions, and unless asked otherwise with batch normalisation, and with bilinear enlargement before a convolution
instead of a transposed one, which leaves no checkerboard. Madani et al. (paper 004) take the level of 1,024 channels
away, which leaves four ``widths``, and put dropout before the first enlargement. Written here rather than taken from
MONAI, whose import alone takes longer than analysing a loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, cat, channels_last, nn
from torch.nn import functional

from cinecor.errors import ConfigError
from cinecor.models.choices import Drop, Enlargement, UNetNorm
from cinecor.models.map_head import MapHead


class UNet(MapHead):
    """Logits of every pixel of every frame; frames are seen one by one, so that any number of them makes a clip.

    Args:
        num_outputs: structures; each is a logit of its own.
        in_channels: of the clips.
        widths: channels at each size, from the frame's own down by halves.
        dropout: probability, of the smallest map, before the first enlargement.
        drop: what of it: whole channels, or single values as in Keras.
        up: how a map is enlarged: bilinear, or by a transposed convolution that brings it to the channels of the map
            beside it, as the original does.
        norm: batch normalisation after each convolution, or none.
        kernel: of the convolutions, pixels a side; odd.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network.
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 1,
        widths: tuple[int, ...] = (16, 32, 64, 96, 128),
        dropout: float = 0.0,
        drop: Drop = "channels",
        up: Enlargement = "bilinear",
        norm: UNetNorm = "batch",
        kernel: int = 3,
    ) -> None:
        super().__init__()
        _check(widths, in_channels, dropout, kernel)
        self.num_features = widths[0]
        make = partial(_two_convolutions, kernel=kernel, norm=norm)
        self.first = make(in_channels, widths[0])
        self.down = nn.ModuleList(make(above, below) for above, below in pairwise(widths))
        transposed = up == "transposed"
        self.up = nn.ModuleList(
            make(above + (above if transposed else below), above) for above, below in pairwise(widths)
        )
        self.enlarge = nn.ModuleList(
            nn.ConvTranspose2d(below, above, 2, stride=2) if transposed else nn.Identity()
            for above, below in pairwise(widths)
        )
        self.dropout = nn.Dropout2d(dropout) if drop == "channels" else nn.Dropout(dropout)
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
        for up, enlarge, beside in zip(reversed(self.up), reversed(self.enlarge), reversed(maps), strict=True):
            y = up(cat([beside, _enlarged(enlarge, y, beside.shape[2:])], dim=1))
        return y.unflatten(0, (len(x), -1)).transpose(1, 2)


def _check(widths: tuple[int, ...], in_channels: int, dropout: float, kernel: int) -> None:
    if len(widths) < 2 or min(widths) < 1 or in_channels < 1:
        raise ConfigError("OUT_OF_RANGE", f"{tuple(widths)} are not widths of two sizes or more", where="unet")
    if not 0 <= dropout < 1:
        raise ConfigError("OUT_OF_RANGE", f"{dropout} is not a dropout", "give 0 to below 1", where="unet.dropout")
    if kernel < 1 or kernel % 2 == 0:
        raise ConfigError("OUT_OF_RANGE", f"{kernel} is not odd", "give 1, 3, 5 …", where="unet.kernel")


def _two_convolutions(in_channels: int, out_channels: int, *, kernel: int, norm: str) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        plain = norm == "none"
        layers.append(nn.Conv2d(channels, out_channels, kernel, padding=kernel // 2, bias=plain))
        layers += [] if plain else [nn.BatchNorm2d(out_channels)]
        layers.append(nn.ReLU(inplace=True))
    return nn.Sequential(*layers)


def _enlarged(enlarge: nn.Module, y: Tensor, size: Sequence[int]) -> Tensor:
    """A map twice as large, or one less where an odd size had been halved upwards."""
    if isinstance(enlarge, nn.Identity):
        return functional.interpolate(y, size=list(size), mode="bilinear", align_corners=False)
    larger: Tensor = enlarge(y)
    return larger[:, :, : size[0], : size[1]]
