"""ResNet-50 of the second kind, as Keras has it: norms and ReLUs before convolutions.

He and others, Identity mappings in deep residual networks, ECCV 2016. Paper 003 classifies cardiac MRI with Keras'
ImageNet weights, and Keras' network is not the one of other libraries: no norm before the first pooling, which is
padded with zeros; strides in the *last* block of the first three stages, with a one-pixel pooling beside them; biases
in the first, the projecting and the last convolutions; another epsilon. So it is written here, layer for layer: what
torch or timm call ResNet-50 v2 cannot hold those weights.

It is a network on images. A clip is seen frame by frame, and the embedding is the mean over frames and positions: a
clip of one frame gives exactly what Keras gives of that image, and a longer one the mean of its frames' embeddings,
which is the plainest reading that keeps every frame and knows no order.
"""

from __future__ import annotations

from functools import partial

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cinecor.errors import ConfigError
from cinecor.models.colour import COLOURS, check_channels, in_colour
from cinecor.models.dense_head import DenseHead
from cinecor.models.initialisation import glorot

EPS = 1.001e-5
_EXPANSION = 4
_FIRST_STAGE = 2  # Keras counts its stages from conv2
_Norm = partial(nn.BatchNorm2d, eps=EPS)


class ResNet50V2(DenseHead):
    """Values of a clip from the mean of its frames' features.

    Args:
        num_outputs: values predicted of each clip (logits of classes; Keras' 1000 have a softmax after them).
        in_channels: of the clips, 3 or 1; one grey channel is shown three times, because the weights are those of
            colour images. Their input has values from -1 to 1: give the clip mean 127.5 and std 127.5.
        depths: blocks of the four stages, at least two each; 3, 4, 6, 3 make 50 layers.
        width: channels of the first stage; each stage doubles it.
        dropout: before the dense layer; Keras has none.

    Raises:
        ConfigError: OUT_OF_RANGE for options that make no network.
    """

    head_name = "predictions"

    def __init__(
        self,
        num_outputs: int = 1,
        *,
        in_channels: int = 3,
        depths: tuple[int, int, int, int] = (3, 4, 6, 3),
        width: int = 64,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        _check(in_channels, depths, width, dropout)
        self.conv1_conv = nn.Conv2d(COLOURS, width, 7, stride=2, padding=3)
        channels = width
        self._blocks: list[str] = []
        for place, depth in enumerate(depths):
            filters, last_stage = width * 2**place, place == len(depths) - 1
            for number in range(1, depth + 1):
                stride = 2 if number == depth and not last_stage else 1
                name = f"conv{_FIRST_STAGE + place}_block{number}"
                self.add_module(name, Block(channels, filters, stride, project=number == 1))
                self._blocks.append(name)
                channels = filters * _EXPANSION
        self.post_bn = _Norm(channels)
        self.num_features = channels
        self.head_dropout = dropout
        self.reset_classifier(num_outputs)

    def forward_features(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The map after the last norm and ReLU: all frames, a 32nd of height and width."""
        x = in_colour(*streams)
        maps = self.conv1_conv(x.transpose(1, 2).flatten(0, 1))
        maps = functional.max_pool2d(functional.pad(maps, (1, 1, 1, 1)), 3, stride=2)  # zeros, which may be the largest
        for name in self._blocks:
            maps = self.get_submodule(name)(maps)
        maps = functional.relu(self.post_bn(maps))
        return maps.reshape(len(x), -1, *maps.shape[1:]).transpose(1, 2)

    def make_head(self, num_outputs: int) -> nn.Linear:
        """One dense layer, as Keras starts it."""
        head = nn.Linear(self.num_features, num_outputs)
        glorot(head)
        return head


class Block(nn.Module):
    """A bottleneck whose norms and ReLUs come first.

    Args:
        in_channels: of the map.
        filters: of the first two convolutions; the third has four times as many.
        stride: of the second convolution.
        project: whether the shortcut is a convolution of the normed map; else it is the map itself, of which a stride
            keeps every other position.
    """

    def __init__(self, in_channels: int, filters: int, stride: int, *, project: bool) -> None:
        super().__init__()
        self.stride = stride
        self.preact_bn = _Norm(in_channels)
        self.conv_0 = nn.Conv2d(in_channels, filters * _EXPANSION, 1, stride) if project else None
        self.conv_1 = nn.Conv2d(in_channels, filters, 1, bias=False)
        self.bn_1 = _Norm(filters)
        self.conv_2 = nn.Conv2d(filters, filters, 3, stride, padding=1, bias=False)
        self.bn_2 = _Norm(filters)
        self.conv_3 = nn.Conv2d(filters, filters * _EXPANSION, 1)

    def forward(self, x: Float[Tensor, "frame channel height width"]) -> Float[Tensor, "frame feature h w"]:
        """The next map."""
        ready = functional.relu(self.preact_bn(x))
        if self.conv_0 is not None:
            shortcut = self.conv_0(ready)
        else:
            shortcut = x if self.stride == 1 else functional.max_pool2d(x, 1, stride=self.stride)
        y = functional.relu(self.bn_1(self.conv_1(ready)))
        y = functional.relu(self.bn_2(self.conv_2(y)))
        return shortcut + self.conv_3(y)


def _check(in_channels: int, depths: tuple[int, int, int, int], width: int, dropout: float) -> None:
    check_channels(in_channels, "resnet50v2")
    if min(depths) < 2 or width < 1:
        what = "a stage has two blocks or more, and a width of at least 1"
        raise ConfigError("OUT_OF_RANGE", what, where="resnet50v2.depths")
    if not 0 <= dropout < 1:
        raise ConfigError(
            "OUT_OF_RANGE", f"{dropout} is not a dropout", "give 0 to below 1", where="resnet50v2.dropout"
        )
