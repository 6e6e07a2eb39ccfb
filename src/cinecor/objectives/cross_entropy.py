"""Cross-entropy of outlines: its mean over pixels, and their sum as EchoNet-Dynamic minimises it."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def mean_cross_entropy(
    logits: Float[Tensor, "batch structure time height width"],
    share: Float[Tensor, "batch structure time height width"],
) -> Float[Tensor, ""]:
    """Binary cross-entropy, mean over all pixels of the outlined frames; zero where there is no such frame.

    Of one structure it is that of a softmax over the structure and the background, as paper 004 has it: such a softmax
    is the sigmoid of the difference of its two outputs.

    Args:
        logits: of each pixel and structure.
        share: of each pixel that the structure covers, 0 to 1; NaN in frames without an outline, which do not count.
    """
    known = ~torch.isnan(share)
    wanted = torch.where(known, share, 0.0)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (entropy * known).sum() / known.sum().clamp(min=1)


def summed_cross_entropy(
    logits: Float[Tensor, "batch structure time height width"],
    share: Float[Tensor, "batch structure time height width"],
) -> Float[Tensor, ""]:
    """Half the binary cross-entropy summed over all pixels of the outlined frames.

    The published code sums it over the ED frames of a batch and over their ES frames, and halves the two together. It
    grows with the number of frames and of pixels, and the published learning rate of 1e-5 with it: a rate for a mean
    would be 10^5 times as large.

    Args:
        logits: of each pixel and structure.
        share: of each pixel that the structure covers, 0 to 1; NaN in frames without an outline, which do not count.

    Source: Ouyang and others, Nature 2020, and the code published with it.
    """
    known = ~torch.isnan(share)
    wanted = torch.where(known, share, 0.0)
    entropy = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return 0.5 * (entropy * known).sum()
