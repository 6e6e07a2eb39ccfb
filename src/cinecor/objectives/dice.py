"""Overlap of masks: the Dice coefficient, and a loss of it with cross-entropy, on the frames that someone outlined."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

SMOOTH = 1.0  # pixels added to both sides of the ratio: an empty mask against an empty one is 1


def dice_and_cross_entropy(
    logits: Float[Tensor, "batch structure time height width"],
    share: Float[Tensor, "batch structure time height width"],
    *,
    pooled: bool = False,
) -> Float[Tensor, ""]:
    """One minus the soft Dice coefficient plus binary cross-entropy, both means over frames.

    Args:
        logits: of each pixel and structure.
        share: of each pixel that the structure covers, 0 to 1; NaN in frames without an outline, which do not count.
            Zero where there is no such frame.
        pooled: a structure's Dice coefficient is that of all frames of the batch together. Frames in which it is small
            or missing, as at the base and apex of a heart, then count by their pixels and not as much as any other.

    Source: Milletari et al., V-Net, 2016 (soft Dice, squares in its denominator); the sum of both, and the pooling, as
        in Isensee et al., nnU-Net, 2021.
    """
    known = ~torch.isnan(share)
    wanted = torch.where(known, share, 0.0)
    outlined = known.flatten(3).any(dim=3)
    probability = torch.sigmoid(logits)
    both = (probability * wanted).flatten(3).sum(dim=3)
    each = (probability.square() + wanted.square()).flatten(3).sum(dim=3)
    if pooled:
        both, each = (_over_batch(sums, outlined) for sums in (both, each))
    lost = 1.0 - (2.0 * both + SMOOTH) / (each + SMOOTH)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none").flatten(3).mean(dim=3)
    return ((lost + entropy) * outlined).sum() / outlined.sum().clamp(min=1)


def _over_batch(sums: Tensor, outlined: Tensor) -> Tensor:
    """For each frame the sum over all outlined frames of its structure."""
    return (sums * outlined).sum(dim=(0, 2), keepdim=True).expand_as(sums)


def dice_coefficient(
    said: Float[Tensor, "*frames height width"], share: Float[Tensor, "*frames height width"]
) -> Float[Tensor, "*frames"]:
    """Dice coefficient of the halves-up masks of each frame; NaN for frames without an outline.

    Args:
        said: probabilities.
        share: of each pixel that is covered.
    """
    one, other = (said >= 0.5).flatten(-2), (share >= 0.5).flatten(-2)
    overlap = (2.0 * (one & other).sum(-1) + SMOOTH) / (one.sum(-1) + other.sum(-1) + SMOOTH)
    return torch.where(torch.isnan(share).flatten(-2).any(-1), torch.nan, overlap)
