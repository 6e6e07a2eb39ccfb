"""Apical four-chamber loops of synthetic hearts, with exact volumes and the true outline at ED and ES."""

from __future__ import annotations

import numpy as np

from cinecor.phantom.anatomy import state
from cinecor.phantom.display import make_screen
from cinecor.phantom.imaging import draw_imaging
from cinecor.phantom.loop import Loop, wander
from cinecor.phantom.overlays import dress
from cinecor.phantom.population import (
    FRAME_LIMITS,
    draw_heart,
    draw_phases,
    draw_recording,
    draw_split,
    generator,
)
from cinecor.phantom.quality import grade
from cinecor.records import Cine, Split, Study

SIZE = 112  # px, EchoNet-Dynamic's frames
NOTE = "synthetic heart"


def echo_study(
    index: int,
    seed: int,
    *,
    split: Split | None = None,
    size: int = SIZE,
    max_frames: int = FRAME_LIMITS[1],
    overlays: bool = False,
    quality: str = "any",
) -> Study:
    """One synthetic patient with one A4C loop; a pure function of its arguments.

    Args:
        index: which patient of the cohort.
        seed: which cohort.
        split: of the study; drawn (75 / 12.5 / 12.5 %) where not given.
        size: side of the square frames, px.
        max_frames: longest loop.
        overlays: put the sector on a scanner's screen (600x800, colour, ECG, text, depth marks, grey bar); the cine's
            ``region`` is then the true bounding box of the sector.
        quality: of the images (any, good, medium, poor); the hearts are the same.

    Returns:
        Labels ``ef`` (%, exact), ``edv_ml``, ``esv_ml``, ``ed_frame``, ``es_frame``, ``heart_rate_bpm``.
    """
    heart = draw_heart(seed, index)
    recording = draw_recording(seed, index, max_frames)
    imaging = draw_imaging(seed, index, state(heart, 0.0).mitral_z)
    imaging = grade(imaging, quality, generator(seed, index, "grade"))
    rng = generator(seed, index, "echo")
    phases = draw_phases(recording, heart.heart_rate, rng)
    drift = wander(imaging, recording.frame_ms, len(phases), rng)
    screen = make_screen(imaging, 480 if overlays else size)
    loop = Loop(heart=heart, imaging=imaging, screen=screen, phases=phases, drift=drift)
    frames = loop.render(rng)
    ed, es = loop.nearest(0.0), loop.nearest(heart.timing.systole)
    cine = Cine(
        source=frames[:, None],
        modality="US",
        view="A4C",
        frames=len(frames),
        height=screen.size,
        width=screen.size,
        spacing_mm=(screen.spacing_mm, screen.spacing_mm),
        times_ms=tuple(float(time) for time in np.arange(len(frames)) * recording.frame_ms),
        contours={frame: loop.outline(frame) for frame in (ed, es)},
        notes=(NOTE,),
    )
    if overlays:
        cine = dress(cine, screen, phases, rng)
    labels = {
        "ef": heart.ef,
        "edv_ml": heart.edv,
        "esv_ml": heart.esv,
        "ed_frame": ed,
        "es_frame": es,
        "heart_rate_bpm": heart.heart_rate,
    }
    return Study(id=f"{seed:04d}x{index:06d}", cines=(cine,), split=split or draw_split(seed, index), labels=labels)
