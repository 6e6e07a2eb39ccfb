"""Wall of the left ventricle in a stack of short-axis masks: thickness, thickening and inward motion by segment.

Each slice is cut into segments of equal angle around the centre of its cavity. In a segment of angle α the cavity's
area A is that of a circle's sector, so its radius is √(2A/α); cavity and wall together give the outer radius, and the
difference of the two is the thickness. Areas are counted on pixels that are divided more finely, so that no thickness
is a whole number of pixels and no outline has to be traced.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Integer

RIGHT, MYOCARDIUM, LEFT = 1, 2, 3  # labels of a mask, as ACDC has them
SEGMENTS = 24  # of 15° each
LEVELS, SECTORS = 3, 6  # regions: base, middle and apex in six sectors, near to the AHA's 16 segments (Cerqueira 2002)
FINER = 4  # a pixel is counted as so many squared points
SMALLEST_MM = 4.0  # a cavity of a smaller radius has no segments that could be told apart
CLOSED = 0.5  # share of segments with a wall from which on a slice's wall is measured


@dataclass(frozen=True, kw_only=True, eq=False)
class Walls:
    """Radii of a stack at one phase, mm, from base to apex or the other way; NaN where there is no wall."""

    inner: Float[np.ndarray, "slice segment"]
    outer: Float[np.ndarray, "slice segment"]

    @property
    def thickness(self) -> Float[np.ndarray, "slice segment"]:
        """Radial thickness of the wall, mm."""
        return self.outer - self.inner


def trace_walls(
    volume: Integer[np.ndarray, "slice height width"],
    spacing_mm: tuple[float, float],
    start: float = 0.0,
    segments: int = SEGMENTS,
) -> Walls:
    """The wall of each slice, segment by segment.

    A slice without a cavity, with one that is too small to have segments, or whose wall surrounds less than half of it
    (above the valve) has none. Where a wall is open, the segments beside the gap are left out too: part of them is
    empty, which would look like a thin wall.

    Args:
        volume: labels 2 (myocardium) and 3 (cavity).
        spacing_mm: height and width of a pixel.
        start: angle at which segment 0 begins, radians from the x axis towards the y axis of the image.
        segments: how many.
    """
    radii = [_radii(mask, spacing_mm, start, segments) for mask in volume]
    inner, outer = (np.stack([pair[place] for pair in radii]) for place in (0, 1))
    return Walls(inner=inner, outer=outer)


def septal_angle(volume: Integer[np.ndarray, "slice height width"], spacing_mm: tuple[float, float]) -> float:
    """Direction from the middle of the left ventricle to that of the right one, radians; 0 where one is missing."""
    centres = [_centre(volume == label, spacing_mm) for label in (LEFT, RIGHT)]
    if centres[0] is None or centres[1] is None:
        return 0.0
    across, down = centres[1] - centres[0]
    return math.atan2(float(down), float(across))


def regions(
    values: Float[np.ndarray, "slice segment"], levels: int = LEVELS, sectors: int = SECTORS
) -> Float[np.ndarray, "level sector"]:
    """Means over regions: slices that have values in ``levels`` equal parts, segments in ``sectors``; NaN where none.

    Args:
        values: of each slice and segment, NaN where unknown; the number of segments a multiple of ``sectors``.
        levels: parts along the ventricle.
        sectors: parts around it.
    """
    known = values[np.isfinite(values).any(axis=1)]
    parts = [part.reshape(len(part), sectors, values.shape[1] // sectors) for part in np.array_split(known, levels)]
    return np.stack([mean_of_known(part, (0, 2)) for part in parts])


def mean_of_known(values: Float[np.ndarray, "*any"], axis: int | tuple[int, ...]) -> Float[np.ndarray, "*fewer"]:
    """Mean over axes of the values that are not NaN; NaN where there are none, without a warning."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    total = np.where(known, values, 0.0).sum(axis=axis)
    mean: np.ndarray = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


def _radii(
    mask: Integer[np.ndarray, "height width"], spacing_mm: tuple[float, float], start: float, segments: int
) -> tuple[Float[np.ndarray, " segment"], Float[np.ndarray, " segment"]]:
    """Inner and outer radius of a slice's segments."""
    none = np.full(segments, np.nan)
    cavity, wall = mask == LEFT, mask == MYOCARDIUM
    centre = _centre(cavity[None], spacing_mm)
    if centre is None or not wall.any():
        return none, none
    within, around = (_sector_areas(part, spacing_mm, centre, start, segments) for part in (cavity, wall))
    if within.sum() < math.pi * SMALLEST_MM**2:
        return none, none
    angle = 2 * math.pi / segments
    inner, outer = np.sqrt(2 * within / angle), np.sqrt(2 * (within + around) / angle)
    smallest = 0.5 * min(spacing_mm)
    open_ = outer - inner < smallest
    if open_.mean() > 1 - CLOSED:
        return none, none
    gap = open_ | np.roll(open_, 1) | np.roll(open_, -1)
    return np.where(gap, np.nan, inner), np.where(gap, np.nan, outer)


def _sector_areas(
    part: Bool[np.ndarray, "height width"],
    spacing_mm: tuple[float, float],
    centre: Float[np.ndarray, " 2"],
    start: float,
    segments: int,
) -> Float[np.ndarray, " segment"]:
    """Area of a part in each segment around a centre, mm²."""
    rows, columns = np.nonzero(part)
    steps = (np.arange(FINER) + 0.5) / FINER - 0.5
    down = ((rows[:, None] + steps) * spacing_mm[0] - centre[1])[:, :, None]
    across = ((columns[:, None] + steps) * spacing_mm[1] - centre[0])[:, None, :]
    turns = (np.arctan2(down, across) - start) / (2 * math.pi) % 1.0
    place = np.minimum((turns * segments).astype(np.int64), segments - 1)
    counts = np.bincount(place.ravel(), minlength=segments)
    areas: np.ndarray = counts * (spacing_mm[0] * spacing_mm[1] / FINER**2)
    return areas


def _centre(
    part: Bool[np.ndarray, "slice height width"], spacing_mm: tuple[float, float]
) -> Float[np.ndarray, " 2"] | None:
    """Middle (x, y) of a part, mm; None where it is empty."""
    _, rows, columns = np.nonzero(part)
    if not len(rows):
        return None
    return np.array([columns.mean() * spacing_mm[1], rows.mean() * spacing_mm[0]])
