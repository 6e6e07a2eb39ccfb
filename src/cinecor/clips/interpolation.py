"""A loop, or a heartbeat of it, in another number of frames: splines through time, pixel by pixel.

Splines are cubic (not-a-knot), or of as many degrees as a shorter loop allows, through frames that are taken as evenly
spaced; the first and the last frame are kept. The values of a spline are a weighted sum of those it goes through, and
the weights are the same for all pixels, so that a whole loop is one product of matrices.

Source: CoReEcho (arXiv 2403.10164) brings CAMUS's half sequences to 16 frames and HMC-QU's cycles to 12 so; it does not
say of which degree its splines are.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Int64

from cinecor.records import Frames, Study

DEGREE = 3


def resample(frames: Frames, first: int, last: int, length: int) -> Float32[np.ndarray, "channel length height width"]:
    """Frames ``first`` to ``last`` (included) as ``length`` frames in grey levels, 0 to 255, channels first."""
    chosen = frames[first : last + 1]
    weights = spline_weights(len(chosen), length)
    levels = weights @ chosen.reshape(len(chosen), -1).astype(np.float32)
    np.clip(levels, 0.0, 255.0, out=levels)  # a spline swings past an edge in time
    return levels.reshape(length, *chosen.shape[1:]).swapaxes(0, 1)


@lru_cache(maxsize=512)
def spline_weights(frames: int, length: int) -> Float32[np.ndarray, "length frames"]:
    """What each of ``frames`` counts in each of ``length`` frames spread evenly over them; read-only."""
    if frames == 1:
        weights = np.ones((length, 1))
    else:
        from scipy.interpolate import make_interp_spline  # takes a second, and most clips are no splines

        wanted = np.linspace(0, frames - 1, length)
        spline = make_interp_spline(np.arange(frames), np.eye(frames), k=min(DEGREE, frames - 1))
        weights = np.asarray(spline(wanted))
    found = weights.astype(np.float32)
    found.flags.writeable = False
    return found


def spread(first: int, last: int, length: int) -> Int64[np.ndarray, " length"]:
    """The recorded frame that each of ``length`` frames, spread evenly from ``first`` to ``last``, is nearest to."""
    return np.rint(np.linspace(first, last, length)).astype(np.int64)


def marked_cycle(study: Study, cine: int, frames: int) -> tuple[int, int]:
    """First and last frame of the heartbeat that the study's labels name for the loop's view; else those of the loop.

    The labels are ``reference_frame_a4c`` and ``end_of_cycle_a4c``, as HMC-QU has them.
    """
    view = str(study.cines[cine].view).lower()
    ends = [study.labels.get(f"{name}_{view}") for name in ("reference_frame", "end_of_cycle")]
    start, end = (int(value) if isinstance(value, int | float) else -1 for value in ends)
    return (start, end) if 0 <= start < end < frames else (0, frames - 1)
