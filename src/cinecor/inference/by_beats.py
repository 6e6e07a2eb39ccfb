"""Ejection fraction beat by beat: a segmentation finds the systoles, a network of clips judges the clip of each.

EchoNet-Dynamic's pipeline (Ouyang and others, Nature 2020; ``measures.systole``), with what the outlines themselves say
beside it. A loop whose outlines cannot be relied on, or in whose area nothing beats, is measured on evenly spread
clips, and the report says so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from cinecor.clips import prepare
from cinecor.clips.beats import choose_beats
from cinecor.inference.by_clips import NO_VOLUMES, looked_at, measure_clips
from cinecor.inference.by_outline import Outlined, describe, draw_outlines, outline_loop
from cinecor.inference.familiarity import judge
from cinecor.inference.finding import Finding
from cinecor.inference.loop import Loop
from cinecor.inference.predictor import Predictor
from cinecor.inference.strip import side_by_side, spread
from cinecor.measures import cavity_areas
from cinecor.records import BeatEf, Cine, Curve, Frames, Measurement, Picture

NOT_BY_BEATS = "loop {index}: EF is that of evenly spread clips, not beat to beat, because {reason}"
NO_SYSTOLE = "no systole was found in the area of its outlines"
AREA = "Area of the left ventricle"


def measure_beats(predictor: Predictor, outliner: Predictor, cine: Cine, index: int, recorded: Frames) -> Finding:
    """EF of the clip around each systole, and that of the outlines.

    Args:
        predictor: of a network of clips.
        outliner: of a network of outlines.
        cine: the loop.
        index: which of its study.
        recorded: its frames.

    Raises:
        InputError: NOT_RECOGNISED without an ultrasound sector; UNSUPPORTED for colour Doppler; INCONSISTENT for times
            that do not fit the frames.
    """
    outlined = outline_loop(outliner, cine, index, recorded)
    if isinstance(outlined, Finding):
        found = measure_clips(predictor, cine, index, recorded)
        warning = NOT_BY_BEATS.format(index=index, reason=f"its outlines cannot be used ({outlined.reason})")
        return found if found.reason else replace(found, warnings=(*found.warnings, warning))
    said = describe(outliner, outlined)
    clips = choose_beats(cavity_areas(outlined.maps), cine.times_ms, predictor.spec)
    if not clips:
        found = measure_clips(predictor, cine, index, recorded)
        warning = NOT_BY_BEATS.format(index=index, reason=NO_SYSTOLE)
        return found if found.reason else _beside(replace(found, warnings=(*found.warnings, warning)), said, outlined)
    return _judge(predictor, outliner, outlined, said, clips)


def _judge(
    predictor: Predictor, outliner: Predictor, outlined: Outlined, said: Finding, clips: tuple[tuple[int, int], ...]
) -> Finding:
    loop = Loop(
        cine=outlined.cine,
        index=outlined.index,
        frames=prepare(outlined.recorded, outlined.cine, predictor.spec, outlined.sector, predictor.mask),
        starts=tuple(start for _, start in clips),
        beat_starts=(),
        beats=outlined.curve.beats,
        curve=None,
    )
    values, embeddings = predictor.values(loop.clips(predictor.spec))
    refused, warned = judge(predictor.novelty, embeddings, outlined.index)
    if refused:
        return Finding(summary=outlined.summary, reason=refused)
    efs = np.clip(values, 0.0, 100.0).tolist()
    beats = tuple(
        BeatEf(cine=outlined.index, systole=systole, start=start, ef=ef, ef_outline=_of_beat(said, outlined, systole))
        for (systole, start), ef in zip(clips, efs, strict=True)
    )
    found = Finding(
        summary=outlined.summary,
        values=tuple((beat.start, beat.ef) for beat in beats),
        details=tuple(_measurement(beat) for beat in beats),
        warnings=(warned,) if warned else (),
        pictures=(_strip(outlined, outliner), *looked_at(predictor, loop, outlined.recorded)),
        curves=_area(outlined, tuple(systole for systole, _ in clips)),
        beats=beats,
    )
    return _beside(found, said, outlined)


def _beside(found: Finding, said: Finding, outlined: Outlined) -> Finding:
    """What clips gave, with what outlines gave under names of its own."""
    details = (replace(each, name="ef_outline_beat") if each.name == "ef_beat" else each for each in said.details)
    return replace(
        found,
        summary=outlined.summary,
        details=(*found.details, *details),
        missing=tuple(each for each in (*found.missing, *said.missing) if each != NO_VOLUMES),
        warnings=tuple(dict.fromkeys((*found.warnings, *said.warnings))),
        pictures=(*said.pictures, *(each for each in found.pictures if each.strip)),
        curves=(*said.curves, *(curve for curve in found.curves if curve.title == AREA)),
        outline_ef=float(np.mean([value for _, value in said.values])),
    )


def _of_beat(said: Finding, outlined: Outlined, systole: int) -> float | None:
    """EF by outlines of the complete beat in which the systole lies."""
    for (ed, _, following), (_, value) in zip(outlined.curve.beats.beats, said.values, strict=False):
        if ed < systole < following:
            return value
    return None


def _measurement(beat: BeatEf) -> Measurement:
    method = f"the clip around this beat's systole, frame {beat.systole}"
    return Measurement(name="ef_beat", value=beat.ef, unit="%", method=method, clips=((beat.cine, beat.start),))


def _strip(outlined: Outlined, outliner: Predictor) -> Picture:
    """Frames of the first complete beat, or of the whole loop, with their outlines."""
    beats = outlined.curve.beats.beats
    frames = spread(*((beats[0][0], beats[0][2]) if beats else (0, len(outlined.maps) - 1)))
    shown = side_by_side(draw_outlines(outlined, outliner.spec, frames, thickness=2))  # it is shrunk
    title = f"Outline of the left ventricle; frames {', '.join(map(str, frames))}"
    return Picture(title=title, pixels=shown, cine=outlined.index, strip=True)


def _area(outlined: Outlined, systoles: tuple[int, ...]) -> tuple[Curve, ...]:
    """The curve in which the systoles were found; none without times."""
    if outlined.cine.times_ms is None:
        return ()
    areas = cavity_areas(outlined.maps)
    times = np.asarray(outlined.cine.times_ms, dtype=np.float64)
    values = 100.0 * areas / areas.max()
    marks = {"ES": systoles}
    index = outlined.index
    return (Curve(title=AREA, times_ms=times, values=values, unit="% of the largest", marks=marks, cine=index),)
