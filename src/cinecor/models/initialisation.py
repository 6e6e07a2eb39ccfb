"""Weights before training."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

_SPATIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)  # binomial, about one pixel of standard deviation
_TEMPORAL = (1 / 4, 2 / 4, 1 / 4)


def glorot(module: nn.Module) -> None:
    """Start the convolutions and dense layers of ``module`` as Keras does: Glorot uniform weights, zero bias."""
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


@torch.no_grad()
def smooth_motion(conv: nn.Conv3d) -> None:
    """Start a first convolution with smooth filters, half of which are blind to what stands still.

    White noise answers to speckle and to the still image; the batch normalisation after it then hides the little that
    moves. Smoothed noise answers to walls and cavities, and filters whose mean over time is zero to their motion alone,
    which the normalisation brings to the same size. Scaled as Glorot's. Ours, from no paper.
    """
    filters, channels, depth, height, width = conv.weight.shape
    noise = torch.randn(filters * channels * depth, 1, height + 4, width + 4, device=conv.weight.device)
    across = torch.tensor(_SPATIAL, device=noise.device)
    smooth = functional.conv2d(noise, (across[:, None] * across)[None, None]).reshape(conv.weight.shape)
    along = torch.tensor(_TEMPORAL, device=noise.device).view(1, 1, 3, 1, 1)
    flat = smooth.reshape(filters * channels, 1, depth, height, width)
    smooth = functional.conv3d(flat, along, padding=(1, 0, 0)).reshape(conv.weight.shape)
    smooth *= _glorot_deviation(conv.weight) / smooth.std()
    moving = filters // 2
    smooth[:moving] -= smooth[:moving].mean(dim=2, keepdim=True)
    conv.weight.copy_(smooth)


def _glorot_deviation(weight: Tensor) -> float:
    positions = math.prod(weight.shape[2:])
    return math.sqrt(2.0 / (positions * (weight.shape[0] + weight.shape[1])))
