"""Rank-N-Contrast, forward and backward, against a loop over the positives and the fully vectorised form, in one run.

python benchmarks/rank_n_contrast.py [--batch 512] [--features 512] [--turns 5]

Four ways to the same loss: cinecor's; a loop over positives on the same distances; the same loop on distances by
broadcasting, which holds batch × batch × feature numbers; and, at small batches only, all pairs at once, which holds
batch³. Time: the ways take turns on one thread, and the least of several turns counts for each, by the processor's
clock. Memory: the largest sum of live tensors in one forward and backward, from the allocations that PyTorch's profiler
lists; the embeddings themselves and what stood before do not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.profiler import ProfilerActivity, profile

from cinecor.objectives import rank_n_contrast

FASTER, SMALLER, MARKED = 10.0, 10.0, 512  # marks, and the batch that they are for
CUBE = 256  # largest batch whose cube is tried: 64 MiB a tensor
Way = Callable[[Tensor, Tensor], Tensor]


def others(matrix: Tensor) -> Tensor:
    """The matrix without its diagonal, row by row."""
    count = len(matrix)
    return matrix.masked_select(~torch.eye(count, dtype=torch.bool)).view(count, count - 1)


def by_loop(distances: Tensor, labels: Tensor) -> Tensor:
    """One step for the k-th other of every row."""
    logits, apart = others(-distances), others((labels[:, None] - labels[None]).abs())
    shifted = logits - logits.amax(1, keepdim=True).detach()
    weights, loss = shifted.exp(), shifted.new_zeros(())
    for k in range(shifted.shape[1]):
        negatives = (apart >= apart[:, k : k + 1]).to(weights.dtype)
        loss = loss + ((negatives * weights).sum(1).log() - shifted[:, k]).sum()
    return loss / shifted.numel()


def loop(embeddings: Tensor, labels: Tensor) -> Tensor:
    return by_loop(torch.cdist(embeddings, embeddings), labels)


def loop_by_broadcasting(embeddings: Tensor, labels: Tensor) -> Tensor:
    return by_loop((embeddings[:, None] - embeddings[None]).norm(dim=2), labels)


def all_pairs_at_once(embeddings: Tensor, labels: Tensor) -> Tensor:
    logits = others(-torch.cdist(embeddings, embeddings))
    apart = others((labels[:, None] - labels[None]).abs())
    negatives = apart[:, None, :] >= apart[:, :, None]
    sums = logits[:, None, :].expand(negatives.shape).masked_fill(~negatives, -torch.inf).logsumexp(2)
    return (sums - logits).mean()


def step(way: Way, embeddings: Tensor, labels: Tensor) -> tuple[float, Tensor]:
    """Loss and gradient."""
    leaf = embeddings.clone().requires_grad_()
    loss = way(leaf, labels)
    loss.backward()
    assert leaf.grad is not None
    return loss.item(), leaf.grad


def peak_bytes(way: Way, embeddings: Tensor, labels: Tensor) -> int:
    """Largest sum of what is allocated and not yet freed."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        step(way, embeddings, labels)
    events = [event for event in seen.profiler.kineto_results.events() if event.name() == "[memory]"]  # type: ignore[union-attr]
    live = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def main() -> None:
    """Let the ways take turns and print what each costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    embeddings = torch.randn(options.batch, options.features, generator=generator)
    labels = (20 + 60 * torch.rand(options.batch // 2, generator=generator)).round(decimals=1).repeat(2)
    ways: dict[str, Way] = {
        "cinecor": rank_n_contrast,
        "loop over positives": loop,
        "loop, broadcast distances": loop_by_broadcasting,
    }
    if options.batch <= CUBE:
        ways["all pairs at once"] = all_pairs_at_once
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(options.turns):
        for name, way in ways.items():
            began = time.process_time()
            step(way, embeddings, labels)
            best[name] = min(best[name], time.process_time() - began)
    memory = {name: peak_bytes(way, embeddings, labels) for name, way in ways.items()}
    loss, gradient = step(rank_n_contrast, embeddings, labels)
    print(f"batch {options.batch}, {options.features} features, float32, one thread")
    print(f"{'':28}{'ms':>9}{'times':>8}{'MiB':>9}{'times':>8}{'loss apart':>12}{'gradient apart':>16}")
    for name, way in ways.items():
        theirs, their_gradient = step(way, embeddings, labels)
        apart = float((gradient - their_gradient).norm() / their_gradient.norm())
        cost = f"{1e3 * best[name]:9.0f}{best[name] / best['cinecor']:8.1f}"
        space = f"{memory[name] / 2**20:9.1f}{memory[name] / memory['cinecor']:8.1f}"
        print(f"{name:28}{cost}{space}{abs(loss - theirs) / abs(theirs):12.1e}{apart:16.1e}")
    faster = best["loop over positives"] / best["cinecor"]
    smaller = memory["loop over positives"] / memory["cinecor"]
    print(f"against the loop: {faster:.0f} times faster, 1/{smaller:.0f} of the memory", end="")
    held = "held" if faster >= FASTER and smaller >= SMALLER else "NOT HELD"
    print(f"; marks 10 and 1/10: {held}" if options.batch == MARKED else "")


if __name__ == "__main__":
    main()
