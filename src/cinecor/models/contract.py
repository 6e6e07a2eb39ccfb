"""What every network promises, so that training, reports and explanations need no special cases."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cinecor.errors import ConfigError


class Network(nn.Module, ABC):
    """A network on clips ``batch channel time height width``, one for each of its ``streams``, in their order.

    ``forward`` is ``forward_head(forward_features(x))``. All its state is in parameters and persistent buffers, so
    that a state dict is the whole of it.
    """

    num_features: int
    """Channels of the feature map; also the length of the embedding."""
    num_outputs: int
    streams: tuple[str, ...] = ("rgb",)
    """Names of its inputs: the frames as they are (``rgb``), or what ``clips`` makes of them."""
    dense: bool = False
    """Whether each output is a map as large as the clip (``batch output time height width``) rather than one value."""

    @abstractmethod
    def forward_features(
        self, *streams: Float[Tensor, "batch channel _time _height _width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The last feature map, before the head."""

    @abstractmethod
    def forward_head(
        self, features: Float[Tensor, "batch feature t h w"], *, pre_logits: bool = False
    ) -> Float[Tensor, "batch value *positions"]:
        """The outputs from a feature map; with ``pre_logits`` the embedding: its mean over all positions."""

    @abstractmethod
    def reset_classifier(self, num_outputs: int) -> None:
        """Replace the head by a fresh one of ``num_outputs`` values; the rest keeps its weights."""

    @abstractmethod
    def output_layer(self) -> nn.Linear | nn.Conv2d | nn.Conv3d:
        """The last layer, which has a bias: linear in what it is given."""

    def output_bias(self) -> Float[Tensor, " output"]:
        """The bias of the last layer: what an untrained network predicts of any clip, near enough."""
        bias = self.output_layer().bias
        assert bias is not None
        return bias

    def forward(
        self, *streams: Float[Tensor, "batch channel _time _height _width"]
    ) -> Float[Tensor, "batch output *positions"]:
        """Values of each clip, or of each of its pixels."""
        return self.forward_head(self.forward_features(*streams))

    def set_output_bias(self, mean: float | Sequence[float]) -> None:
        """Start the outputs at the mean of the target (computed from the training split, never pasted).

        Raises:
            ConfigError: OUT_OF_RANGE where the number of means is not that of the outputs.
        """
        bias = self.output_bias()
        values = torch.as_tensor(mean, dtype=bias.dtype, device=bias.device).reshape(-1)
        if values.numel() not in (1, bias.numel()):
            what = f"{values.numel()} means do not fit {bias.numel()} outputs"
            raise ConfigError("OUT_OF_RANGE", what, where="output_bias")
        with torch.no_grad():
            bias.copy_(values.expand_as(bias))

    @torch.no_grad()
    def scale_output(self, scale: float, mean: float) -> None:
        """From now on predict ``mean + scale * (what was predicted so far)``."""
        self.output_layer().weight.mul_(scale)
        self.output_bias().mul_(scale).add_(mean)


class OutliningNetwork(Network):
    """A network that gives values and can, beside them, outline the left ventricle on each frame."""

    @abstractmethod
    def forward_maps(
        self, *streams: Float[Tensor, "batch channel time height width"]
    ) -> tuple[Float[Tensor, "batch feature t h w"], Float[Tensor, "batch 1 time height width"]]:
        """The last feature map, and the logit of each pixel to lie in the left ventricle."""


def global_mean(features: Float[Tensor, "batch feature *positions"]) -> Float[Tensor, "batch feature"]:
    """Global average pooling over all positions, in two or three dimensions."""
    return features.flatten(2).mean(dim=2)
