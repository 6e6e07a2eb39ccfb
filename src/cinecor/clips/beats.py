"""Which clip shows each beat of a loop, from the area of its ventricle on every frame."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cinecor.clips.sampling import Times, count_starts
from cinecor.measures import beat_clips, find_systoles
from cinecor.measures.systole import DISTANCE
from cinecor.records import ClipSpec

USUAL_FRAME_MS = 20.0
"""Of EchoNet-Dynamic, for whose frame rate the published distance of 20 frames was chosen."""


def choose_beats(
    areas: Float[np.ndarray, " time"], times_ms: Times, spec: ClipSpec, *, compat: bool = False
) -> tuple[tuple[int, int], ...]:
    """Systole and first frame of the clip of each beat; none where nothing beats.

    The published 20 frames between systoles are 0.4 s where the frame times are known; the systole lies in the middle
    of its clip, as the published 32 frames before it in 64 have it.

    Args:
        areas: of the ventricle on each frame of the loop, any unit.
        times_ms: of the frames, where known.
        spec: the clip.
        compat: as the published code does: 20 frames whatever the frame rate, and its trimmed range.

    Raises:
        InputError: EMPTY, INCONSISTENT for areas or times that are none; NO_TIMING where the clip needs times.
    """
    last = count_starts(len(areas), spec, times_ms) - 1
    frame_ms = None if times_ms is None or len(areas) < 2 else (times_ms[-1] - times_ms[0]) / (len(areas) - 1)
    distance = DISTANCE if compat or frame_ms is None else max(1, round(DISTANCE * USUAL_FRAME_MS / frame_ms))
    period = spec.period if spec.step_ms is None or frame_ms is None else spec.step_ms / frame_ms
    systoles = find_systoles(areas, distance=distance, compat=compat)
    return beat_clips(systoles, last, round(spec.length * period / 2))
