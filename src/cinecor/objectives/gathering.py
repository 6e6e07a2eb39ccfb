"""One batch of what several processes hold, so that a loss over pairs sees the pairs between them, too."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, distributed


def gather_across(
    embeddings: Float[Tensor, "batch feature"], targets: Tensor, group: Any = None
) -> tuple[Float[Tensor, "whole feature"], Tensor]:
    """Embeddings and targets of all processes, in the order of their ranks; the same pair in every process.

    Gradients flow back to the process that made an embedding, summed over the processes' losses. Where every process
    computes the same loss of the whole batch, that sum is ``processes`` times the gradient of the loss, and the mean
    over processes that ``DistributedDataParallel`` takes of the parameters' gradients is that of the loss: a training
    on several GPUs is that of one GPU with the whole batch.

    Args:
        embeddings: of this process; numbers may differ from process to process.
        targets: ``batch`` or ``batch label``; no gradient flows to them.
        group: of processes; all of them where None.

    Returns:
        Both as they are where there is no other process.
    """
    if not distributed.is_available() or not distributed.is_initialized() or distributed.get_world_size(group) == 1:
        return embeddings, targets
    counts = _counts(embeddings, group)
    whole: Tensor = _Gathered.apply(embeddings, counts, group)
    return whole, _gather(targets.detach(), counts, group)


class _Gathered(torch.autograd.Function):
    """All processes' rows; backward, each process gets the sum of what all of them say of its own rows.

    Like torch.distributed.nn.functional.all_gather, which needs equal numbers of rows in every process.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Float[Tensor, "batch feature"], counts: list[int], group: Any
    ) -> Float[Tensor, "whole feature"]:
        """The rows of all."""
        ctx.counts, ctx.group = counts, group
        return _gather(rows, counts, group)

    @staticmethod
    def backward(ctx: Any, *outer: Float[Tensor, "whole feature"]) -> tuple[Tensor, None, None]:
        """The gradient of this process's rows."""
        summed = outer[0].contiguous().clone()
        distributed.all_reduce(summed, group=ctx.group)
        return torch.split(summed, ctx.counts)[distributed.get_rank(ctx.group)], None, None


def _counts(rows: Tensor, group: Any) -> list[int]:
    own = torch.tensor([len(rows)], device=rows.device)
    every = [torch.empty_like(own) for _ in range(distributed.get_world_size(group))]
    distributed.all_gather(every, own, group=group)
    return torch.cat(every).tolist()


def _gather(rows: Tensor, counts: list[int], group: Any) -> Tensor:
    padded = rows.new_zeros((max(counts), *rows.shape[1:]))  # collectives want the same shape everywhere
    padded[: len(rows)] = rows
    every = [torch.empty_like(padded) for _ in counts]
    distributed.all_gather(every, padded, group=group)
    return torch.cat([part[:count] for part, count in zip(every, counts, strict=True)])
