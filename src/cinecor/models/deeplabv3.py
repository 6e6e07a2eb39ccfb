"""DeepLabV3 with a ResNet-50, on every frame of a clip, as EchoNet-Dynamic outlines the left ventricle.

Chen and others, Rethinking atrous convolution for semantic image segmentation, 2017. EchoNet-Dynamic (Ouyang and
others, Nature 2020) uses torchvision's, without the auxiliary head and with one output; its backbone starts
from ImageNet although its name says "random". Layers and names of tensors are torchvision's, so that its weights and
EchoNet-Dynamic's load strictly.
"""

from __future__ import annotations

from collections import OrderedDict

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

from cinecor.errors import ConfigError
from cinecor.models.colour import check_channels, in_colour
from cinecor.models.contract import Network, global_mean
from cinecor.models.initialisation import glorot
from cinecor.models.torchvision_weights import fetch_weights

STRIDE = 8  # px of the frame for each position of the map
_IMAGENET = "ResNet50_Weights.IMAGENET1K_V1"
_DEPTHS = (3, 4, 6, 3)
_LAYERS = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")


class DeepLabV3(Network):
    """Logits of every pixel of every frame; frames are seen one by one, so that any number of them makes a clip.

    Args:
        num_outputs: structures; each is a logit of its own.
        in_channels: of the clips, 3 or 1; one grey channel is shown three times, because the weights are those of
            colour images.
        depths: blocks of the ResNet's four stages; 3, 4, 6, 3 make a ResNet-50.
        pretrained: start the ResNet from ImageNet weights, which are fetched when they are not in the cache.
        dropout: before the last 3x3 convolution.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network, and for frames whose sides are not multiples of 8;
            CONFLICT for ImageNet weights of other depths, and for a single frame in training.
        ResourceError: OFFLINE where the ImageNet weights can neither be found nor fetched.
    """

    dense = True

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 3,
        depths: tuple[int, int, int, int] = (3, 4, 6, 3),
        pretrained: bool = False,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        _check(in_channels, depths, pretrained, dropout)
        resnet = ResNet(Bottleneck, list(depths), replace_stride_with_dilation=[False, True, True])
        if pretrained:
            resnet.load_state_dict(fetch_weights(_IMAGENET, "deeplabv3_resnet50"))
        self.backbone = nn.Sequential(OrderedDict((name, getattr(resnet, name)) for name in _LAYERS))
        self.classifier = DeepLabHead(resnet.fc.in_features, num_outputs)
        self.classifier[0].project[-1].p = dropout
        self.num_features = self.classifier[-1].in_channels
        self.reset_classifier(num_outputs)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The map before the last layer, an eighth of height and width."""
        x = in_colour(*streams)
        if any(side % STRIDE for side in x.shape[-2:]):
            what = f"frames of {x.shape[-2]} x {x.shape[-1]} pixels do not divide by {STRIDE}"
            raise ConfigError("OUT_OF_RANGE", what, f"give multiples of {STRIDE}", where="clip.height")
        if self.training and len(x) * x.shape[2] == 1:
            what = "a single frame cannot be normalised in training, and a batch has only one"
            raise ConfigError("CONFLICT", what, "choose another batch size", where="batch_size")
        maps = self.backbone(x.transpose(1, 2).flatten(0, 1))
        for layer in list(self.classifier)[:-1]:
            maps = layer(maps)
        return maps.unflatten(0, (len(x), -1)).transpose(1, 2)

    def forward_head(
        self, features: Float[Tensor, "batch feature t h w"], *, pre_logits: bool = False
    ) -> Float[Tensor, "batch value *positions"]:
        """Logits ``batch structure time height width``, enlarged, or the embedding (mean over positions)."""
        if pre_logits:
            return global_mean(features)
        logits = self.classifier[-1](features.transpose(1, 2).flatten(0, 1))
        larger = functional.interpolate(logits, scale_factor=STRIDE, mode="bilinear", align_corners=False)
        return larger.reshape(len(features), -1, *larger.shape[1:]).transpose(1, 2)

    def reset_classifier(self, num_outputs: int) -> None:
        """A fresh last layer."""
        self.num_outputs = num_outputs
        last = nn.Conv2d(self.num_features, num_outputs, 1)
        glorot(last)
        self.classifier[-1] = last.to(next(self.backbone.parameters()).device)

    def output_layer(self) -> nn.Linear | nn.Conv2d | nn.Conv3d:
        """The last layer."""
        last = self.classifier[-1]
        assert isinstance(last, nn.Conv2d)
        return last


def _check(in_channels: int, depths: tuple[int, int, int, int], pretrained: bool, dropout: float) -> None:
    where = "deeplabv3_resnet50"
    check_channels(in_channels, "deeplabv3_resnet50")
    if min(depths) < 1:
        raise ConfigError("OUT_OF_RANGE", "a stage has at least one block", where=f"{where}.depths")
    if not 0 <= dropout < 1:
        raise ConfigError("OUT_OF_RANGE", f"{dropout} is not a dropout", "give 0 to below 1", where=f"{where}.dropout")
    if pretrained and tuple(depths) != _DEPTHS:
        what = "the ImageNet weights are those of depths 3, 4, 6, 3"
        raise ConfigError("CONFLICT", what, "leave depths out", where=f"{where}.pretrained")
