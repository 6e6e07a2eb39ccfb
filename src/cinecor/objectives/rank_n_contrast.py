"""Rank-N-Contrast: embeddings whose distances follow the distances of their labels.

Source: Zha, Cao, Son, Yang and Katabi, "Rank-N-Contrast: Learning continuous representations for regression", NeurIPS
2023; as CoReEcho uses it (eq. 1 of papers 001 and 002): the embeddings are not normalised, ties are negatives.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from cinecor.errors import ConfigError

_SAME = 1e-14  # of the squared lengths: float64's rounding; squared distances below it are 0
_UNDERFLOW = -600.0  # exp of it is far from float64's smallest number, 1 over it from the largest


def rank_n_contrast(
    embeddings: Float[Tensor, "batch feature"], targets: Tensor, temperature: float = 1.0
) -> Float[Tensor, ""]:
    """The Rank-N-Contrast loss, mean over all ordered pairs of the batch.

    With ``l[n, m] = -|e[n] - e[m]| / temperature``, the term of a pair is the negative logarithm of
    ``exp(l[n, m])`` over the sum of ``exp(l[n, k])`` of all ``k`` other than ``n`` whose label is at least as far from
    that of ``n`` as the label of ``m`` (``m`` itself and ties included). Each row is sorted by label distance, so that
    all these sums are one cumulative sum from its far end, kept as logarithms: O(n² log n) time, O(n²) memory, and
    finite wherever the distances are. The same under autocast. Two equal embeddings have the gradient 0 at each other.
    Differentiable once.

    Args:
        embeddings: at least two.
        targets: labels ``batch`` or ``batch label``, compared by L1 distance in their own precision; no gradient flows
            to them. A label that is not finite makes the loss NaN.
        temperature: above 0; 1 in CoReEcho, 2 where Zha et al. say nothing else.

    Raises:
        ConfigError: CONFLICT where the shapes do not fit; OUT_OF_RANGE for fewer than two embeddings or a temperature
            that is not above 0.
    """
    _check(embeddings, targets, temperature)
    loss: Tensor = _RankNContrast.apply(embeddings, targets.detach(), temperature)
    return loss


class _RankNContrast(torch.autograd.Function):
    """The loss, and at once its gradient, since all that it needs is at hand then: no matrix is kept for later."""

    @staticmethod
    def forward(
        ctx: Any, embeddings: Float[Tensor, "batch feature"], targets: Tensor, temperature: float
    ) -> Float[Tensor, ""]:
        """The loss, in float32 at least; computed in float64."""
        with torch.autocast(embeddings.device.type, enabled=False):
            kind = _at_least_float32(embeddings).dtype
            labels = _at_least_float32(targets).reshape(len(targets), -1)
            # float64: |a|² + |b|² - 2ab, and differences of large distances, lose their digits in float32
            points = embeddings.double() - embeddings.double().mean(dim=0)
            distances = _distances(points)
            apart = torch.cdist(labels, labels, p=1.0).fill_diagonal_(-math.inf)
            loss, slope = _rank(distances / -temperature, apart)
            if ctx.needs_input_grad[0]:
                pull = (slope + slope.T).div_(-temperature * distances).masked_fill_(distances == 0, 0.0).to(kind)
                points = points.to(kind)  # what is lost of the sums in float32 is the embeddings' own rounding
                gradient = points * pull.sum(1, keepdim=True) - pull @ points
                ctx.save_for_backward(gradient.to(embeddings.dtype))
            return loss.to(kind).masked_fill(~labels.isfinite().all(), math.nan)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *outer: Float[Tensor, ""]) -> tuple[Tensor, None, None]:
        """The gradient of the embeddings; none of the targets."""
        (gradient,) = ctx.saved_tensors
        return gradient * outer[0], None, None


def _rank(
    logits: Float[Tensor, "batch batch"], apart: Float[Tensor, "batch batch"]
) -> tuple[Float[Tensor, ""], Float[Tensor, "batch batch"]]:
    """The loss and its gradient at the logits.

    The gradient of pair (n, k) is ``-1`` plus the sum, over all m that are no farther from n than k by label, of
    ``exp(l[n, k])`` over the sum that belongs to (n, m): a cumulative sum from the near end, none of whose terms
    exceeds 1.

    Args:
        logits: of each pair.
        apart: label distances, -inf on the diagonal.
    """
    ranked, order = apart.sort(dim=1, stable=True)  # twice as fast as the other on a CPU
    ranked, order = ranked[:, 1:], order[:, 1:]  # no pair with itself
    near = logits.gather(1, order)
    first, last = _tie_ends(ranked)
    near.sub_(near.amax(1, keepdim=True))
    if float(near.min()) > _UNDERFLOW:
        weights = near.exp()
        sums = weights.flip(1).cumsum(1).flip(1).gather(1, first)
        loss = (sums.log() - near).mean()
        share = sums.reciprocal_().cumsum(1).gather(1, last).mul_(weights)
    else:
        sums = near.flip(1).logcumsumexp(1).flip(1).gather(1, first)
        loss = (sums - near).mean()
        share = near.add_((-sums).logcumsumexp(1).gather(1, last)).exp_()
    slope = torch.zeros_like(logits).scatter_(1, order, share.sub_(1.0).div_(share.numel()))
    return loss, slope


def _distances(points: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch batch"]:
    """Euclidean distances; 0 on the diagonal and wherever rounding alone tells two points apart."""
    squares = points.square().sum(dim=1)
    both = squares[:, None] + squares
    apart = torch.addmm(both, points, points.T, alpha=-2.0)
    return apart.masked_fill_(apart <= _SAME * both, 0.0).fill_diagonal_(0.0).sqrt_()


def _tie_ends(
    ranked: Float[Tensor, "batch others"],
) -> tuple[Int[Tensor, "batch others"], Int[Tensor, "batch others"]]:
    """Where, in its sorted row, the group of equal distances around each element begins and ends."""
    place = torch.arange(ranked.shape[1], device=ranked.device).expand(ranked.shape)
    differs = ranked[:, 1:] != ranked[:, :-1]
    edge = torch.ones_like(ranked[:, :1], dtype=torch.bool)
    first = place.where(torch.cat([edge, differs], dim=1), 0).cummax(1).values
    last = place.where(torch.cat([differs, edge], dim=1), ranked.shape[1]).flip(1).cummin(1).values.flip(1)
    return first, last


def _at_least_float32(values: Tensor) -> Tensor:
    if values.dtype == torch.float32 or values.dtype == torch.float64:
        return values
    return values.float() if values.is_floating_point() else values.double()


def _check(embeddings: Tensor, targets: Tensor, temperature: float) -> None:
    if targets.ndim not in (1, 2) or len(targets) != len(embeddings):
        what = f"targets of shape {tuple(targets.shape)} do not fit {len(embeddings)} embeddings"
        raise ConfigError("CONFLICT", what, "give one label, or one row of labels, an embedding", where="targets")
    if len(embeddings) < 2:
        what = f"{len(embeddings)} embedding(s) make no pair"
        raise ConfigError("OUT_OF_RANGE", what, "give at least 2", where="embeddings")
    if not 0 < temperature < math.inf:
        raise ConfigError("OUT_OF_RANGE", f"{temperature} is not above 0", "give e.g. 1", where="temperature")
