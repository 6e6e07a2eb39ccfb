"""timm's networks on images, frame by frame: ResNet-50 with norms after convolutions, and before them.

He and others, CVPR 2016 (ResNet) and ECCV 2016 (ResNet v2). The layers and the names of their tensors are timm's
(Wightman, 2019), so that its ImageNet weights load strictly. ``resnetv2_50`` is *not* the network of Keras' weights:
that is :mod:`cinecor.models.resnet50v2`, which has other strides, padding, biases and epsilons.

A clip is seen frame by frame, and the embedding is the mean over frames and positions, as in ``resnet50v2``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from cinecor.errors import ConfigError, ResourceError
from cinecor.models.colour import check_channels, in_colour
from cinecor.models.contract import Network, global_mean

_STAGES = (64, 128, 256, 512)
_STEM = 64
_DEPTHS = (3, 4, 6, 3)


class TimmImages(Network):
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

    Raises:
        ConfigError: OUT_OF_RANGE, CONFLICT for options that make no network.
        ResourceError: OFFLINE where the ImageNet weights can neither be found nor fetched.
    """

    model: ClassVar[str]
    """Name in timm and in the register."""

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 3,
        depths: tuple[int, int, int, int] = (3, 4, 6, 3),
        width: float = 1.0,
        pretrained: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check(self.model, in_channels, depths, width, pretrained, dropout)
        self.trunk = _make(self.model, pretrained, layers=list(depths), **self._shape(width))
        self.num_features = int(self.trunk.num_features)
        self.dropout = nn.Dropout(dropout)
        self.reset_classifier(num_outputs)

    @classmethod
    def _shape(cls, width: float) -> dict[str, Any]:
        """What makes timm's network narrower."""
        raise NotImplementedError

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The last map: all frames, a 32nd of height and width."""
        x = in_colour(*streams)
        maps: Tensor = self.trunk.forward_features(x.transpose(1, 2).flatten(0, 1))
        return maps.unflatten(0, (len(x), -1)).transpose(1, 2)  # type: ignore[no-untyped-call]

    def forward_head(
        self, features: Float[Tensor, "batch feature t h w"], *, pre_logits: bool = False
    ) -> Float[Tensor, "batch value"]:
        """The outputs, or the embedding (mean over frames and positions)."""
        flat = global_mean(features)
        if pre_logits:
            return flat
        values: Tensor = self.head(self.dropout(flat))
        return values

    def reset_classifier(self, num_outputs: int) -> None:
        """A fresh dense layer, as timm starts it."""
        self.num_outputs = num_outputs
        head = nn.Linear(self.num_features, num_outputs)
        nn.init.normal_(head.weight, std=0.01)
        nn.init.zeros_(head.bias)
        self.head = head.to(next(self.trunk.parameters()).device)

    def output_layer(self) -> nn.Linear | nn.Conv2d | nn.Conv3d:
        """The dense layer."""
        return self.head


class ResNetV2(TimmImages):
    """Norms and ReLUs before convolutions."""

    model = "resnetv2_50"

    @classmethod
    def _shape(cls, width: float) -> dict[str, Any]:
        return {"channels": tuple(4 * _scaled(each, width) for each in _STAGES), "stem_chs": _scaled(_STEM, width)}


class ResNet(TimmImages):
    """Norms and ReLUs after convolutions."""

    model = "resnet50"

    @classmethod
    def _shape(cls, width: float) -> dict[str, Any]:
        return {"channels": tuple(_scaled(each, width) for each in _STAGES)}  # the stem keeps its 64


def _scaled(channels: int, width: float) -> int:
    return max(1, round(channels * width))


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
    model: str, in_channels: int, depths: tuple[int, int, int, int], width: float, pretrained: bool, dropout: float
) -> None:
    check_channels(in_channels, model)
    if min(depths) < 1 or not 0 < width < float("inf"):
        what = "a stage has at least one block, and a width above 0"
        raise ConfigError("OUT_OF_RANGE", what, where=f"{model}.depths")
    if not 0 <= dropout < 1:
        raise ConfigError("OUT_OF_RANGE", f"{dropout} is not a dropout", "give 0 to below 1", where=f"{model}.dropout")
    if pretrained and (tuple(depths) != _DEPTHS or width != 1.0):
        what = "the ImageNet weights are those of depths 3, 4, 6, 3 and width 1"
        raise ConfigError("CONFLICT", what, "leave depths and width out", where=f"{model}.pretrained")
