"""FixMatch: what a network is sure of in an image, it learns for a strongly varied one.

Source: Sohn and others, FixMatch: Simplifying semi-supervised learning with consistency and confidence, NeurIPS 2020.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional


def consistency_loss(
    weak: Float[Tensor, "batch class"], strong: Float[Tensor, "batch class"], threshold: float
) -> Float[Tensor, ""]:
    """Eq. 4: cross-entropy of the strong view against the class of the weak one, where its probability is at least
    ``threshold``; a mean over all images, those that do not count too. No gradient reaches the weak view.

    Args:
        weak: logits of a view that is hardly varied.
        strong: logits of a strongly varied view of the same images.
        threshold: 0.95 in the paper.
    """
    likely, guess = weak.detach().softmax(dim=1).max(dim=1)
    entropy = functional.cross_entropy(strong, guess, reduction="none")
    return (entropy * (likely >= threshold)).mean()
