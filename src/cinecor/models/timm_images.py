"""timm's networks on images, frame by frame: ResNet-50 with norms after convolutions, and before them, and VGG16.

He and others, CVPR 2016 (ResNet) and ECCV 2016 (ResNet v2); Simonyan and Zisserman, ICLR 2015 (VGG). The layers and
the names of their tensors are timm's (Wightman, 2019), so that its ImageNet weights load strictly. ``resnetv2_50`` is
*not* the network of Keras' weights: that is :mod:`cinecor.models.resnet50v2`, which has other strides, padding, biases
and epsilons.

A clip is seen frame by frame, and the embedding is the mean over frames and positions, as in ``resnet50v2``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from cinecor.errors import ConfigError, ResourceError
from cinecor.models.colour import check_channels, in_colour
from cinecor.models.dense_head import DenseHead, DenseNorm, dense_layers, normal_linear

_STAGES = (64, 128, 256, 512)
_STEM = 64
_DEPTHS = (3, 4, 6, 3)
_VGG_STRIDE = 32


class TimmImages(DenseHead):
    """A trunk of timm's, frame by frame."""

    model: ClassVar[str]
    """Name in timm and in the register."""
    trunk: Any

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The last map: all frames, a 32nd of height and width."""
        x = in_colour(*streams)
        maps: Tensor = self.trunk.forward_features(x.transpose(1, 2).flatten(0, 1))
        return maps.unflatten(0, (len(x), -1)).transpose(1, 2)  # type: ignore[no-untyped-call]


class TimmResNet(TimmImages):
    """Values of a clip from the mean of its frames' features.

    Args:
        num_outputs: values predicted of each clip.
        in_channels: of the clips, 3 or 1; one grey channel is shown three times, because the weights are those of
            colour images.
        depths: blocks of the four stages; 3, 4, 6, 3 make 50 layers.
        width: factor on the channels of all stages.
        pretrained: start from ImageNet weights, which are fetched when they are not in the cache. The input of
            resnetv2_50's has values from -1 to 1: give the clip mean 127.5 and std 127.5; that of resnet50's the mean
            0.485, 0.456, 0.406 and the SD 0.229, 0.224, 0.225, times 255.
        dropout: before the dense layer; timm has none unless asked.
        head_norm: a batch norm before the dense layer, as paper 004 puts on its ResNet50.

    Raises:
        ConfigError: OUT_OF_RANGE, CONFLICT for options that make no network.
        ResourceError: OFFLINE where the ImageNet weights can neither be found nor fetched.
    """

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 3,
        depths: tuple[int, int, int, int] = (3, 4, 6, 3),
        width: float = 1.0,
        pretrained: bool = False,
        dropout: float = 0.0,
        head_norm: bool = False,
    ) -> None:
        super().__init__()
        _check(self.model, in_channels, depths, width, pretrained, dropout)
        self.trunk = _make(self.model, pretrained, layers=list(depths), **self._shape(width))
        self.num_features = int(self.trunk.num_features)
        self.head_dropout, self._normed = dropout, head_norm
        self.reset_classifier(num_outputs)

    @classmethod
    def _shape(cls, width: float) -> dict[str, Any]:
        """What makes timm's network narrower."""
        raise NotImplementedError

    def make_head(self, num_outputs: int) -> nn.Module:
        """One dense layer, as timm starts it, on features that may be normed."""
        last = normal_linear(self.num_features, num_outputs)
        return nn.Sequential(DenseNorm(self.num_features), last) if self._normed else last


class ResNetV2(TimmResNet):
    """Norms and ReLUs before convolutions."""

    model = "resnetv2_50"

    @classmethod
    def _shape(cls, width: float) -> dict[str, Any]:
        return {"channels": tuple(4 * _scaled(each, width) for each in _STAGES), "stem_chs": _scaled(_STEM, width)}


class ResNet(TimmResNet):
    """Norms and ReLUs after convolutions."""

    model = "resnet50"

    @classmethod
    def _shape(cls, width: float) -> dict[str, Any]:
        return {"channels": tuple(_scaled(each, width) for each in _STAGES)}  # the stem keeps its 64


