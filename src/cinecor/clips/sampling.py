"""Which recorded frames make a clip: pure choosers of frame indices.

A clip of ``ClipSpec`` is ``length`` frames, every ``period``-th as recorded, or every ``step_ms`` by the frame times.
All choosers return one row of indices for each clip; -1 stands where the loop is too short and zeros come in. A clip
of the whole loop (``time``) is made between frames; its indices are the nearest ones.

The set of starts is the references' own: with f frames, a loop shorter than length·period counts as that long, and a
clip starts at any of the first f - (length - 1)·period frames (EchoNet-Dynamic, EchoCoTr, CoReEcho). One difference:
a start is always a recorded frame, where those would draw an empty clip from a loop shorter than its period.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Int64

from cinecor.clips.interpolation import spread
from cinecor.errors import ConfigError, InputError
from cinecor.records import ClipSpec

Indices: TypeAlias = Int64[np.ndarray, "clips length"]
Times: TypeAlias = Sequence[float] | None
"""Time of each recorded frame, ms, ascending."""

How: TypeAlias = Literal["first", "random", "even", "all", "listed", "outlined"]

ABSENT = -1
"""Index of a frame that the loop does not have."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How the clips of each loop are chosen.

    ``first`` (from frame 0), ``random`` (uniform over all starts, anew each epoch), ``even`` (spread over all starts),
    ``all`` (every ``stride``-th start), ``listed`` (the starts that ``starts`` gives for a study), ``outlined`` (from
    every frame of the loop that has an outline or a mask, or earlier where the loop would end before the clip).
    """

    how: How = "random"
    clips: int = 1
    """Clips a loop, for ``random`` and ``even``."""
    stride: int = 1
    """For ``all``."""
    starts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """First frames by study, for ``listed`` (CoReEcho publishes three for each test video)."""

    def __post_init__(self) -> None:
        for name, value in (("clips", self.clips), ("stride", self.stride)):
            if value < 1:
                raise ConfigError("OUT_OF_RANGE", f"{value} is below 1", "give at least 1", where=name)
        if self.how == "listed" and not self.starts:
            raise ConfigError("CONFLICT", "listed starts are asked for and none are given", where="starts")

    def choose(
        self,
        study: str,
        frames: int,
        times_ms: Times,
        spec: ClipSpec,
        generator: np.random.Generator,
        outlined: Sequence[int] = (),
    ) -> Indices:
        """All clips of one loop; ``outlined`` are its frames that have an outline or a mask."""
        match self.how:
            case "first":
                return choose_first(frames, spec, times_ms)
            case "random":
                return choose_random(frames, spec, generator, self.clips, times_ms)
            case "even":
                return choose_even(frames, spec, self.clips, times_ms)
            case "all":
                return choose_all(frames, spec, times_ms, self.stride)
            case "outlined":
                last = count_starts(frames, spec, times_ms) - 1
                return choose_listed(frames, spec, sorted({min(frame, last) for frame in outlined}), times_ms)
        if study not in self.starts:
            raise ConfigError("CONFLICT", "no starts are listed for this study", "list them", where=study)
        return choose_listed(frames, spec, self.starts[study], times_ms)


def as_tested(extra: Mapping[str, Any]) -> Sampling:
    """How the clips of a loop are chosen where weights are tested or used: as after their training, but for clips that
    were random or listed, which are spread evenly.

    Args:
        extra: of the weights' manifest.
    """
    if extra.get("from_first"):
        return Sampling(how="first")
    if extra.get("every_start"):
        return Sampling(how="all")
    return Sampling(how="even", clips=int(extra.get("clips_per_loop", 1)))


def count_starts(frames: int, spec: ClipSpec, times_ms: Times = None) -> int:
    """How many frames a clip may start from: frames 0 to the result - 1.

    By ``period``, as the references have it (see the module). By ``step_ms``, every start from which the loop lasts
    until the clip's last frame; only frame 0 where the loop is shorter than the clip, and where ``time`` says that a
    clip is the whole loop.

    Raises:
        InputError: EMPTY without frames; NO_TIMING when ``step_ms`` is given and times are not; INCONSISTENT when
            the times do not ascend or are not one for each frame.
    """
    if frames < 1:
        raise InputError("EMPTY", "the loop has no frames")
    if spec.time != "frames":
        return 1
    if spec.step_ms is None:
        extended = max(frames, spec.length * spec.period)
        return min(frames, extended - (spec.length - 1) * spec.period)
    times = _times(frames, times_ms)
    last_needed = times + (spec.length - 1) * spec.step_ms
    return max(1, int(np.count_nonzero(last_needed <= _end(times))))


def choose_first(frames: int, spec: ClipSpec, times_ms: Times = None) -> Indices:
    """One clip, from the first frame (what paper 000's code does)."""
    return choose_listed(frames, spec, (0,), times_ms)


def choose_random(
    frames: int, spec: ClipSpec, generator: np.random.Generator, clips: int = 1, times_ms: Times = None
) -> Indices:
    """Clips whose starts are drawn uniformly, independently of each other."""
    starts = generator.integers(count_starts(frames, spec, times_ms), size=clips)
    return _rows(frames, spec, starts, times_ms)


def choose_even(frames: int, spec: ClipSpec, clips: int, times_ms: Times = None) -> Indices:
    """Clips spread evenly from the first start to the last, or the middle one; fewer where there are fewer starts."""
    last = count_starts(frames, spec, times_ms) - 1
    places = np.linspace(0, last, clips) if clips > 1 else np.array([last / 2])
    return _rows(frames, spec, np.unique(np.floor(places + 0.5).astype(np.int64)), times_ms)


def choose_all(frames: int, spec: ClipSpec, times_ms: Times = None, stride: int = 1) -> Indices:
    """The clip of every ``stride``-th start (EchoNet-Dynamic tests on all of them)."""
    return _rows(frames, spec, np.arange(0, count_starts(frames, spec, times_ms), stride), times_ms)


def choose_listed(frames: int, spec: ClipSpec, starts: Sequence[int], times_ms: Times = None) -> Indices:
    """One clip from each of the given first frames.

    Raises:
        ConfigError: OUT_OF_RANGE for a start that is not a frame of the loop.
    """
    outside = [start for start in starts if not 0 <= start < frames]
    if outside:
        raise ConfigError("OUT_OF_RANGE", f"{outside} lie outside a loop of {frames} frames", where="starts")
    return _rows(frames, spec, np.asarray(starts, dtype=np.int64), times_ms)


def _rows(frames: int, spec: ClipSpec, starts: np.ndarray, times_ms: Times) -> Indices:
    if spec.time != "frames":
        return np.stack([spread(int(start), frames - 1, spec.length) for start in starts])
    steps = np.arange(spec.length)
    if spec.step_ms is None:
        rows: Indices = starts[:, None] + steps * spec.period
        rows[rows >= frames] = ABSENT
        return rows
    times = _times(frames, times_ms)
    wanted = times[starts][:, None] + steps * spec.step_ms
    midpoints = (times[1:] + times[:-1]) / 2
    return np.where(wanted <= _end(times), np.searchsorted(midpoints, wanted), ABSENT).astype(np.int64)


def _times(frames: int, times_ms: Times) -> np.ndarray:
    if times_ms is None:
        raise InputError(
            "NO_TIMING", "the times of the frames are unknown", "give step_ms=None to take frames as recorded"
        )
    times = np.asarray(times_ms, dtype=np.float64)
    if len(times) != frames:
        raise InputError("INCONSISTENT", f"{len(times)} frame times for {frames} frames")
    if not np.all(np.diff(times) > 0):
        raise InputError("INCONSISTENT", "the frame times do not ascend")
    return times


def _end(times: np.ndarray) -> float:
    """Until when the last frame stands for the heart: half the usual time to a next frame."""
    return float(times[-1] + (np.median(np.diff(times)) / 2 if len(times) > 1 else 0.0))
