"""M-mode: one scan line of a view against time, by the same beam through the same reflectors as the view itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32

from cinecor.phantom.anatomy import state
from cinecor.phantom.beam import BEAMS, SAMPLES, PolarImager
from cinecor.phantom.tissue import Material
from cinecor.phantom.view_loop import Reflectors, ViewLoop

MOMENTS = 48  # of a beat, whose lines are drawn
NEIGHBOURS = 24  # beams to each side that the point spread reaches
LOOKED_AT = (0.0, 0.12, 0.25, 0.4, 0.6)  # of a beat: tissue that is never close to the line then never is
LEVELS = {"ventricle": 0.66, "mitral": 0.88, "aorta": 1.10}
"""Height on the long axis, from apex (0) to mitral plane (1), at which a line crosses the heart."""


def beam_through(loop: ViewLoop, level: str) -> int:
    """The beam of a long-axis view that crosses the long axis at a named level."""
    plane, axes = loop.imaging.plane, loop.axes
    point = np.array([0.0, 0.0, LEVELS[level] * state(loop.body.heart, 0.0).mitral_z]) - axes[0]
    across, down = point @ axes[1] - plane.probe[0], point @ axes[2] - plane.probe[1]
    share = (np.arctan2(across, down) - plane.tilt) / plane.half_angle
    return int(np.clip(round((0.5 * share + 0.5) * (BEAMS - 1)), 4, BEAMS - 5))


def scan_lines(
    loop: ViewLoop, reflectors: Reflectors, beam: int, rng: np.random.Generator
) -> Float32[np.ndarray, "sample moment"]:
    """The envelope along a beam at ``MOMENTS`` even phases of one beat."""
    near = _beside(loop, reflectors, beam)
    imager = PolarImager(loop.imaging, rng)
    lines = np.empty((SAMPLES, MOMENTS), np.float32)
    for moment in range(MOMENTS):
        lines[:, moment] = imager.image(*near.at(moment / MOMENTS), (0.0, 0.0))[:, beam]
    return lines


def spread_out(
    lines: Float32[np.ndarray, "sample moment"], phases: Float[np.ndarray, " column"]
) -> Float32[np.ndarray, "sample column"]:
    """A column for each phase, of the moment that is nearest."""
    return lines[:, np.rint(np.mod(phases, 1.0) * MOMENTS).astype(int) % MOMENTS]


def _beside(loop: ViewLoop, reflectors: Reflectors, beam: int) -> Reflectors:
    """The reflectors that come close to a beam, which are all that it sees, and all those of leaflets."""
    plane, material = loop.imaging.plane, reflectors.material
    kept = np.zeros(len(material.tissue), bool)
    for phase in LOOKED_AT:
        across, down = (reflectors.at(phase)[0][: len(kept)] - np.array(plane.probe, np.float32)).T
        place = ((np.arctan2(across, down) - plane.tilt) / plane.half_angle * 0.5 + 0.5) * (BEAMS - 1)
        kept |= np.abs(place - beam) < NEIGHBOURS
    part = Material(tissue=material.tissue[kept], frame=material.frame[kept], coordinates=material.coordinates[kept])
    echoes = np.concatenate([reflectors.amplitudes[: len(kept)][kept], reflectors.amplitudes[len(kept) :]])
    return replace(reflectors, material=part, amplitudes=echoes)
