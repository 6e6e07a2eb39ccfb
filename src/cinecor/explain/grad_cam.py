"""Grad-CAM through time: which places and moments of a clip moved a network's output.

Source: Selvaraju et al., "Grad-CAM: Visual explanations from deep networks via gradient-based localization", ICCV 2017,
with time as a further axis of the map. Every network of ours is a feature map and a head on it, so the gradient of the
head at the map is all that is needed; no library that finds layers by hooks (captum) has to be imported for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from cinecor.errors import ConfigError
from cinecor.models.contract import Network

_CURE = "explain a network with one feature map of the whole frames"


def grad_cam(
    network: Network,
    *streams: Float[Tensor, "batch channel _time _height _width"],
    output: int = 0,
    signed: bool = False,
) -> Float[Tensor, "batch time height width"]:
    """A heat map of each clip, as large as its first stream (trilinear).

    Each channel of the last feature map is weighted by the mean gradient of the output over all positions. A network
    that sees every frame by itself and then joins them (CNN-RNN) has no positions left in its last map: the last map
    of its frames is taken, and the mean is that of each frame.

    Args:
        network: in evaluation mode; it stays as it is, and none of its parameters gets a gradient.
        streams: its inputs.
        output: which of its values.
        signed: False is Grad-CAM as published: what raises the output, 0 to 1, each clip by its own largest value, 0
            throughout where nothing does. True keeps what lowers it, -1 to 1, which a regression wants: below the
            mean, lowering is the finding.

    Raises:
        ConfigError: OUT_OF_RANGE for an output that there is not; CONFLICT for a network of outlines (which show
            themselves), one whose streams are parts of the frames, or one whose maps have no positions.
    """
    _check(network, output)
    with torch.inference_mode(False), torch.enable_grad():
        inputs = [stream.clone() for stream in streams]  # a tensor of inference mode takes no part in a gradient
        maps, gradients, own = _maps(network, inputs, output)
    axes = (3, 4) if own else (2, 3, 4)
    heat = (gradients.mean(dim=axes, keepdim=True) * maps).sum(dim=1, keepdim=True).float()
    heat = functional.interpolate(heat, size=streams[0].shape[2:], mode="trilinear", align_corners=False)[:, 0]
    heat = heat if signed else heat.clamp(min=0.0)
    largest = heat.abs().amax(dim=(1, 2, 3), keepdim=True)
    return heat / torch.where(largest > 0, largest, 1.0)


def _maps(network: Network, inputs: Sequence[Tensor], output: int) -> tuple[Tensor, Tensor, bool]:
    """Map, its gradient, and whether it is one of frames by themselves; the trunk needs no gradient if it has one."""
    with torch.no_grad():
        features = network.forward_features(*inputs)
    if _has_positions(features):
        leaf = features.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(network.forward_head(leaf)[:, output].sum(), leaf)
        return leaf.detach(), gradient, False
    if len(inputs) > 1:
        raise ConfigError("CONFLICT", "each stream of this network loses its positions by itself", _CURE)
    return *_frame_maps(network, inputs[0], output), True


def _frame_maps(network: Network, clip: Tensor, output: int) -> tuple[Tensor, Tensor]:
    """The last map that has positions, of the frames one by one, as ``batch feature time height width``."""
    with _watched(network) as seen, torch.backends.cudnn.flags(enabled=False):  # cuDNN's RNN: no gradient in evaluation
        values = network(clip.detach().requires_grad_())[:, output]
    if not seen:
        raise ConfigError("CONFLICT", "no feature map of this network has positions", _CURE)
    (gradient,) = torch.autograd.grad(values.sum(), seen[-1])
    maps, slopes = (torch.unflatten(each, 0, (len(clip), -1)).transpose(1, 2) for each in (seen[-1], gradient))
    return maps.detach(), slopes


@contextmanager
def _watched(network: Network) -> Iterator[list[Tensor]]:
    """What the layers give while the block runs, where it is a map of single frames with positions; in order."""
    seen: list[Tensor] = []

    def keep(_layer: object, _given: object, made: Any) -> None:
        if isinstance(made, Tensor) and made.ndim == 4 and _has_positions(made) and made.requires_grad:
            seen.append(made)

    handles = [layer.register_forward_hook(keep) for layer in network.modules()]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _has_positions(features: Tensor) -> bool:
    return features.shape[-1] * features.shape[-2] > 1


def _check(network: Network, output: int) -> None:
    if network.dense:
        raise ConfigError("CONFLICT", "this network outlines: its outlines show what it sees", _CURE)
    if any(name.endswith(("_left", "_right")) for name in network.streams):
        raise ConfigError("CONFLICT", "the streams of this network are different halves of the frames", _CURE)
    if not 0 <= output < network.num_outputs:
        what = f"there is no output {output} among {network.num_outputs}"
        raise ConfigError("OUT_OF_RANGE", what, "count from 0", where="output")
