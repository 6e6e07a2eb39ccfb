"""Outline of the left ventricle in a long-axis view: long axis, chords, and an outline from a mask.

Two shapes of the same thing:

* a contour ``points 2`` (x, y): starts at one mitral hinge, passes the apex, ends at the other hinge; the mitral plane
  closes it;
* chords ``chords+1 4`` (x1, y1, x2, y2), EchoNet-Dynamic's ``VolumeTracings.csv``: row 0 is the long axis from apex to
  mitral plane, then one chord across each disc, from apex to base, at half the height of its disc.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, Integer

from cinecor.errors import InputError

DISCS = 20  # summation of 20 discs: ASE/EACVI chamber quantification 2015; EchoNet-Dynamic traces 20 chords
FINER = 8  # outline() looks between the pixels at this many steps a pixel


@dataclass(frozen=True, kw_only=True)
class LongAxis:
    """Apex and middle of the mitral plane, (x, y), in the units of the contour they were found on."""

    apex: tuple[float, float]
    base: tuple[float, float]

    @property
    def length(self) -> float:
        """Distance from apex to base."""
        return float(np.hypot(self.apex[0] - self.base[0], self.apex[1] - self.base[1]))


def long_axis(contour: Float[np.ndarray, "points 2"]) -> LongAxis:
    """The long axis of an open contour: from the point farthest from the middle of the mitral plane to that middle.

    Raises:
        InputError: INCONSISTENT for fewer than 3 points, points that are not finite, or a contour without length.
    """
    if len(contour) < 3 or not np.isfinite(contour).all():
        raise InputError("INCONSISTENT", f"a contour of {len(contour)} points does not outline a ventricle")
    base = (contour[0] + contour[-1]) / 2
    apex = contour[np.argmax(np.linalg.norm(contour - base, axis=1))]
    axis = LongAxis(apex=(float(apex[0]), float(apex[1])), base=(float(base[0]), float(base[1])))
    if axis.length == 0:
        raise InputError("INCONSISTENT", "all points of the contour are the same")
    return axis


def chords(contour: Float[np.ndarray, "points 2"], count: int = DISCS) -> Float[np.ndarray, "rows 4"]:
    """Long axis and ``count`` chords across it, as EchoNet-Dynamic records a tracing.

    Chord k crosses the axis at right angles at (k + ½)/count of its length from the apex: the middle of disc k. Where
    the outline is crossed more than twice, the chord runs between the outermost crossings.

    Args:
        contour: from one mitral hinge by way of the apex to the other.
        count: number of discs.

    Returns:
        Rows x1, y1, x2, y2: row 0 the long axis from apex to base, then the chords from apex to base, each from the
        side of the contour's first hinge to the side of its last.

    Raises:
        InputError: INCONSISTENT where the contour has no long axis or does not reach across it.
    """
    axis = long_axis(contour)
    apex, base = np.array(axis.apex), np.array(axis.base)
    along = (base - apex) / axis.length
    across = np.array([-along[1], along[0]])
    if (contour[0] - base) @ across > (contour[-1] - base) @ across:
        across = -across
    depth, side = (contour - apex) @ along, (contour - apex) @ across
    rows = [np.concatenate([apex, base])]
    ends = np.append(depth[1:], depth[0]), np.append(side[1:], side[0])
    for level in (np.arange(count) + 0.5) / count * axis.length:
        crossings = _crossings(depth - level, side, ends[0] - level, ends[1])
        if len(crossings) < 2:
            raise InputError("INCONSISTENT", "the contour does not reach across its own long axis")
        centre = apex + level * along
        rows.append(np.concatenate([centre + min(crossings) * across, centre + max(crossings) * across]))
    return np.stack(rows)


def _crossings(depth: np.ndarray, side: np.ndarray, depth_end: np.ndarray, side_end: np.ndarray) -> np.ndarray:
    """Where edges, from (depth, side) to their ends, cross depth 0."""
    cut = (depth < 0) != (depth_end < 0)
    share = depth[cut] / (depth[cut] - depth_end[cut])
    crossings: np.ndarray = side[cut] + share * (side_end[cut] - side[cut])
    return crossings


def polygon_from_chords(chords: Float[np.ndarray, "rows 4"]) -> Float[np.ndarray, "points 2"]:
    """The polygon that EchoNet-Dynamic's code fills as the LV mask: first ends of the chords, then their second ends
    backwards; row 0, the long axis, is left out.

    The polygon misses the half disc beyond the first and the last chord; ``contour_from_chords`` restores both.

    Raises:
        InputError: INCONSISTENT for fewer than two chords.
    """
    if len(chords) < 3:
        raise InputError("INCONSISTENT", f"{max(len(chords) - 1, 0)} chords do not make an outline")
    return np.concatenate([chords[1:, :2], chords[:0:-1, 2:]])


def contour_from_chords(chords: Float[np.ndarray, "rows 4"]) -> Float[np.ndarray, "points 2"]:
    """The open contour, hinge – apex – hinge, of a tracing: its chords' ends and the apex, extended to the base.

    Chords end half a disc before the mitral plane; the two hinges continue the sides straight to it.

    Raises:
        InputError: INCONSISTENT for fewer than two chords.
    """
    if len(chords) < 3:
        raise InputError("INCONSISTENT", f"{max(len(chords) - 1, 0)} chords do not make an outline")
    left, right = chords[1:, :2], chords[1:, 2:]
    hinges = 1.5 * chords[-1] - 0.5 * chords[-2]
    parts = [hinges[None, :2], left[::-1], chords[:1, :2], right, hinges[None, 2:]]
    return np.concatenate(parts)


def outline(
    mask: Bool[np.ndarray, "height width"] | Integer[np.ndarray, "height width"], label: int = 1
) -> Float[np.ndarray, "points 2"]:
    """The open contour of a mask; :func:`outline_probability` says how it is found.

    Args:
        mask: labels of the pixels.
        label: the label of the cavity.

    Raises:
        InputError: EMPTY where the mask holds no such pixel.
    """
    inside = (mask == label).astype(np.float32)
    if not inside.any():
        raise InputError("EMPTY", f"the mask has no pixel of label {label}")
    return outline_probability(inside)


def outline_probability(probability: Float[np.ndarray, "height width"]) -> Float[np.ndarray, "points 2"]:
    """The open contour, hinge – apex – hinge, of the largest piece where a map of a long-axis view reaches one half.

    The outline runs where the map, interpolated linearly, passes one half, so that it encloses (of a mask) the area of
    the pixels and not (as ``cv2.findContours`` alone does) half a pixel less all around. The long direction is the
    principal axis of the enclosed area; the apex lies at its slender end, where the third moment has its tail. Each
    hinge is the point on its side of that axis that lies farthest towards base and side together: the corner between
    wall and mitral plane.

    Args:
        probability: of each pixel to be of the cavity, 0 to 1 (0 and 1 for a mask).

    Raises:
        InputError: EMPTY where no pixel reaches one half.
    """
    count, pieces, figures, _ = cv2.connectedComponentsWithStats((probability >= 0.5).astype(np.uint8))
    if count < 2:
        raise InputError("EMPTY", "no pixel is more likely inside than outside")
    region = (pieces == 1 + np.argmax(figures[1:, cv2.CC_STAT_AREA])).astype(np.float32)
    near = cv2.dilate(region, np.ones((3, 3), np.uint8))
    ring = _ring(np.where(region > 0, probability, np.minimum(probability, 0.49)) * near)
    centre, along = _principal_axis(region)
    across = np.array([-along[1], along[0]])
    depth, side = (ring - centre) @ along, (ring - centre) @ across
    first = int(np.argmax(np.where(side < 0, depth - side, -np.inf)))
    last = int(np.argmax(np.where(side >= 0, depth + side, -np.inf)))
    rolled = np.roll(ring, -first, axis=0)
    stop = (last - first) % len(ring)
    one_way, other_way = rolled[: stop + 1], np.roll(rolled[::-1], 1, axis=0)[: len(ring) - stop + 1]
    return max(one_way, other_way, key=lambda path: float(np.max((centre - path) @ along)))


def _ring(region: np.ndarray) -> np.ndarray:
    """Closed outline (x, y) of a region, to a fraction of a pixel."""
    left, top, width, height = cv2.boundingRect((region > 0).astype(np.uint8))
    padded = np.pad(region[top : top + height, left : left + width], 1)
    size = (padded.shape[1] * FINER, padded.shape[0] * FINER)
    fine = (cv2.resize(padded, size, interpolation=cv2.INTER_LINEAR) >= 0.5).astype(np.uint8)
    found, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    longest = max(found, key=len)[:, 0].astype(np.float64)
    ring: np.ndarray = (longest + 0.5) / FINER - 1.5 + np.array([left, top])
    return ring


def _principal_axis(region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Centroid (x, y) and the unit vector along the longest spread of a region, from the slender end to the broad."""
    y, x = np.nonzero(region)
    points = np.stack([x, y], axis=1).astype(np.float64)
    centre = points.mean(axis=0)
    _, vectors = np.linalg.eigh(np.cov((points - centre).T) if len(points) > 1 else np.eye(2))
    along = vectors[:, -1] if vectors[1, -1] >= 0 else -vectors[:, -1]  # a symmetric shape keeps its apex up
    tail = np.mean(((points - centre) @ along) ** 3)
    return centre, -along if tail > 1e-6 * len(points) ** 1.5 else along
