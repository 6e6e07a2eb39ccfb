"""The atrioventricular valves: each leaflet is a curve from its hinge on the annulus to its tip, extruded across."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cinecor.phantom.anatomy import Heart, State, epicardium, rv_shape

NODES = 9
_T = np.linspace(0.0, 1.0, NODES)[:, None]


def leaflet_nodes(
    heart: Heart, now: State, *, mitral: bool
) -> tuple[Float[np.ndarray, "nodes 2"], Float[np.ndarray, "nodes 2"]]:
    """The septal (anterior) and lateral (posterior) leaflet in the plane y = 0, hinge first: (x - sway, z) in mm."""
    if mitral:
        septal, lateral, plane = -now.a, now.a, now.mitral_z
        meet, tent, opened = heart.coaptation, heart.tenting, now.mitral
    else:
        lateral = -now.a * float(epicardium(heart, now, np.asarray([0.06]), np.asarray([np.pi]))[0])
        plane = now.tricuspid_z
        septal = lateral - now.rv_width * float(rv_shape(heart, now, np.asarray([plane]), np.asarray([np.pi]))[0])
        meet, tent, opened = 0.1, heart.tenting, now.tricuspid
    middle, half = 0.5 * (septal + lateral), 0.5 * (lateral - septal)
    meeting = np.asarray([middle + meet * half, plane - tent])
    return (
        draw_leaflet(np.asarray([septal, plane]), meeting, opened, 1.0),
        draw_leaflet(np.asarray([lateral, plane]), meeting, opened, -1.0),
    )


def draw_leaflet(
    hinge: Float[np.ndarray, " 2"], meeting: Float[np.ndarray, " 2"], opened: float, side: float
) -> Float[np.ndarray, "nodes 2"]:
    """A quadratic Bézier curve; ``side`` +1 hinges at the left of the orifice. Opening turns it towards the apex."""
    reach = meeting - hinge
    length = float(np.hypot(*reach)) + 3.0  # 3 mm of overlap where the leaflets meet
    closed = float(np.arctan2(-reach[1], side * reach[0]))
    turn = closed + opened * (1.35 - closed)
    tip = hinge + length * np.asarray([side * np.cos(turn), -np.sin(turn)])
    if opened < 0.02:
        tip = meeting + np.asarray([0.0, -2.0])
    sag = 0.18 * length * (1.0 - 2.0 * opened)  # domes towards the atrium when open, towards the ventricle when shut
    middle = 0.5 * (hinge + tip) + sag * np.asarray([-side * np.sin(turn), -np.cos(turn)])
    curve = (1 - _T) ** 2 * hinge + 2 * (1 - _T) * _T * middle + _T**2 * tip
    return np.asarray(curve)


def leaflet_scale(now: State, y: Float[np.ndarray, " some"]) -> Float[np.ndarray, " some"]:
    """Width of the orifice at ``y`` over its width in the middle."""
    return np.sqrt(np.clip(1.0 - (y / now.b) ** 2, 0.0, 1.0))
