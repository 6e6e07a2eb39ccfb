"""LV volume over the frames of a loop from a map of the cavity on each frame, and the ejection fraction of its beats.

Frame by frame, the volume by single-plane summation of discs. Frames whose outline is missing or broken stand out of
their neighbours: a running median takes them away. Beats are found in that curve, and each has its own ejection
fraction; a loop without a whole beat has that of nearly its largest and smallest volume.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from jaxtyping import Bool, Float

from cinecor.errors import InputError
from cinecor.measures.cardiac_cycle import Beats, find_beats
from cinecor.measures.outline import outline_probability
from cinecor.measures.volume import disc_volume_ml

MEDIAN_MS = 130.0  # a broken outline lasts for less than half of this, a systole for twice as long
SMOOTH_MS = 140.0  # over so long a parabola is fitted: the rounding at the turns of the curve stays whole
EXTREMES = (5.0, 95.0)  # percentiles that stand for ES and ED where no beat is whole: single frames may be wrong
LEAST_FRAMES = 3  # of either window, and where the times are unknown
LEAST_FOUND = 0.7  # part of the frames that must show the cavity
LEAST_SWING = 0.03  # of the largest volume: less is noise of the outline
JUMP_PERCENTILE, STEADY, LARGEST_JUMP = 90.0, 0.05, 0.2
"""One frame in ten may lie so far, as a part of its volume, off the running median. Of 64 synthetic validation loops
(the 14 worst and 50 of the rest) the 10 beyond the first were off by 12 points of EF in the median, the others by 1.3:
such a loop is not calibrated on, and is warned of. Beyond the second nothing is measured."""
NO_BEATS = Beats(ed=(), es=(), beats=(), heart_rate_bpm=None)


@dataclass(frozen=True, kw_only=True, eq=False)
class VolumeCurve:
    """How the volume of one ventricle goes."""

    volumes: Float[np.ndarray, " time"]
    """mL where the pixels have a size, else pixels cubed; smooth, without gaps."""
    found: Bool[np.ndarray, " time"]
    """Frames that have an outline of their own."""
    beats: Beats
    jump: float
    """How far single frames lie off the running median, as a part of it: the 90th percentile."""

    @property
    def steady(self) -> bool:
        """Whether the outlines hold still enough for an interval to be trusted."""
        return self.jump <= STEADY

    @property
    def doubt(self) -> str:
        """Why nothing should be measured on these outlines; empty where it can be."""
        found, frames = int(self.found.sum()), len(self.found)
        if found < LEAST_FOUND * frames:
            return f"a left ventricle was found in {found} of {frames} frames only"
        if self.jump > LARGEST_JUMP:
            return f"its outline jumps from frame to frame (by {100 * self.jump:.0f} % of the volume)"
        if np.ptp(self.volumes) < LEAST_SWING * self.volumes.max():
            return "nothing beats in this loop"
        return ""

    @property
    def phases(self) -> tuple[tuple[int, int], ...]:
        """ED and ES frame of each whole beat; of the fullest and emptiest frame where there is none."""
        whole = tuple((ed, es) for ed, es, _ in self.beats.beats)
        return whole or ((int(np.argmax(self.volumes)), int(np.argmin(self.volumes))),)

    @property
    def levels(self) -> tuple[tuple[float, float], ...]:
        """ED and ES volume of each of the ``phases``; without a whole beat, nearly the largest and smallest volume."""
        if not self.beats.beats:
            es, ed = np.percentile(self.volumes, EXTREMES).tolist()
            return ((ed, es),)
        return tuple((float(self.volumes[ed]), float(self.volumes[es])) for ed, es in self.phases)

    @property
    def ejection_fractions(self) -> tuple[float, ...]:
        """EF of each of the ``phases``, percent."""
        return tuple(100.0 * (1.0 - es / ed) for ed, es in self.levels)


def volume_curve(
    probabilities: Float[np.ndarray, "time height width"],
    spacing_mm: tuple[float, float] | None = None,
    times_ms: Float[np.ndarray, " times"] | None = None,
) -> VolumeCurve:
    """The volume of a cavity on every frame of an apical loop.

    Args:
        probabilities: of each pixel to be of the cavity (0 and 1 for masks).
        spacing_mm: height and width of a pixel; without it volumes are relative and EF is the same.
        times_ms: of the frames.

    Raises:
        InputError: EMPTY where no frame shows a cavity, or there are fewer than five frames; INCONSISTENT for times
            that do not fit.
    """
    raw = np.array([_volume(frame, spacing_mm) for frame in probabilities], dtype=np.float64)
    found = np.isfinite(raw)
    if not found.any():
        raise InputError("EMPTY", "no frame shows the cavity")
    places = np.arange(len(raw))
    whole = np.interp(places, places[found], raw[found])
    frame_ms = None if times_ms is None or len(times_ms) < 2 else float(times_ms[-1] - times_ms[0]) / (len(raw) - 1)
    calm = scipy.ndimage.median_filter(whole, _window(MEDIAN_MS, frame_ms), mode="nearest")
    window = min(_window(SMOOTH_MS, frame_ms), len(calm) - 1 + len(calm) % 2)
    smooth = np.asarray(scipy.signal.savgol_filter(calm, window, 2)) if window > LEAST_FRAMES else calm
    volumes = np.clip(smooth, raw[found].min(), raw[found].max())
    jump = float(np.percentile(np.abs(whole - calm) / calm, JUMP_PERCENTILE))
    return VolumeCurve(volumes=volumes, found=found, beats=find_beats(calm, times_ms), jump=jump)


def _volume(frame: np.ndarray, spacing_mm: tuple[float, float] | None) -> float:
    """Volume from one frame, NaN without an outline that has one."""
    try:
        return disc_volume_ml(outline_probability(frame), spacing_mm or (10.0, 10.0))  # 1 cm: mL is px³
    except InputError:
        return np.nan


def _window(duration_ms: float, frame_ms: float | None) -> int:
    """Frames, odd."""
    if frame_ms is None:
        return LEAST_FRAMES
    return max(LEAST_FRAMES, 2 * int(duration_ms / frame_ms / 2) + 1)
