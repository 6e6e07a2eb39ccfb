"""Grades of image quality: the same recording through a better or a worse window.

CAMUS's grades are good, medium and poor. An echo image is poor where endocardium cannot be seen for drop-out, for
shadows of ribs and lung, for clutter and noise, or where the plane is foreshortened.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from cinecor.errors import ConfigError
from cinecor.phantom.imaging import Beam, Imaging

QUALITIES = ("any", "good", "medium", "poor")
"""``any``: as machines and windows differ, or graded where a cohort has grades. ``good``: every artefact slight and the
view true. ``medium``: artefacts that an eye looks past. ``poor``: parts of the wall are lost."""

GRADES = ("good", "medium", "poor")
SHARES = (0.35, 0.46, 0.19)  # of CAMUS's views
ALIKE = 0.5  # of patients, whose views are all of one grade because the window is theirs

_SLIGHT, _SOME = 0.3, 0.6  # of each artefact, in good and in medium images
_LEAST_GAP_MM = 12.0  # of chest wall between probe and apex, so that the sector is as wide as the apex there
_LEAST_HALF_ANGLE = math.radians(38.0)


def draw_grade(rng: np.random.Generator) -> str:
    """One of ``GRADES``, as often as in CAMUS."""
    return GRADES[int(rng.choice(len(GRADES), p=SHARES))]


def draw_grades(rng: np.random.Generator, views: int) -> tuple[str, ...]:
    """A grade for each view of one patient."""
    drawn = [draw_grade(rng) for _ in range(views)]
    return tuple(drawn[:1] * views if rng.random() < ALIKE else drawn)


def grade(drawn: Imaging, quality: str, rng: np.random.Generator) -> Imaging:
    """The same recording as a window of that quality would have it.

    Args:
        drawn: the recording as it was drawn.
        quality: one of ``QUALITIES``; ``any`` changes nothing.
        rng: for the artefacts of poor images; the other qualities draw nothing.

    Raises:
        ConfigError: OUT_OF_RANGE for a quality that there is not.
    """
    if quality not in QUALITIES:
        raise ConfigError(
            "OUT_OF_RANGE", f"{quality!r} is no image quality", f"choose of {', '.join(QUALITIES)}", where="quality"
        )
    if quality == "good":
        return _with_gain(_lessened(drawn, _SLIGHT), 0.02, -4.0)
    if quality == "medium":
        milder = _with_gain(_lessened(drawn, _SOME), 0.04, -5.0)
        beam = replace(milder.beam, shadows=drawn.beam.shadows[:1], noise=float(np.clip(milder.beam.noise, 0.02, 0.04)))
        tissues = replace(milder.tissues, posterior=_SOME * milder.tissues.posterior)
        return replace(milder, beam=beam, tissues=tissues)
    return drawn if quality == "any" else _spoilt(drawn, rng)


def _lessened(drawn: Imaging, share: float) -> Imaging:
    """That share of every artefact, no shadows, and a plane closer to the view's own."""
    plane, beam = drawn.plane, drawn.beam
    return replace(
        drawn,
        plane=replace(plane, yaw=share * plane.yaw, slope=share * plane.slope, offset=share * plane.offset),
        beam=replace(
            beam,
            shadows=(),
            attenuation=share * beam.attenuation,
            tgc=tuple(share * gain for gain in beam.tgc),
            edge_loss=share * beam.edge_loss,
            near_clutter=share * beam.near_clutter,
            reverberation=share * beam.reverberation,
            haze=share * beam.haze,
            noise=share * beam.noise,
        ),
        drift_mm=share * drawn.drift_mm,
        breathing_mm=share * drawn.breathing_mm,
    )


def _with_gain(drawn: Imaging, most_blood: float, least_gain_db: float) -> Imaging:
    display, tissues = drawn.display, drawn.tissues
    return replace(
        drawn,
        display=replace(display, gain_db=max(display.gain_db, least_gain_db)),
        tissues=replace(tissues, blood=min(tissues.blood, most_blood)),
    )


def _spoilt(drawn: Imaging, rng: np.random.Generator) -> Imaging:
    """Lung covers one side, a rib the middle; noise and haze fill the cavity, walls along the beam drop out."""
    beam, display, tissues = drawn.beam, drawn.display, drawn.tissues
    side = float(rng.choice([-1.0, 1.0]))
    lung = (side * float(rng.uniform(0.8, 1.0)), float(rng.uniform(0.3, 0.5)), float(rng.uniform(0.02, 0.1)), 0.0)
    rib = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(0.08, 0.2)), float(rng.uniform(0.1, 0.35)), 0.0)
    spoilt = Beam(
        axial=beam.axial * 1.15,
        lateral=beam.lateral * 1.25,
        spread=max(beam.spread, 0.9),
        focus=beam.focus,
        attenuation=float(rng.uniform(0.3, 0.8)),
        tgc=beam.tgc,
        edge_loss=max(beam.edge_loss, float(rng.uniform(0.6, 0.9))),
        shadows=(*beam.shadows, lung, rib),
        near_clutter=max(beam.near_clutter, float(rng.uniform(0.8, 2.5))),
        near_depth=max(beam.near_depth, 0.06),
        reverberation=beam.reverberation,
        haze=max(beam.haze, float(rng.uniform(0.07, 0.15))),
        noise=max(beam.noise, float(rng.uniform(0.045, 0.09))),
        specular=1.0,
    )
    return replace(
        drawn,
        beam=spoilt,
        display=replace(display, gain_db=float(np.clip(display.gain_db - rng.uniform(0.0, 4.0), -9.0, -1.0))),
        tissues=replace(tissues, blood=max(tissues.blood, 0.04), posterior=_SOME * tissues.posterior),
    )


def aimed(drawn: Imaging) -> Imaging:
    """The same recording by a hand that puts the whole ventricle into a wide sector, as protocols for volumes ask."""
    plane, tissues = drawn.plane, drawn.tissues
    gap = max(-plane.probe[1], _LEAST_GAP_MM)
    return replace(
        drawn,
        plane=replace(
            plane,
            probe=(_SOME * plane.probe[0], -gap),
            tilt=_SLIGHT * plane.tilt,
            half_angle=max(plane.half_angle, _LEAST_HALF_ANGLE),
            depth=plane.depth + gap + plane.probe[1],
        ),
        crop=1.0,
        # Else what lies behind the heart is so bright that the heart itself is lost in the dark.
        tissues=replace(tissues, posterior=_SOME * tissues.posterior, outside=min(tissues.outside, 0.4)),
        display=replace(drawn.display, gamma=min(drawn.display.gamma, 1.5)),
    )
