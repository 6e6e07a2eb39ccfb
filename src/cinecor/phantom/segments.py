"""The parts of the left ventricle's wall by the numbers of the American Heart Association, and how each moves.

Equal thirds of the long axis, from the mitral plane to the end of the cavity, make six basal, six middle, four apical
segments; 17, the cap beyond the cavity, has no endocardium and is not looked at. Around the long axis the basal and
middle segments span 60°, the apical ones 90°. Segment 1 is anterior, and the numbers run by way of the septum.

Source: Cerqueira et al., Circulation 105:539, 2002, figures 3 and 4. That motion of the endocardium by segment shows an
infarct: Kiranyaz et al., IEEE Access 8:210301, 2020, the paper of HMC-QU.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Float

from cinecor.phantom.anatomy import Heart, State, endocardium, state, stretch
from cinecor.phantom.views import ANTERIOR

SAMPLES = 15  # along each side of a segment
LAZY = 0.5
"""A segment is infarcted whose endocardium comes inward by less than this part of what it would in the same heart
without a region that moves less: same volumes, same wall."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A part of the wall: levels from mitral plane (0) to the end of the cavity (1), angles in rad."""

    number: int
    levels: tuple[float, float]
    angle: float
    """Of its middle; 0 is where the four-chamber plane cuts the lateral wall."""
    half_width: float


def _ring(first: int, count: int, levels: tuple[float, float]) -> list[Segment]:
    width = 2.0 * math.pi / count
    return [
        Segment(number=first + place, levels=levels, angle=ANTERIOR + place * width, half_width=0.5 * width)
        for place in range(count)
    ]


SEGMENTS = {
    segment.number: segment
    for segment in (
        *_ring(1, 6, (0.0, 1.0 / 3.0)),
        *_ring(7, 6, (1.0 / 3.0, 2.0 / 3.0)),
        *_ring(13, 4, (2.0 / 3.0, 1.0)),
    )
}
IN_A4C = (3, 9, 14, 16, 12, 6)
"""From the septal base by way of the apex to the lateral base."""
IN_A2C = (4, 10, 15, 13, 7, 1)
"""From the inferior base by way of the apex to the anterior base."""


def infarcted(heart: Heart) -> dict[int, bool]:
    """Which of the 16 segments come inward by less than ``LAZY`` of what they would if the wall moved evenly."""
    return {number: moved < LAZY for number, moved in motions(heart).items()}


def motions(heart: Heart) -> dict[int, float]:
    """Inward motion of each segment over that in the same heart if its wall moved evenly: 1 without a lazy region."""
    even = inward_mm(replace(heart, lazy=None))
    return {number: moved / even[number] for number, moved in inward_mm(heart).items()}


def inward_mm(heart: Heart) -> dict[int, float]:
    """How far the endocardium of each segment comes towards the long axis from end-diastole to end-systole."""
    ed, es = (_radii_mm(heart, state(heart, phase)) for phase in (0.0, heart.timing.systole))
    return dict(zip(SEGMENTS, (ed - es).tolist(), strict=True))


def _radii_mm(heart: Heart, now: State) -> Float[np.ndarray, " segment"]:
    """Mean distance of each segment's endocardium from the long axis."""
    level, angle = _grid()
    return np.asarray((endocardium(heart, now, level, angle) * stretch(now, angle)).mean(axis=(1, 2)))


@cache
def _grid() -> tuple[Float[np.ndarray, "segment level angle"], Float[np.ndarray, "segment level angle"]]:
    share = (np.arange(SAMPLES) + 0.5) / SAMPLES
    grids = [
        np.meshgrid(
            each.levels[0] + (each.levels[1] - each.levels[0]) * share,
            each.angle + each.half_width * (2.0 * share - 1.0),
            indexing="ij",
        )
        for each in SEGMENTS.values()
    ]
    return np.stack([level for level, _ in grids]), np.stack([angle for _, angle in grids])
