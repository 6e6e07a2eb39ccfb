"""Systoles in the curve of the left ventricle's area, and the clips that show their beats, as EchoNet-Dynamic has them.

The area is counted on a segmentation of every frame; its deep minima are the systoles; each beat is judged on one clip
around its systole, and EF is the mean over the beats (Ouyang and others, Nature 2020). The published code
trims the range of the curve at places ``n ** 0.05`` and ``n ** 0.95`` of the sorted areas where a share of them was
meant, 5 % and 95 %. Both are here: ``compat`` is what that code does.

``cardiac_cycle`` finds ED as well and needs no frame rate of 50 a second; this file is for the published way.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy
from jaxtyping import Float

from cinecor.errors import ConfigError, InputError

DISTANCE = 20
"""Fewest frames from one systole to the next; 0.4 s at the 50 frames a second of EchoNet-Dynamic."""
PROMINENCE = 0.5
"""How deep a systole is, as a share of the trimmed range of the areas."""
TRIM = (0.05, 0.95)
"""Shares (in ``compat`` exponents) of the sorted areas between which the range is taken."""
LEAD = 32
"""Frames from the start of a clip to its systole: half of 32 frames, every second one."""


def cavity_areas(probabilities: Float[np.ndarray, "time height width"]) -> Float[np.ndarray, " time"]:
    """Pixels of each frame that are more likely cavity than not, all of them, connected or not, as the reference."""
    return np.asarray((probabilities >= 0.5).sum(axis=(1, 2)), dtype=np.float64)


def find_systoles(
    areas: Float[np.ndarray, " time"], *, distance: int = DISTANCE, compat: bool = False
) -> tuple[int, ...]:
    """Frames of the systoles, ascending: minima of the area at least ``distance`` frames apart and deep enough.

    Deep enough is a prominence of half the trimmed range (``scipy.signal.find_peaks`` of the negative areas). So the
    first and the last frame are never a systole, of a flat minimum its middle is one, and of two that are too close the
    shallower goes. A curve without such a minimum has none; neither has, but for ``compat``, one without range.

    Args:
        areas: any unit.
        distance: frames.
        compat: trim the range as the published code does.

    Raises:
        InputError: EMPTY without frames; INCONSISTENT for areas that are not finite.
        ConfigError: OUT_OF_RANGE for a distance below 1.
    """
    if distance < 1:
        raise ConfigError("OUT_OF_RANGE", f"{distance} frames are no distance", "give at least 1", where="distance")
    least = PROMINENCE * trimmed_range(areas, compat=compat)
    if least == 0 and not compat:
        return ()
    peaks, _ = scipy.signal.find_peaks(-areas, distance=distance, prominence=least)
    return tuple(int(peak) for peak in peaks)


def trimmed_range(areas: Float[np.ndarray, " time"], *, compat: bool = False) -> float:
    """How far the sorted areas go from one of the ``trim_places`` to the other.

    Raises:
        InputError: EMPTY without frames; INCONSISTENT for areas that are not finite.
    """
    if not len(areas):
        raise InputError("EMPTY", "the curve has no frames")
    if not np.isfinite(areas).all():
        raise InputError("INCONSISTENT", "the curve holds values that are not finite")
    low, high = trim_places(len(areas), compat=compat)
    ordered = np.sort(areas)
    return float(ordered[high] - ordered[low])


def trim_places(frames: int, *, compat: bool = False) -> tuple[int, int]:
    """Places in the sorted areas between which the range is taken: 9 and 166 of 175, in ``compat`` 1 and 135.

    The upper place of a very short loop (up to 10 frames, in ``compat`` up to 5) would lie behind the last one, where
    the published code stops with an error; it is the last one here.
    """
    low, high = (round(frames**share if compat else frames * share) for share in TRIM)
    return min(low, frames - 1), min(high, frames - 1)


def beat_clips(systoles: Sequence[int], last_start: int, lead: int = LEAD) -> tuple[tuple[int, int], ...]:
    """Systole and first frame of the clip of each beat: ``lead`` frames before the systole, and inside the loop.

    A clip that would begin before the loop begins at frame 0; one that would reach beyond the loop's end begins at the
    last frame from which a clip fits (a loop shorter than a clip has one start, and so one beat). Of beats that would
    be judged on the same clip the first one stays: a mean must not count one clip twice.

    Args:
        systoles: frames, ascending.
        last_start: last frame from which a clip may start.
        lead: frames.
    """
    found: dict[int, int] = {}
    for systole in systoles:
        found.setdefault(min(max(systole - lead, 0), last_start), systole)
    return tuple((systole, start) for start, systole in found.items())
