"""Ejection fraction from the outline of the left ventricle on every frame of a loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cinecor.clips import find_sector, prepare
from cinecor.clips.preparation import Square, prepare_located
from cinecor.clips.sector import Sector
from cinecor.errors import InputError
from cinecor.inference.familiarity import judge
from cinecor.inference.finding import Finding
from cinecor.inference.loop import PICTURE, refuse_colour, summarise
from cinecor.inference.predictor import Predictor
from cinecor.measures import VolumeCurve, volume_curve
from cinecor.measures.outline import outline_probability
from cinecor.records import Cine, CineSummary, ClipSpec, Curve, Frames, Measurement, Picture

SIZES = (0.005, 0.35)  # part of the square around the sector; synthetic ventricles fill 0.02 to 0.2
OUTLINE = (255, 196, 0)  # RGB: stands out from grey tissue, for every kind of colour vision
NO_SIZE = ("volumes", "the file does not say how large its pixels are")
DISCS = "single-plane summation of discs on the network's outlines, mean over beats; without an interval"


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlined:
    """A loop whose ventricle is outlined on its frames well enough to be measured."""

    cine: Cine
    index: int
    recorded: Frames
    sector: Sector
    maps: Float[np.ndarray, "time tall wide"]
    """Probability of each pixel of the prepared frames."""
    curve: VolumeCurve
    sized: bool
    """Whether the volumes are mL."""
    summary: CineSummary
    warnings: tuple[str, ...]


def measure_outlines(predictor: Predictor, cine: Cine, index: int, recorded: Frames) -> Finding:
    """EF of each beat from the network's outlines; volumes too where the pixels have a size.

    Raises:
        InputError: NOT_RECOGNISED without an ultrasound sector; UNSUPPORTED for colour Doppler; INCONSISTENT for times
            that do not fit the frames.
    """
    outlined = outline_loop(predictor, cine, index, recorded)
    return outlined if isinstance(outlined, Finding) else describe(predictor, outlined)


def outline_loop(predictor: Predictor, cine: Cine, index: int, recorded: Frames) -> Outlined | Finding:
    """The ventricle's outline on every frame, or a finding that says why none can be relied on.

    Raises:
        InputError: as for ``measure_outlines``.
    """
    sector = find_sector(recorded, cine.region)
    refuse_colour(sector)
    prepared = prepare_located(recorded, cine, predictor.spec, sector, predictor.mask)
    summary = summarise(cine, index, len(recorded))
    maps, embeddings = predictor.outlines(prepared.frames)
    refused, warned = judge(predictor.novelty, embeddings, index)
    if refused:
        return Finding(summary=summary, reason=refused)
    spacing = _spacing(cine, prepared.square, predictor.spec)
    curve = _curve(maps, spacing, cine)
    if curve is None:
        return Finding(summary=summary, reason="no left ventricle was found")
    doubt = _doubt(maps, curve)
    if doubt:
        return Finding(summary=summary, reason=doubt)
    return Outlined(
        cine=cine,
        index=index,
        recorded=recorded,
        sector=sector,
        maps=maps,
        curve=curve,
        sized=spacing is not None,
        summary=_with_beats(summary, curve),
        warnings=tuple(text for text in (warned, _unsteady(curve, index)) if text),
    )


def describe(predictor: Predictor, outlined: Outlined) -> Finding:
    """What the outlines of a loop say: EF of each beat, volumes, pictures, the volume over time."""
    curve, index, sized = outlined.curve, outlined.index, outlined.sized
    return Finding(
        summary=outlined.summary,
        values=tuple((ed, ef) for ed, ef in _corrected(predictor, curve)),
        details=(*_beats(predictor, curve, index), *(_volumes(curve, index) if sized else ())),
        missing=() if sized else (NO_SIZE,),
        warnings=outlined.warnings,
        pictures=_pictures(outlined, predictor.spec),
        curves=_curves(outlined.cine, curve, index, sized=sized),
    )


def draw_outlines(
    outlined: Outlined, spec: ClipSpec, frames: Sequence[int], thickness: int = 1
) -> list[UInt8[np.ndarray, "height width 3"]]:
    """Frames of the loop, larger than the network sees them, with their outlines."""
    large = replace(spec, height=PICTURE, width=PICTURE, channels=3, mask="", mean=(0.0,), std=(255.0,))
    shown = prepare(outlined.recorded[list(frames)], outlined.cine, large, outlined.sector).transpose(0, 2, 3, 1)
    return [_draw(pixels, outlined.maps[frame], thickness) for frame, pixels in zip(frames, shown, strict=True)]


def _unsteady(curve: VolumeCurve, index: int) -> str:
    if curve.steady:
        return ""
    return f"loop {index}: its outline jumps by {100 * curve.jump:.0f} % from frame to frame: the interval may not hold"


def _doubt(maps: Float[np.ndarray, "time height width"], curve: VolumeCurve) -> str:
    """Why what was outlined can be no ventricle; empty where it can."""
    part = float((maps[curve.found] >= 0.5).mean())
    if not SIZES[0] <= part <= SIZES[1]:
        return f"what was outlined fills {100 * part:.1f} % of the image, which no ventricle does"
    return curve.doubt


def _curve(
    maps: Float[np.ndarray, "time height width"], spacing: tuple[float, float] | None, cine: Cine
) -> VolumeCurve | None:
    times = None if cine.times_ms is None else np.asarray(cine.times_ms, dtype=np.float64)
    try:
        return volume_curve(maps, spacing, times)
    except InputError as error:
        if error.code != "EMPTY":
            raise
        return None


def _spacing(cine: Cine, square: Square, spec: ClipSpec) -> tuple[float, float] | None:
    """Height and width of a pixel of the prepared frames, mm."""
    if cine.spacing_mm is None:
        return None
    left, top, right, bottom = square
    return cine.spacing_mm[0] * (bottom - top) / spec.height, cine.spacing_mm[1] * (right - left) / spec.width


def _corrected(predictor: Predictor, curve: VolumeCurve) -> Iterator[tuple[int, float]]:
    """ED frame and corrected EF of each beat."""
    slope, intercept = predictor.line
    for (ed, _), value in zip(curve.phases, curve.ejection_fractions, strict=True):
        yield ed, float(np.clip(intercept + slope * value, 0.0, 100.0))


def _beats(predictor: Predictor, curve: VolumeCurve, index: int) -> Iterator[Measurement]:
    if curve.beats.beats:
        for ed, value in _corrected(predictor, curve):
            yield Measurement(
                name="ef_beat", value=value, unit="%", method="this beat's outlines", clips=((index, ed),)
            )


def _volumes(curve: VolumeCurve, index: int) -> Iterator[Measurement]:
    clips = tuple((index, ed) for ed, _ in curve.phases)
    edv, esv = (float(np.mean(volumes)) for volumes in zip(*curve.levels, strict=True))
    for name, value in (("edv_ml", edv), ("esv_ml", esv), ("sv_ml", edv - esv)):
        yield Measurement(name=name, value=value, unit="mL", method=DISCS, clips=clips)


def _with_beats(summary: CineSummary, curve: VolumeCurve) -> CineSummary:
    beats = curve.beats
    whole = bool(beats.beats)
    return replace(
        summary,
        ed_frames=beats.ed if whole else tuple(ed for ed, _ in curve.phases),
        es_frames=beats.es if whole else tuple(es for _, es in curve.phases),
        beats=beats.beats,
        heart_rate_bpm=beats.heart_rate_bpm,
    )


def _pictures(outlined: Outlined, spec: ClipSpec) -> tuple[Picture, ...]:
    """ED and ES of the first beat, with the network's outlines."""
    chosen = outlined.curve.phases[0]
    names = ("End-diastole", "End-systole")
    return tuple(
        Picture(title=f"{name}, frame {frame}", pixels=pixels, cine=outlined.index)
        for name, frame, pixels in zip(names, chosen, draw_outlines(outlined, spec, chosen), strict=True)
    )


