"""Cross-entropy of outlines as EchoNet-Dynamic minimises it: a sum over pixels, not their mean."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


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