class VGG16(TimmImages):
    """VGG16's thirteen convolutions, and dense layers of our own, with batch norms, in the place of its two.

    ImageNet weights are given as a file: ``cinecor import FILE --as imagenet-vgg16``, and the folder as ``start``.

    Args:
        num_outputs: values predicted of each clip.
        in_channels: of the clips, 3 or 1; one grey channel is shown three times, because the weights are those of
            colour images. Their input has the mean 0.485, 0.456, 0.406 and the SD 0.229, 0.224, 0.225, times 255.
        width: factor on the channels of all convolutions.
        dense: units of the hidden dense layers, which are given the mean of the frames' maps, position by position.
        dropout: after each hidden dense layer; VGG has 0.5.
        input_size: frames, height, width of the clips.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network.
    """

    model = "vgg16"

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 3,
        width: float = 1.0,
        dense: tuple[int, ...] = (4096, 4096),
        dropout: float = 0.5,
        input_size: tuple[int, int, int] = (1, 224, 224),
    ) -> None:
        super().__init__()
        _check(self.model, in_channels, (1, *dense), width, False, dropout)
        height, broad = (side // _VGG_STRIDE for side in input_size[1:])
        if min(height, broad) < 1:
            what = f"frames of {input_size[1]}x{input_size[2]} pixels are too small to be halved five times"
            raise ConfigError("OUT_OF_RANGE", what, f"give {_VGG_STRIDE} and more", where="vgg16.input_size")
        self.trunk = _make_vgg(width)
        self.num_features = int(self.trunk.num_features)
        self._gathered, self._dense, self._within = self.num_features * height * broad, tuple(dense), dropout
        self.reset_classifier(num_outputs)

    def gather(self, features: Float[Tensor, "batch feature t h w"]) -> Float[Tensor, "batch position"]:
        """The mean map of a clip's frames, position by position."""
        return features.mean(dim=2).flatten(1)

    def make_head(self, num_outputs: int) -> nn.Module:
        """Hidden dense layers and the last one."""
        return dense_layers(self._gathered, self._dense, num_outputs, self._within)


def _scaled(channels: int, width: float) -> int:
    return max(1, round(channels * width))


def _make_vgg(width: float) -> Any:
    """timm's VGG16 without its dense layers."""
    from timm.models import vgg  # seconds, which the other networks need not wait

    shape = [each if each == "M" else _scaled(int(each), width) for each in vgg.cfgs["vgg16"]]
    made = vgg.VGG(shape, num_classes=0, mlp_ratio=0.001)  # few, because they are thrown away
    made.pre_logits = made.head = nn.Identity()
    return made


def _make(model: str, pretrained: bool, **shape: Any) -> Any:
    import timm  # seconds, which the other networks need not wait

    try:
        # Residual branches that start at zero would leave all their layers without a gradient at first.
        return timm.create_model(
            model, pretrained=pretrained, num_classes=0, global_pool="", zero_init_last=False, **shape
        )
    except Exception as error:  # the hub raises what its transport raises: a dozen unrelated types
        if not pretrained:
            raise
        cure = "connect once, set HF_HOME to a filled cache, or give pretrained=false"
        what = f"the ImageNet weights of {model} cannot be fetched ({type(error).__name__})"
        raise ResourceError("OFFLINE", what, cure, where=f"{model}.pretrained") from error


def _check(
    model: str, in_channels: int, depths: tuple[int, ...], width: float, pretrained: bool, dropout: float
) -> None:
    check_channels(in_channels, model)
    if min(depths) < 1 or not 0 < width < float("inf"):
        what = "a stage has at least one block, a layer one unit, and a width is above 0"
        raise ConfigError("OUT_OF_RANGE", what, where=f"{model}.width")
    if not 0 <= dropout < 1:
        raise ConfigError("OUT_OF_RANGE", f"{dropout} is not a dropout", "give 0 to below 1", where=f"{model}.dropout")
    if pretrained and (tuple(depths) != _DEPTHS or width != 1.0):
        what = "the ImageNet weights are those of depths 3, 4, 6, 3 and width 1"
        raise ConfigError("CONFLICT", what, "leave depths and width out", where=f"{model}.pretrained")