def _draw(pixels: np.ndarray, probability: Float[np.ndarray, "tall wide"], thickness: int) -> np.ndarray:
    """The picture with the outline of the map over it; as it is where the map has none."""
    drawn = np.ascontiguousarray(pixels)
    if (probability >= 0.5).any():
        scale = PICTURE / len(probability)
        points = np.rint((outline_probability(probability) + 0.5) * scale - 0.5).astype(np.int32)
        cv2.polylines(drawn, [points], isClosed=True, color=OUTLINE, thickness=thickness, lineType=cv2.LINE_AA)
    return drawn


def _curves(cine: Cine, curve: VolumeCurve, index: int, *, sized: bool) -> tuple[Curve, ...]:
    if cine.times_ms is None:
        return ()
    values = curve.volumes if sized else 100.0 * curve.volumes / curve.volumes.max()
    phases = curve.phases
    marks = {"ED": curve.beats.ed, "ES": curve.beats.es} if curve.beats.beats else {}
    marks = marks or {"ED": tuple(ed for ed, _ in phases), "ES": tuple(es for _, es in phases)}
    times, unit = np.asarray(cine.times_ms, dtype=np.float64), "mL" if sized else "% of the largest"
    return (Curve(title="LV volume", times_ms=times, values=values, unit=unit, marks=marks, cine=index),)
