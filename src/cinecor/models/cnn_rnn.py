"""The CNN-RNN networks of paper 000: a 2-D network on every frame, two recurrent layers over time, a small head.

Sources: the LVEF architecture benchmark (paper 000); the Keras example of video classification that it follows:
Inception-v3 without its top, 2,048 features a frame, GRU 16, GRU 8, dropout 0.4, dense 8, ReLU, dense.
"""

from __future__ import annotations

from collections.abc import Iterable

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cinecor.errors import ConfigError, ResourceError
from cinecor.models.choices import FrameNetwork, NormAxes, NormKind, Recurrent, SequenceNorm
from cinecor.models.contract import global_mean
from cinecor.models.dense_head import DenseHead
from cinecor.models.inception import INCEPTION_V1, Inception, NormFactory, SameMaxPool, conv_norm_relu, convolution
from cinecor.models.initialisation import glorot

_RNN: dict[Recurrent, type[nn.GRU | nn.LSTM]] = {"gru": nn.GRU, "lstm": nn.LSTM}
_WEIGHTED = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)
_SMALLEST = 75  # px: below this Inception-v3 has no positions left
_COLOURS = 3


class CnnRnn(DenseHead):
    """Features of every frame, read in order.

    Args:
        num_outputs: values predicted of each clip.
        in_channels: of the clips; Inception-v3 takes 3, or 1 grey channel, which it is shown three times.
        cnn: ``inception_v3`` (timm), or ``i3d_mini_2d``, I3D-mini with two-dimensional blocks ("from scratch").
        pretrained: start Inception-v3 from ImageNet weights, which are fetched when they are not in the cache. Their
            input has values from -1 to 1: give the clip mean 127.5 and std 127.5.
        tuned_layers: so many of Inception-v3's last layers *that have weights* are trained, the others stay as they
            are, their batch norms too; 0 trains none, -1 all. The paper's "5" and "7" counted in Keras' list of
            layers would be 0 and 192 weights.
        cnn_norm: of i3d_mini_2d; batch and layer are the paper's B1 and L1.
        norm_axes: over which layer normalisation takes mean and variance of a sample; as in ``i3d``.
        norm_momentum: share of the newest batch in the running statistics of i3d_mini_2d's batch normalisation.
        rnn: kind of the recurrent layers.
        rnn_norm: ``layer`` normalises what each recurrent layer gives ("Mixed1", with batch norm in the CNN).
        rnn_widths: units of the two recurrent layers; the example's for the paper's from-scratch models as well, of
            which nothing is said.
        dropout: before the dense layers.
        dense: units of the first of them.
        width: factor on the widths of i3d_mini_2d.
        frame_size: side to which frames are enlarged or reduced for Inception-v3 (its ImageNet weights were made at
            299; of the paper's input nothing is said); 0 shows them as they are, but enlarged to 75 where they are
            smaller, below which no position is left.
        input_size: frames, height, width of the clips.

    Raises:
        ConfigError: OUT_OF_RANGE, CONFLICT for options that make no network.
        ResourceError: OFFLINE where the ImageNet weights can neither be found nor fetched.
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 1,
        cnn: FrameNetwork = "i3d_mini_2d",
        pretrained: bool = False,
        tuned_layers: int = -1,
        cnn_norm: NormKind = "batch",
        norm_axes: NormAxes = "channel+space",
        norm_momentum: float = 0.01,
        rnn: Recurrent = "gru",
        rnn_norm: SequenceNorm = "none",
        rnn_widths: tuple[int, int] = (16, 8),
        dropout: float = 0.4,
        dense: int = 8,
        width: float = 1.0,
        frame_size: int = 0,
        input_size: tuple[int, int, int] = (28, 112, 112),
    ) -> None:
        super().__init__()
        _check(tuned_layers, rnn_widths, dropout, dense)
        if cnn == "inception_v3":
            _check_inception(in_channels, frame_size)
        else:
            _check_mini(pretrained, tuned_layers, frame_size)
        self.num_features = rnn_widths[1]
        self._dense, self._dropout, self._tuned = dense, dropout, tuned_layers
        self._enlarged = _choose_size(frame_size, input_size) if cnn == "inception_v3" else None
        if cnn == "inception_v3":
            self.cnn: nn.Module = _inception_v3(pretrained)
            self._colours, features = _COLOURS // in_channels, 2048
        else:
            self.cnn = _MiniOfFrames(in_channels, width, NormFactory(cnn_norm, norm_axes, norm_momentum, 2))
            self._colours, features = 1, self.cnn.num_features
        kind = _RNN[rnn]
        self.rnns = nn.ModuleList(kind(a, b, batch_first=True) for a, b in ((features, rnn_widths[0]), rnn_widths))
        self.norms = nn.ModuleList(nn.LayerNorm(n) if rnn_norm == "layer" else nn.Identity() for n in rnn_widths)
        self.reset_classifier(num_outputs)
        self._frozen = _freeze(self.cnn, tuned_layers) if cnn == "inception_v3" else []

    def train(self, mode: bool = True) -> CnnRnn:
        """As usual, but frozen layers keep their running statistics."""
        super().train(mode)
        for layer in self._frozen:
            layer.eval()
        return self

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """What the second recurrent layer says after the last frame; no positions are left."""
        (x,) = streams
        frames = x.transpose(1, 2).flatten(0, 1)
        if self._colours > 1:
            frames = frames.repeat(1, self._colours, 1, 1)
        if self._enlarged:
            frames = functional.interpolate(frames, size=self._enlarged, mode="bilinear", antialias=False)
        sequence = self.cnn(frames).unflatten(0, (len(x), -1))
        for rnn, norm in zip(self.rnns, self.norms, strict=True):
            sequence = norm(rnn(sequence)[0])
        return sequence[:, -1, :, None, None, None]

    def make_head(self, num_outputs: int) -> nn.Module:
        """Two dense layers on the last state of the second recurrent layer."""
        head = nn.Sequential(
            nn.Dropout(self._dropout),
            nn.Linear(self.num_features, self._dense),
            nn.ReLU(inplace=True),
            nn.Linear(self._dense, num_outputs),
        )
        glorot(head)
        return head


class _MiniOfFrames(nn.Module):
    """I3D-mini with two-dimensional blocks, and the mean over positions."""

    def __init__(self, in_channels: int, width: float, norm: NormFactory) -> None:
        super().__init__()
        first, second = (max(1, round(channels * width)) for channels in (64, 192))
        layers = [
            conv_norm_relu(in_channels, first, (7, 7), norm, (2, 2), bias=True),
            SameMaxPool((3, 3), (2, 2)),
            convolution(first, second, (1, 1), bias=True),
            SameMaxPool((3, 3), (2, 2)),
        ]
        channels = second
        for name in ("3a", "3b"):
            widths = INCEPTION_V1[name].scaled(width)
            layers.append(Inception(channels, widths, norm))
            channels = widths.out
        self.layers = nn.Sequential(*layers)
        self.num_features = channels
        glorot(self)

    def forward(self, x: Float[Tensor, "frame channel height width"]) -> Float[Tensor, "frame feature"]:
        """One vector a frame."""
        return global_mean(self.layers(x))


def _inception_v3(pretrained: bool) -> nn.Module:
    import timm  # seconds, which the other networks need not wait

    try:
        made: nn.Module = timm.create_model("inception_v3", pretrained=pretrained, num_classes=0)
    except Exception as error:  # the hub raises what its transport raises: a dozen unrelated types
        if not pretrained:
            raise
        cure = "connect once, set HF_HOME to a filled cache, or give pretrained=false"
        what = f"the ImageNet weights of inception_v3 cannot be fetched ({type(error).__name__})"
        raise ResourceError("OFFLINE", what, cure, where="cnn_rnn.pretrained") from error
    return made


def _choose_size(frame_size: int, input_size: tuple[int, int, int]) -> tuple[int, int] | None:
    """Height and width to which frames are brought; None leaves them as they are."""
    height, width = input_size[1:]
    if frame_size:
        return (frame_size, frame_size)
    return None if min(height, width) >= _SMALLEST else (max(height, _SMALLEST), max(width, _SMALLEST))


def _freeze(cnn: nn.Module, tuned_layers: int) -> list[nn.Module]:
    """Take the gradient from all but the last layers with weights; returns those that were frozen."""
    weighted: list[nn.Module] = [layer for layer in cnn.modules() if isinstance(layer, _WEIGHTED)]
    frozen = [] if tuned_layers < 0 else weighted[: len(weighted) - tuned_layers]
    for parameter in _parameters(frozen):
        parameter.requires_grad_(False)
    return frozen


def _parameters(layers: Iterable[nn.Module]) -> list[nn.Parameter]:
    return [parameter for layer in layers for parameter in layer.parameters(recurse=False)]


def _check(tuned_layers: int, rnn_widths: tuple[int, int], dropout: float, dense: int) -> None:
    if min(*rnn_widths, dense) < 1 or tuned_layers < -1:
        raise ConfigError("OUT_OF_RANGE", "a layer has at least one unit", where="cnn_rnn")
    if not 0 <= dropout < 1:
        raise ConfigError("OUT_OF_RANGE", f"{dropout} is not a dropout", "give 0 to below 1", where="cnn_rnn.dropout")


def _check_inception(in_channels: int, frame_size: int) -> None:
    if in_channels not in (1, _COLOURS):
        what = f"Inception-v3 takes 1 channel (grey) or {_COLOURS}, not {in_channels}"
        raise ConfigError("OUT_OF_RANGE", what, "change clip.channels, or choose cnn=i3d_mini_2d", where="cnn_rnn")
    if frame_size and frame_size < _SMALLEST:
        what = f"Inception-v3 needs {_SMALLEST} pixels, not {frame_size}"
        raise ConfigError("OUT_OF_RANGE", what, f"give 0, or {_SMALLEST} and more", where="cnn_rnn.frame_size")


def _check_mini(pretrained: bool, tuned_layers: int, frame_size: int) -> None:
    if pretrained or tuned_layers >= 0:
        what = "i3d_mini_2d has no weights to start from, and is trained as a whole"
        raise ConfigError("CONFLICT", what, "choose cnn=inception_v3", where="cnn_rnn")
    if frame_size:
        what = "frames are enlarged for Inception-v3 alone"
        raise ConfigError("CONFLICT", what, "change clip.height and clip.width", where="cnn_rnn.frame_size")
