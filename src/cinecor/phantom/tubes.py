"""Vessels as tubes: round cones in a row along a smooth line, whose inside and distance have a closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cinecor.phantom.tissue import Tissue

PARTS = 4  # pieces of tube between two given points
FAR = 1e6  # mm, of points beside which no tube runs


@dataclass(frozen=True, kw_only=True, eq=False)
class Tube:
    """A vessel at rest; lengths in mm, in the heart's axes."""

    lumen: Tissue
    wall: Tissue
    nodes: Float[np.ndarray, "nodes 3"]
    radii: Float[np.ndarray, " nodes"]
    thickness: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Nearness:
    """How points lie to a group of tubes."""

    beyond: Float[np.ndarray, " points"]
    """Distance from the lumen, mm; negative within it."""
    thickness: Float[np.ndarray, " points"]
    """Of the wall of the tube that is nearest."""
    outward: Float[np.ndarray, "points 3"]
    """From that tube's axis to the point."""


def make_tube(
    lumen: Tissue,
    wall: Tissue,
    points: Float[np.ndarray, "given 3"],
    radii: Float[np.ndarray, " given"],
    thickness: float,
) -> Tube:
    """A tube through given points, smooth between them (Catmull and Rom's spline), its radius linear."""
    padded = np.concatenate([2.0 * points[:1] - points[1:2], points, 2.0 * points[-1:] - points[-2:-1]])
    share = (np.arange(PARTS) / PARTS)[:, None]
    pieces = []
    for before, start, stop, after in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            0.5
            * (
                2.0 * start
                + (stop - before) * share
                + (2.0 * before - 5.0 * start + 4.0 * stop - after) * share**2
                + (3.0 * start - 3.0 * stop + after - before) * share**3
            )
        )
    nodes = np.concatenate([*pieces, points[-1:]])
    along = np.arange(len(nodes)) / PARTS
    return Tube(
        lumen=lumen,
        wall=wall,
        nodes=nodes,
        radii=np.interp(along, np.arange(len(points)), radii),
        thickness=thickness,
    )


def approach(tubes: tuple[Tube, ...], points: Float[np.ndarray, "points 3"]) -> Nearness:
    """How every point lies to the nearest of some tubes; only points close to a tube are looked at."""
    beyond, thickness = np.full(len(points), FAR), np.zeros(len(points))
    outward = np.zeros((len(points), 3))
    for tube in tubes:
        margin = float(tube.radii.max()) + tube.thickness
        near = _boxed(points, tube.nodes.min(0) - margin, tube.nodes.max(0) + margin)
        for part in range(len(tube.nodes) - 1):
            if len(near) == 0:
                break
            ends = tube.nodes[part : part + 2]
            reach = float(tube.radii[part : part + 2].max()) + tube.thickness
            which = near[_boxed(points[near], ends.min(0) - reach, ends.max(0) + reach)]
            offset, radius = _across(points[which], ends, tube.radii[part : part + 2])
            distance = np.linalg.norm(offset, axis=1) - radius
            closer = distance < beyond[which]
            mine = which[closer]
            beyond[mine], thickness[mine], outward[mine] = distance[closer], tube.thickness, offset[closer]
    return Nearness(beyond=beyond, thickness=thickness, outward=outward)


def _boxed(
    points: Float[np.ndarray, "points 3"], low: Float[np.ndarray, " 3"], high: Float[np.ndarray, " 3"]
) -> Int[np.ndarray, " some"]:
    inside: Bool[np.ndarray, " points"] = np.ones(len(points), bool)
    for axis in range(3):
        inside &= (points[:, axis] > low[axis]) & (points[:, axis] < high[axis])
    return np.flatnonzero(inside)


def _across(
    points: Float[np.ndarray, "points 3"], ends: Float[np.ndarray, "2 3"], radii: Float[np.ndarray, " 2"]
) -> tuple[Float[np.ndarray, "points 3"], Float[np.ndarray, " points"]]:
    """From the axis of one piece to each point, and the radius there."""
    along = ends[1] - ends[0]
    place = np.clip((points - ends[0]) @ along / (along @ along + 1e-12), 0.0, 1.0)
    return points - ends[0] - place[:, None] * along, radii[0] + place * (radii[1] - radii[0])
