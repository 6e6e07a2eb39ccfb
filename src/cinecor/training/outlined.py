"""Ejection fraction of whole loops from the outlines that a network draws on every frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8

from cinecor.clips import Cache, cut
from cinecor.errors import InputError
from cinecor.measures import volume_curve
from cinecor.records import ClipSpec, Study
from cinecor.training.prediction import Said
from cinecor.training.task import Task

TOGETHER = 32  # frames


def predict_beats(
    task: Task,
    studies: Sequence[Study],
    cache: Cache,
    spec: ClipSpec,
    target: str,
    device: torch.device,
    check: Callable[[], None] = lambda: None,
) -> Iterator[Said]:
    """EF of every beat of every loop, from its ED frame on; a loop whose outlines cannot be measured, or are not
    steady, has none: its interval would be that of other loops.

    Args:
        task: a dense network on ``device``; is left in evaluation mode.
        studies: whose frames the cache holds.
        cache: prepared frames.
        spec: how they are normalised.
        target: label to give beside each value.
        device: where to compute.
        check: called after each loop; may raise to end early.
    """
    task.eval()
    for study in studies:
        for index, cine in enumerate(study.cines):
            maps = outline_frames(task, cache.frames(study.id, index), spec, device)
            times = None if cine.times_ms is None else np.asarray(cine.times_ms, dtype=np.float64)
            try:
                curve = volume_curve(maps, None, times)
            except InputError:
                continue
            if curve.doubt or not curve.steady:
                continue
            targets = {target: float(study.labels[target])}
            for (start, _), value in zip(curve.phases, curve.ejection_fractions, strict=True):
                yield Said(study.id, index, start, value, targets)
        check()


@torch.no_grad()
def outline_frames(
    task: Task, frames: UInt8[np.ndarray, "time channel height width"], spec: ClipSpec, device: torch.device
) -> Float[np.ndarray, "time height width"]:
    """Probability of each pixel of each frame to lie in the left ventricle."""
    parts = []
    for start in range(0, len(frames), TOGETHER):
        indices = np.arange(start, min(start + TOGETHER, len(frames)))
        clip = torch.from_numpy(cut(frames, indices, spec))[None].to(device)
        parts.append(task(clip)[0, 0].sigmoid().cpu().numpy())
    return np.concatenate(parts)
