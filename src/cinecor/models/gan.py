"""The two networks of paper 004's semi-supervised training: a classifier that tells real from generated, a generator.

Madani and others, npj Digital Medicine 2018, figure 13; Salimans and others, NeurIPS 2016, whose form is an option.
The discriminator is the classifier, and all of it that is kept. Blocks of three convolutions with kernels of 3, the
third with stride 2, a batch norm and a leaky ReLU after each and dropout after each block, and a last convolution that
differs: of 1x1 here. How many blocks, and how wide, is said nowhere; at 110x110 three of 32, 64 and 128 filters leave
14x14 positions, whose mean the outputs are given: K logits, and one of real or generated.

The generator makes an image from noise by transposed convolutions of stride 2 and padding 1, which take a side of n to
2n with a kernel of 4 and to 2n - 1 with one of 3: to 110 in seven by the only way that seven have, 1-2-4-7-14-28-55-110
with kernels 4, 4, 3, 4, 4, 3, 4. Other sizes come about likewise, from the image back to one position.
"""

from __future__ import annotations

from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor, logsumexp, nn
from torch.nn.utils.parametrizations import weight_norm

from cinecor.errors import ConfigError
from cinecor.models.choices import DiscriminatorForm, DiscriminatorNorm
from cinecor.models.dense_head import DenseHead, dense_layers

_SLOPE = 0.2
_SPREAD = 0.02  # of the generator's first weights: DCGAN's
_WIDEST = 8  # times the filters before the image


class Discriminator(DenseHead):
    """Classes of a clip, and whether it is real.

    Args:
        num_outputs: classes.
        in_channels: of the clips.
        form: two_outputs, the paper's: beside the classes a logit of "real" of its own. k_logits, Salimans': the
            logit of "real" is the log of the sum of the exponents of the classes' logits.
        norm: batch; or weight, Salimans': every convolution's weights as a direction and a length, and no batch norm.
        widths: filters of the blocks.
        dropout: after each block.
        input_dropout: of pixels; Salimans has 0.2.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network.
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 1,
        form: DiscriminatorForm = "two_outputs",
        norm: DiscriminatorNorm = "batch",
        widths: tuple[int, ...] = (32, 64, 128),
        dropout: float = 0.5,
        input_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check(in_channels, widths, dropout, input_dropout)
        channels = in_channels
        blocks: list[nn.Module] = [nn.Dropout(input_dropout)]
        for filters in widths:
            blocks.append(_block(channels, filters, norm, dropout))
            channels = filters
        blocks.append(nn.Sequential(*_layer(channels, channels, norm, kernel=1)))
        self.blocks = nn.Sequential(*blocks)
        self.num_features = channels
        self.real = nn.Linear(channels, 1) if form == "two_outputs" else None
        self.reset_classifier(num_outputs)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel _time _height _width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The map after the last convolution: all frames."""
        (x,) = streams
        maps: Tensor = self.blocks(x.transpose(1, 2).flatten(0, 1))
        return maps.unflatten(0, (len(x), -1)).transpose(1, 2)  # type: ignore[no-untyped-call]

    def forward_real(self, features: Float[Tensor, "batch feature t h w"]) -> Float[Tensor, " batch"]:
        """The logit of each clip to be real."""
        if self.real is None:
            return logsumexp(self.forward_head(features), dim=1)
        values: Tensor = self.real(self.gather(features))
        return values.squeeze(1)

    def make_head(self, num_outputs: int) -> nn.Module:
        """One dense layer on the mean over positions: the second-last layer is the embedding."""
        return dense_layers(self.num_features, (), num_outputs, 0.0)


class Generator(nn.Module):
    """Images from noise, with values from -1 to 1.

    Batch norms are of the batch at hand, whenever it is: the discriminator never sees it otherwise.

    Args:
        size: height and width of the images.
        channels: of the images.
        noise: numbers that an image is made from.
        width: filters before the last layer; each layer further back has twice as many, up to eight times.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network.
    """

    def __init__(self, size: tuple[int, int], *, channels: int = 1, noise: int = 100, width: int = 32) -> None:
        super().__init__()
        if min(*size, channels, noise, width) < 1 or max(size) < 2:
            raise ConfigError("OUT_OF_RANGE", "a layer has at least one unit, an image two pixels", where="generator")
        self.noise = noise
        kernels = list_kernels(size)
        layers: list[nn.Module] = []
        before = noise
        for place, kernel in enumerate(kernels):
            left = len(kernels) - 1 - place
            after = width * min(2 ** (left - 1), _WIDEST) if left else channels
            layers.append(nn.ConvTranspose2d(before, after, kernel, stride=2, padding=1, bias=not left))
            layers += [nn.BatchNorm2d(after, track_running_stats=False), nn.ReLU(inplace=True)] if left else [nn.Tanh()]
            before = after
        self.layers = nn.Sequential(*layers)
        for layer in self.layers:
            if isinstance(layer, nn.ConvTranspose2d):
                nn.init.normal_(layer.weight, std=_SPREAD)

    def forward(self, noise: Float[Tensor, "batch noise"]) -> Float[Tensor, "batch channel 1 height width"]:
        """An image for each row of noise, as a clip of one frame."""
        images: Tensor = self.layers(noise[:, :, None, None])
        return images.unsqueeze(2)


def list_kernels(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Kernels (height, width) of the transposed convolutions that make an image of this size out of one position."""
    sides = list(size)
    kernels: list[tuple[int, int]] = []
    while max(sides) > 1:
        high, wide = (3 if side % 2 else 4 for side in sides)  # one position stays one with a kernel of 3
        kernels.append((high, wide))
        sides = [(side + 1) // 2 for side in sides]
    return kernels[::-1]


def _block(before: int, filters: int, norm: DiscriminatorNorm, dropout: float) -> nn.Module:
    first = _layer(before, filters, norm)
    return nn.Sequential(
        *first, *_layer(filters, filters, norm), *_layer(filters, filters, norm, stride=2), nn.Dropout(dropout)
    )


def _layer(
    before: int, filters: int, norm: DiscriminatorNorm, *, kernel: int = 3, stride: int = 1
) -> Sequence[nn.Module]:
    conv = nn.Conv2d(before, filters, kernel, stride=stride, padding=kernel // 2, bias=norm == "weight")
    relu = nn.LeakyReLU(_SLOPE, inplace=True)
    return (weight_norm(conv), relu) if norm == "weight" else (conv, nn.BatchNorm2d(filters), relu)


def _check(in_channels: int, widths: tuple[int, ...], dropout: float, input_dropout: float) -> None:
    if not widths or min(in_channels, *widths) < 1:
        raise ConfigError("OUT_OF_RANGE", "there is at least one block, of at least one filter", where="gan.widths")
    if not (0 <= dropout < 1 and 0 <= input_dropout < 1):
        what = f"{dropout} and {input_dropout} are no dropouts"
        raise ConfigError("OUT_OF_RANGE", what, "give 0 to below 1", where="gan.dropout")
