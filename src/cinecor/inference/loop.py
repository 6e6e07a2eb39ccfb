"""One echo loop: its clips, what the network says of each, its beats and pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float, Float32, Int64, UInt8

from cinecor.clips import cut, find_sector, prepare
from cinecor.clips.interpolation import spread
from cinecor.clips.preparation import Masking
from cinecor.clips.sampling import choose_even, choose_listed, count_starts
from cinecor.clips.sector import Sector
from cinecor.errors import InputError
from cinecor.inference.motion import fullness
from cinecor.measures import Beats, find_beats
from cinecor.records import Cine, CineSummary, ClipSpec, Curve, Frames, Picture

PICTURE = 360  # px, side of the ED and ES pictures
COLOUR_DOPPLER = (0.02, 0.6)  # coloured part of the sector: more than an ECG line, less than a tinted grey map
SHOWN_BEATS = 6  # per-beat values of one loop
NO_BEATS = Beats(ed=(), es=(), beats=(), heart_rate_bpm=None)
CURVE_NAME = "Fullness of the heart by motion"


@dataclass(frozen=True, kw_only=True, eq=False)
class Loop:
    """A loop made ready: prepared frames and where its clips start."""

    cine: Cine
    index: int
    frames: UInt8[np.ndarray, "time channel height width"]
    starts: tuple[int, ...]
    """First frames of the clips that are averaged."""
    beat_starts: tuple[int, ...]
    """First frames of the clips that stand for single beats."""
    beats: Beats
    curve: Float[np.ndarray, " time"] | None

    def clips(self, spec: ClipSpec) -> Float32[np.ndarray, "clip channel length height width"]:
        """All clips, averaged ones first."""
        return np.stack([cut(self.frames, self.row(spec, start), spec) for start in (*self.starts, *self.beat_starts)])

    def row(self, spec: ClipSpec, start: int) -> Int64[np.ndarray, " length"]:
        """Recorded frames of the clip from one of the starts."""
        ends = {ed: end for ed, _, end in self.beats.beats}
        if spec.time == "cycle" and start in ends:
            return spread(start, ends[start], spec.length)
        return choose_listed(len(self.frames), spec, (start,), self.cine.times_ms)[0]

    @property
    def summary(self) -> CineSummary:
        """What the report says of the loop."""
        base = summarise(self.cine, self.index, len(self.frames))
        return replace(
            base,
            ed_frames=self.beats.ed,
            es_frames=self.beats.es,
            beats=self.beats.beats,
            heart_rate_bpm=self.beats.heart_rate_bpm,
        )


def summarise(cine: Cine, index: int, frames: int) -> CineSummary:
    """What a report says of any loop."""
    return CineSummary(
        index=index,
        view=cine.view,
        frames=frames,
        frame_ms=cine.frame_ms,
        spacing_mm=cine.spacing_mm,
        height=cine.height or 0,
        width=cine.width or 0,
        notes=cine.notes,
    )


def refuse_colour(sector: Sector) -> None:
    """Stop where the sector holds colour Doppler.

    Raises:
        InputError: UNSUPPORTED.
    """
    if COLOUR_DOPPLER[0] < sector.colour < COLOUR_DOPPLER[1]:
        raise InputError("UNSUPPORTED", "colour (Doppler) hides the walls", "give a grey-scale loop")


def open_loop(
    cine: Cine, index: int, recorded: Frames, spec: ClipSpec, clips: int, mask: Masking | None = None
) -> Loop:
    """Cut the sector out, blank what the weights' mask leaves out, find the beats, choose the clips.

    Raises:
        InputError: NOT_RECOGNISED without an ultrasound sector; UNSUPPORTED for colour Doppler; INCONSISTENT for times
            that do not fit the frames.
    """
    sector = find_sector(recorded, cine.region)
    refuse_colour(sector)
    frames = prepare(recorded, cine, spec, sector, mask)
    beats, curve = _find_beats(frames, cine)
    even = choose_even(len(frames), spec, clips, cine.times_ms)
    last = count_starts(len(frames), spec, cine.times_ms) - 1
    beat_starts = tuple(ed for ed, _, _ in beats.beats if ed <= last)[:SHOWN_BEATS] if spec.time == "frames" else ()
    starts = tuple(int(row[0]) for row in even)
    if spec.time == "cycle" and beats.beats:
        starts = tuple(ed for ed, _, _ in beats.beats)[:clips]
    return Loop(
        cine=cine,
        index=index,
        frames=frames,
        starts=starts,
        beat_starts=beat_starts,
        beats=beats,
        curve=curve,
    )


def _find_beats(
    frames: UInt8[np.ndarray, "time channel height width"], cine: Cine
) -> tuple[Beats, Float[np.ndarray, " time"] | None]:
    if cine.frame_ms is None or cine.times_ms is None:
        return NO_BEATS, None
    curve = fullness(frames, cine.frame_ms)
    try:
        return find_beats(curve, np.asarray(cine.times_ms)), curve
    except InputError:  # too few frames for a beat: the report then shows none
        return NO_BEATS, curve


def pictures(loop: Loop, recorded: Frames, spec: ClipSpec) -> tuple[Picture, ...]:
    """The first ED frame and the ES frame that follows it, sector only, larger than the network sees them."""
    if not loop.beats.ed or not loop.beats.es:
        return ()
    ed = loop.beats.ed[0]
    es = next((frame for frame in loop.beats.es if frame > ed), loop.beats.es[0])
    large = replace(spec, height=PICTURE, width=PICTURE, channels=1, mask="", mean=(0.0,), std=(255.0,))
    shown = prepare(recorded, loop.cine, large)[[ed, es]]
    names = (("End-diastole", ed), ("End-systole", es))
    return tuple(
        Picture(title=f"{name}, frame {frame}", pixels=pixels.transpose(1, 2, 0), cine=loop.index)
        for (name, frame), pixels in zip(names, shown, strict=True)
    )


def curves(loop: Loop) -> tuple[Curve, ...]:
    """The motion curve with its ED and ES marked."""
    if loop.curve is None or loop.cine.times_ms is None:
        return ()
    marks = {"ED": loop.beats.ed, "ES": loop.beats.es}
    times = np.asarray(loop.cine.times_ms, dtype=np.float64)
    return (Curve(title=CURVE_NAME, times_ms=times, values=loop.curve, unit="0 to 1", marks=marks, cine=loop.index),)
