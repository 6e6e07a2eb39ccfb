"""Leaflets of all four valves as surfaces: each point by two numbers, where it lies at any phase in closed form.

The mitral leaflets are hinged on a ring that the aortic root flattens in front, and meet along a line from commissure
to commissure; the tricuspid ones lie as in ``valves``. The aortic and the pulmonary valve have three cusps each: a cusp
hangs between two commissures, its free edge meets the others along three lines when shut, and lies at the wall when
open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from cinecor.phantom.anatomy import Heart, State
from cinecor.phantom.body import Body
from cinecor.phantom.cycle import Timing, step
from cinecor.phantom.great_vessels import AORTIC_ANGLE
from cinecor.phantom.valves import draw_leaflet, leaflet_nodes, leaflet_scale

Sheet = Float[np.ndarray, "points 3"]

MITRAL_TURN = AORTIC_ANGLE + math.radians(22.0)
"""Around the long axis, of the middle of the anterior leaflet: between the root and the septum."""
RING = 0.98  # of the half-width, where the posterior leaflet is hinged
CUSP_ANGLES = (math.radians(30.0), math.radians(150.0), math.radians(270.0))
"""Of the commissures around the valve's axis."""


def semilunar(timing: Timing, phase: float) -> float:
    """How far aortic and pulmonary valve are open, 0 to 1: open while the ventricle ejects."""
    beat = phase % 1.0
    start, stop = 0.6 * timing.contraction, timing.systole
    return float(step(beat, start, start + 0.045) * (1.0 - step(beat, stop - 0.05, stop)))


def mitral_sheets(
    heart: Heart, now: State, flat: float, along: Float[np.ndarray, " some"], wide: Float[np.ndarray, " some"]
) -> tuple[Sheet, Sheet]:
    """Points of the anterior and the posterior leaflet.

    Args:
        heart: whose.
        now: its state.
        flat: distance of the anterior hinge from the long axis, mm.
        along: place of each point from hinge (0) to tip (1).
        wide: from commissure (-1) to commissure (1).
    """
    front, back = -flat, RING * now.a
    middle, half = 0.5 * (front + back), 0.5 * (back - front)
    meeting = np.array([middle + 0.12 * half, now.mitral_z - heart.tenting])
    pair = (
        draw_leaflet(np.array([front, now.mitral_z]), meeting, now.mitral, 1.0),
        draw_leaflet(np.array([back, now.mitral_z]), meeting, now.mitral, -1.0),
    )
    across = wide * 0.86 * now.b
    scale = leaflet_scale(now, across)
    found = []
    for curve in pair:
        node = np.arange(len(curve)) / (len(curve) - 1)
        reach = (np.interp(along, node, curve[:, 0]) - middle) * scale + middle
        z = (np.interp(along, node, curve[:, 1]) - now.mitral_z) * scale + now.mitral_z
        # ``reach`` grows away from the anterior hinge, which lies towards MITRAL_TURN.
        cos, sin = math.cos(MITRAL_TURN), math.sin(MITRAL_TURN)
        found.append(np.stack([now.sway - reach * cos - across * sin, -reach * sin + across * cos, z], axis=1))
    return found[0], found[1]


def tricuspid_sheets(
    heart: Heart, now: State, along: Float[np.ndarray, " some"], wide: Float[np.ndarray, " some"]
) -> tuple[Sheet, Sheet]:
    """Points of the septal and the lateral leaflet; arguments as of ``mitral_sheets``."""
    pair = leaflet_nodes(heart, now, mitral=False)
    middle = 0.5 * float(pair[0][0, 0] + pair[1][0, 0])
    across = wide * 0.9 * now.ra_a
    scale = np.sqrt(np.clip(1.0 - (0.95 * wide) ** 2, 0.0, 1.0))
    found = []
    for curve in pair:
        node = np.arange(len(curve)) / (len(curve) - 1)
        x = (np.interp(along, node, curve[:, 0]) - middle) * scale + middle + now.sway
        z = (np.interp(along, node, curve[:, 1]) - now.tricuspid_z) * scale + now.tricuspid_z
        found.append(np.stack([x, across, z], axis=1))
    return found[0], found[1]


def cusp_sheets(
    radius: float, opened: float, along: Float[np.ndarray, " some"], wide: Float[np.ndarray, " some"]
) -> tuple[Sheet, ...]:
    """Points of three cusps in the valve's own axes (two across, the third with the flow), mm.

    Args:
        radius: of the valve's ring, mm.
        opened: 0 shut, 1 open.
        along: from where a cusp is attached (0) to its free edge (1).
        wide: from commissure (-1) to commissure (1).
    """
    share = 0.5 * (wide + 1.0)
    nadir = np.sin(np.pi * share)  # a cusp is attached lowest in its middle
    low, high = 0.75 * radius * (1.0 - nadir), 0.8 * radius
    sheets = []
    for start in CUSP_ANGLES:
        angle = start + share * math.radians(120.0)
        hung = radius * np.stack([np.cos(angle), np.sin(angle)])
        inwards = np.abs(2.0 * share - 1.0)  # 1 at the commissures, 0 in the middle of the free edge
        side = np.where(share < 0.5, start, start + math.radians(120.0))
        shut = radius * inwards * np.stack([np.cos(side), np.sin(side)])
        edge = shut + opened * (0.86 * hung - shut)
        # The belly lies low; the last part rises along the line where the cusps meet.
        across = np.clip(along / 0.6, 0.0, 1.0)
        sag = 0.55 + 0.45 * opened
        rise = np.where(along < 0.6, sag * across, sag + (1.0 - sag) * (along - 0.6) / 0.4)
        flat = hung + across * (edge - hung)
        sheets.append(np.stack([flat[0], flat[1], low + rise * (high - low)], axis=1))
    return tuple(sheets)


def all_sheets(
    body: Body,
    now: State,
    opened: float,
    along: Sequence[np.ndarray],
    wide: Sequence[np.ndarray],
) -> Float[np.ndarray, "points 3"]:
    """Points of all ten leaflets and cusps, an array of ``along`` and of ``wide`` for each, (x, y, z) in mm."""
    vessels = body.vessels
    flat = max(0.30 * now.a, float(np.hypot(*vessels.valve[:2])) - 1.05 * body.torso.annulus * vessels.size)
    mitral = [
        pair[side] for side, pair in enumerate(mitral_sheets(body.heart, now, flat, along[i], wide[i]) for i in (0, 1))
    ]
    tricuspid = [
        pair[side] for side, pair in enumerate(tricuspid_sheets(body.heart, now, along[i], wide[i]) for i in (2, 3))
    ]
    semilunar_points = []
    for first, centre, direction, radius in (
        (4, vessels.valve, vessels.root_axis, body.torso.annulus),
        (7, vessels.pulmonary_valve, vessels.pulmonary_axis, body.torso.pulmonary),
    ):
        right = np.cross(direction, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(direction, right), direction])
        for cusp in range(3):
            points = cusp_sheets(radius * vessels.size, opened, along[first + cusp], wide[first + cusp])[cusp]
            rest = centre + points @ axes
            semilunar_points.append(rest + vessels.shift(rest, now))
    return np.concatenate([*mitral, *tricuspid, *semilunar_points])
