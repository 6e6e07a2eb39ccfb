"""What is measured on the structures that a network outlines: of a stack at ED and ES, of another loop beat by beat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, UInt8

from cinecor.clips import Cache, cut
from cinecor.errors import InputError
from cinecor.measures import volume_curve
from cinecor.records import LV, ClipSpec, Study
from cinecor.training.prediction import Said
from cinecor.training.stacks import Keep, is_stack, predict_stack
from cinecor.training.task import Task

TOGETHER = 32  # frames


def predict_outlined(
    task: Task,
    studies: Sequence[Study],
    cache: Cache,
    spec: ClipSpec,
    structures: Sequence[str],
    device: torch.device,
    check: Callable[[], None] = lambda: None,
    keep: Keep | None = None,
) -> Iterator[Said]:
    """EF of every stack, or of every beat of every other loop.

    Args:
        task: a dense network on ``device``; is left in evaluation mode.
        studies: whose frames the cache holds.
        cache: prepared frames.
        spec: how they are normalised.
        structures: of the network's outputs; the left ventricle is one of them.
        device: where to compute.
        check: called after each study; may raise to end early.
        keep: is given the labels of each stack.
    """
    task.eval()
    for study in studies:
        if is_stack(study):
            yield from predict_stack(task, study, cache, spec, structures, device, keep)
        else:
            yield from predict_beats(task, study, cache, spec, structures.index(LV), device)
        check()


def predict_beats(
    task: Task, study: Study, cache: Cache, spec: ClipSpec, output: int, device: torch.device
) -> Iterator[Said]:
    """EF of every beat of every loop, from its ED frame on; a loop whose outlines cannot be measured, or are not
    steady, has none: its interval would be that of other loops.

    Args:
        task: a dense network on ``device``, in evaluation mode.
        study: whose frames the cache holds.
        cache: prepared frames.
        spec: how they are normalised.
        output: which of the network's is the left ventricle.
        device: where to compute.
    """
    for index, cine in enumerate(study.cines):
        maps = outline_frames(task, cache.frames(study.id, index), spec, device, output)
        times = None if cine.times_ms is None else np.asarray(cine.times_ms, dtype=np.float64)
        try:
            curve = volume_curve(maps, None, times)
        except InputError:
            continue
        if curve.doubt or not curve.steady:
            continue
        for (start, _), value in zip(curve.phases, curve.ejection_fractions, strict=True):
            yield Said(study.id, index, start, value, {"ef": float(study.labels["ef"])})


@torch.no_grad()
def outline_frames(
    task: Task,
    frames: UInt8[np.ndarray, "time channel height width"],
    spec: ClipSpec,
    device: torch.device,
    output: int = 0,
) -> Float[np.ndarray, "time height width"]:
    """Probability of each pixel of each frame to lie in one structure."""
    parts = []
    for start in range(0, len(frames), TOGETHER):
        indices = np.arange(start, min(start + TOGETHER, len(frames)))
        clip = torch.from_numpy(cut(frames, indices, spec))[None].to(device)
        parts.append(task(clip)[0, output].sigmoid().cpu().numpy())
    return np.concatenate(parts)
