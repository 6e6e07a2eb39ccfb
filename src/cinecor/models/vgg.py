"""The network of paper 004: VGG's convolutions, a batch norm and a ReLU after each layer, one frame at a time.

Madani and others, npj Digital Medicine 2018. Theirs, at five sizes of frame: 3x3 convolutions of stride 1 that keep
the size, 7x7 in the first two at 240x320; 2x2 pooling, of the maximum at 60x80 pixels and more and of the average
below, and of the average at 120x160 too where frames are masked and where hypertrophy is learned; dropout and L2 in
the dense layers. How many layers, and how wide, stands in a supplement that we do not have, so these are ours: two
convolutions in a stage, and a stage for each time that a frame can be halved until it is 3 pixels high, so that the
dense layers see the same 3x5 positions at each of the five sizes (240x320: six stages; 120x160: five; 60x80: four;
30x40: three; 15x20: two). 16 filters in the first stage, twice as many in each that follows, up to 128; two dense
layers of 256 units.

A clip is seen frame by frame; the dense layers are given the mean of its frames' maps.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, channels_last, nn

from cinecor.errors import ConfigError
from cinecor.models.choices import Pooling
from cinecor.models.dense_head import DenseHead, dense_layers

_SMALLEST = 3  # px: no stage halves a frame to less
_MAXIMUM_FROM = (60, 80)
_WIDE_KERNEL_FROM = (240, 320)
_WIDEST = 8  # times the first stage's filters


class VGG(DenseHead):
    """Stages of convolutions and a pooling; dense layers on what is left of the frame.

    Args:
        num_outputs: values predicted of each clip.
        in_channels: of the clips.
        pooling: max, average, or auto: max of frames of 60x80 pixels and more, average of smaller ones. The paper's
            masked network, and that of hypertrophy, have average at 120x160.
        width: filters of the first stage; each stage doubles it, up to eight times as many.
        convolutions: of each stage.
        first_kernel: side of the kernels of the first two convolutions; 0: 7 at 240x320 pixels and more, else 3.
        dense: units of the hidden dense layers.
        dropout: after each hidden dense layer; the paper has 0.4 for hypertrophy, and does not say elsewhere.
        norm_momentum: share of the newest batch in the running statistics of the convolutions' norms; 0.01 is Keras'.
        input_size: frames, height, width of the clips.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network.
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 1,
        pooling: Pooling = "auto",
        width: int = 16,
        convolutions: int = 2,
        first_kernel: int = 0,
        dense: tuple[int, ...] = (256, 256),
        dropout: float = 0.4,
        norm_momentum: float = 0.1,
        input_size: tuple[int, int, int] = (1, 120, 160),
    ) -> None:
        super().__init__()
        size = input_size[1:]
        least = min(width, convolutions, *dense, *input_size)
        _check(in_channels, least, min(size), dropout, norm_momentum, first_kernel)
        kernel = first_kernel or (7 if _reaches(size, _WIDE_KERNEL_FROM) else 3)
        mean = pooling == "average" or (pooling == "auto" and not _reaches(size, _MAXIMUM_FROM))
        stages: list[nn.Module] = []
        channels, halvings = in_channels, _count_halvings(min(size))
        for stage in range(halvings):
            filters = width * min(2**stage, _WIDEST)
            layers: list[nn.Module] = []
            for number in range(convolutions):
                side = kernel if stage * convolutions + number < 2 else 3
                layers += [
                    nn.Conv2d(channels, filters, side, padding=side // 2, bias=False),
                    nn.BatchNorm2d(filters, momentum=norm_momentum),
                    nn.ReLU(inplace=True),
                ]
                channels = filters
            stages.append(nn.Sequential(*layers, nn.AvgPool2d(2) if mean else nn.MaxPool2d(2)))
        self.stages = nn.Sequential(*stages)
        self.num_features = channels
        self._gathered = channels * (size[0] >> halvings) * (size[1] >> halvings)
        self._dense, self._within = tuple(dense), dropout
        self.reset_classifier(num_outputs)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel _time _height _width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The map after the last pooling: all frames."""
        (x,) = streams
        frames = x.transpose(1, 2).flatten(0, 1).contiguous(memory_format=channels_last)
        maps: Tensor = self.stages(frames)
        return maps.unflatten(0, (len(x), -1)).transpose(1, 2)  # type: ignore[no-untyped-call]

    def gather(self, features: Float[Tensor, "batch feature t h w"]) -> Float[Tensor, "batch position"]:
        """The mean map of a clip's frames, position by position."""
        return features.mean(dim=2).flatten(1)

    def make_head(self, num_outputs: int) -> nn.Module:
        """Hidden dense layers and the last one."""
        return dense_layers(self._gathered, self._dense, num_outputs, self._within)


def _reaches(size: tuple[int, ...], least: tuple[int, int]) -> bool:
    return size[0] >= least[0] and size[1] >= least[1]


def _count_halvings(side: int) -> int:
    count = 0
    while side // 2 >= _SMALLEST:
        side, count = side // 2, count + 1
    return count


def _check(in_channels: int, smallest: int, side: int, dropout: float, norm_momentum: float, first_kernel: int) -> None:
    if in_channels < 1 or smallest < 1 or _count_halvings(side) < 1:
        what = f"a layer has at least one filter or unit, a frame at least {2 * _SMALLEST} pixels a side"
        raise ConfigError("OUT_OF_RANGE", what, where="vgg")
    if not 0 <= dropout < 1 or not 0 < norm_momentum <= 1:
        what = f"{dropout} and {norm_momentum} are no dropout and no share"
        raise ConfigError("OUT_OF_RANGE", what, "give 0 to below 1, and above 0 to 1", where="vgg.dropout")
    if first_kernel < 0 or (first_kernel and first_kernel % 2 == 0):
        what = f"a kernel of {first_kernel} does not keep the size"
        raise ConfigError("OUT_OF_RANGE", what, "give an odd side, or 0", where="vgg.first_kernel")
