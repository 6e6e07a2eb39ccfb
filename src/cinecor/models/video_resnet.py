"""torchvision's three 18-layer networks on clips: R(2+1)D, R3D and MC3, as EchoNet-Dynamic uses them.

Tran and others, A closer look at spatiotemporal convolutions for action recognition, CVPR 2018. EchoNet-Dynamic
(Ouyang and others, Nature 2020) starts R(2+1)D-18 from Kinetics-400 and gives it one output. The layers and
the names of their tensors are torchvision's, so that its weights and EchoNet-Dynamic's load strictly.
"""

from __future__ import annotations

from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn
from torchvision.models.video import resnet

from cinecor.errors import ConfigError
from cinecor.models.colour import check_channels, in_colour
from cinecor.models.dense_head import DenseHead, normal_linear
from cinecor.models.torchvision_weights import fetch_weights

_KINETICS = 400
_DEPTHS = (2, 2, 2, 2)


class VideoResNet(DenseHead):
    """A stem, four stages of two-layer blocks, and one dense layer on the mean over positions.

    Args:
        num_outputs: values predicted of each clip.
        in_channels: of the clips, 3 or 1; one grey channel is shown three times, because the weights are those of
            colour images.
        depths: blocks of the four stages; 2 each make 18 layers.
        pretrained: start from Kinetics-400 weights, which are fetched when they are not in the cache. Their input has
            the mean 0.43216, 0.394666, 0.37645 and the SD 0.22803, 0.22145, 0.216989, times 255.
        dropout: before the dense layer; torchvision and EchoNet-Dynamic have none.

    Raises:
        ConfigError: OUT_OF_RANGE, CONFLICT for options that make no network.
        ResourceError: OFFLINE where the Kinetics weights can neither be found nor fetched.
    """

    head_name = "fc"
    stem_type: ClassVar[type[nn.Module]]
    convolutions: ClassVar[tuple[type[nn.Module], ...]]
    """Kind of convolution of each stage."""
    kinetics: ClassVar[str]
    """torchvision's name of the Kinetics-400 weights."""
    model: ClassVar[str]
    """Name in the register."""

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 3,
        depths: tuple[int, int, int, int] = (2, 2, 2, 2),
        pretrained: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check(self.model, in_channels, depths, pretrained, dropout)
        made = resnet.VideoResNet(
            resnet.BasicBlock, self.convolutions, list(depths), self.stem_type, num_classes=_KINETICS
        )
        if pretrained:
            made.load_state_dict(fetch_weights(self.kinetics, self.model))
        self.num_features = made.fc.in_features
        self.stem = made.stem
        self.layer1, self.layer2, self.layer3, self.layer4 = made.layer1, made.layer2, made.layer3, made.layer4
        self.head_dropout = dropout
        self.reset_classifier(num_outputs)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The last stage's map: a 16th of height and width; an 8th of the frames, but all of them in MC3."""
        x = in_colour(*streams)
        for layer in (self.stem, self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return x

    def make_head(self, num_outputs: int) -> nn.Linear:
        """One dense layer, as torchvision starts it."""
        return normal_linear(self.num_features, num_outputs)


class R2Plus1D18(VideoResNet):
    """Each 3-D convolution split in a spatial and a temporal one."""

    stem_type = resnet.R2Plus1dStem
    convolutions = (resnet.Conv2Plus1D,) * 4
    kinetics = "R2Plus1D_18_Weights.KINETICS400_V1"
    model = "r2plus1d_18"


class R3D18(VideoResNet):
    """3-D convolutions throughout."""

    stem_type = resnet.BasicStem
    convolutions = (resnet.Conv3DSimple,) * 4
    kinetics = "R3D_18_Weights.KINETICS400_V1"
    model = "r3d_18"


class MC318(VideoResNet):
    """3-D convolutions in the stem and the first stage, 2-D ones after."""

    stem_type = resnet.BasicStem
    convolutions = (resnet.Conv3DSimple, *(resnet.Conv3DNoTemporal,) * 3)
    kinetics = "MC3_18_Weights.KINETICS400_V1"
    model = "mc3_18"


def _check(model: str, in_channels: int, depths: tuple[int, int, int, int], pretrained: bool, dropout: float) -> None:
    check_channels(in_channels, model)
    if min(depths) < 1:
        raise ConfigError("OUT_OF_RANGE", "a stage has at least one block", where=f"{model}.depths")
    if not 0 <= dropout < 1:
        raise ConfigError("OUT_OF_RANGE", f"{dropout} is not a dropout", "give 0 to below 1", where=f"{model}.dropout")
    if pretrained and tuple(depths) != _DEPTHS:
        what = "the Kinetics weights are those of 2 blocks a stage"
        raise ConfigError("CONFLICT", what, "leave depths out", where=f"{model}.pretrained")
