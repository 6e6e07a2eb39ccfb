"""When each frame of an ultrasound loop was taken, from the attributes that may say so."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any

# Between 1,000 and 1 frame a second: outside, seconds were written for milliseconds or the attribute means nothing.
MIN_FRAME_MS = 1.0
MAX_FRAME_MS = 1000.0

Times = tuple[float, ...]


def read_times(dataset: Any, frames: int) -> tuple[Times | None, tuple[str, ...]]:
    """Time of each frame from the first, ms, and notes about where it comes from.

    The first that makes sense of FrameTimeVector, FrameTime (ms), CineRate and RecommendedDisplayFrameRate (frames a
    second; DICOM PS3.3 C.7.6.5). A still has no times.

    Args:
        dataset: the pydicom header.
        frames: number of frames.
    """
    if frames < 2:
        return None, ()
    notes: list[str] = []
    for keyword, interpret in _SOURCES:
        value = dataset.get(keyword)
        if value is None or value == "":
            continue
        times = interpret(value, frames)
        if times is not None:
            return times, (*notes, f"frame times from {keyword}")
        notes.append(f"{keyword} is not plausible and was not used")
    return None, (*notes, "no frame times")


def _from_vector(value: Any, frames: int) -> Times | None:
    """FrameTimeVector (0018,1065): increments, the first of them 0; some writers leave the first one out."""
    increments = [
        float(step) for step in (value if isinstance(value, Sequence) and not isinstance(value, str) else [value])
    ]
    if len(increments) == frames - 1:
        increments = [0.0, *increments]
    if len(increments) != frames or not all(_plausible(step) for step in increments[1:]):
        return None
    return tuple(accumulate([0.0, *increments[1:]]))


def _from_step(value: Any, frames: int) -> Times | None:
    step = float(value)
    return tuple(index * step for index in range(frames)) if _plausible(step) else None


def _from_rate(value: Any, frames: int) -> Times | None:
    rate = float(value)
    return _from_step(1000.0 / rate, frames) if math.isfinite(rate) and rate > 0 else None


def _plausible(step: float) -> bool:
    return math.isfinite(step) and MIN_FRAME_MS <= step <= MAX_FRAME_MS


_SOURCES: tuple[tuple[str, Callable[[Any, int], Times | None]], ...] = (
    ("FrameTimeVector", _from_vector),
    ("FrameTime", _from_step),
    ("CineRate", _from_rate),
    ("RecommendedDisplayFrameRate", _from_rate),
)
