"""Losses of a classifier that also tells real images from generated ones.

Source: paper 004, eqs. 1 to 4, after Salimans and others, Improved techniques for training GANs, NeurIPS 2016. There
are K classes and one more, "generated". What a discriminator says of an image is K logits, of a softmax over the
classes, and the logit r of "real": p(K+1|x) = 1 - sigmoid(r), and p(y|x, y < K+1) is the softmax. In paper 004 r is an
output of its own. In Salimans' form it is the log of the sum of the exponents of the K logits, which is what a softmax
over K+1 logits says where the last is always 0: D(x) = Z/(Z+1), log Z = r.
"""

from __future__ import annotations

from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn import functional


def class_loss(
    logits: Float[Tensor, "batch class"],
    targets: Int64[Tensor, " batch"],
    weights: Float[Tensor, " class"] | None = None,
) -> Float[Tensor, ""]:
    """Eq. 2, of images with labels: -log p(y|x, y < K+1), mean."""
    return functional.cross_entropy(logits, targets, weight=weights)


def real_loss(real: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Eq. 3, of images without labels: -log(1 - p(K+1|x)), mean."""
    return functional.softplus(-real).mean()


def generated_loss(real: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
    """Eq. 4, of generated images: -log p(K+1|x), mean."""
    return functional.softplus(real).mean()


def discriminator_loss(
    labelled: Float[Tensor, ""], real: Float[Tensor, " batch"], generated: Float[Tensor, " batch"], weight: float = 1.0
) -> Float[Tensor, ""]:
    """Eq. 1.

    Args:
        labelled: the loss of images with labels.
        real: logits of "real" of images without labels.
        generated: of generated ones.
        weight: of these two; 1 in the paper, 0.5 in Salimans' code.
    """
    return labelled + weight * (real_loss(real) + generated_loss(generated))


def squared_feature_difference(
    generated: Float[Tensor, "batch feature"], real: Float[Tensor, "batch feature"]
) -> Float[Tensor, ""]:
    """The generator's loss as paper 004 has it: the mean squared difference of the features of a generated and a real
    image, pair by pair.

    Pairs are made by chance, so that it is smallest where each generated image has the mean features of the real ones.
    """
    return (generated - real).square().mean()


def mean_feature_difference(
    generated: Float[Tensor, "batch feature"], real: Float[Tensor, "other feature"]
) -> Float[Tensor, ""]:
    """The generator's loss as Salimans has it: mean absolute difference of the features' means over the batches."""
    return (generated.mean(dim=0) - real.mean(dim=0)).abs().mean()
