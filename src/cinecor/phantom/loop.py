"""One echo loop of one view of a heart: its frames, and the truth about each (outline, label of every pixel)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from cinecor.phantom.anatomy import Heart, state
from cinecor.phantom.beam import PolarImager
from cinecor.phantom.display import Painter, Screen, from_pixels, to_pixels
from cinecor.phantom.imaging import Imaging
from cinecor.phantom.scatterers import lift, make_scatterers, plane_axes
from cinecor.phantom.tissue import Frame, Tissue, locate

RASTER_MM = 0.75  # grid on which the true outline is found
OUTLINE_POINTS = 48
REACH_MM = 12.0  # around the cavity: what a mask of the left heart can hold besides the atrium


@dataclass(frozen=True, kw_only=True, eq=False)
class Loop:
    """A heart, how it is seen, and when."""

    heart: Heart
    imaging: Imaging
    screen: Screen
    phases: Float[np.ndarray, " time"]
    """Place of every frame in the cycle; whole numbers are end-diastoles."""
    drift: Float[np.ndarray, "time 2"]
    """Where the probe has gone at every frame (u, w), mm."""
    raster_mm: float = RASTER_MM

    def render(self, rng: np.random.Generator) -> UInt8[np.ndarray, "time height width"]:
        """Every frame, in grey levels."""
        scatterers = make_scatterers(self.heart, self.imaging, rng)
        imager, painter = PolarImager(self.imaging, rng), Painter(self.imaging.display, self.screen)
        frames = np.empty((len(self.phases), self.screen.size, self.screen.size), np.uint8)
        for frame, phase in enumerate(self.phases):
            positions, amplitudes = scatterers.at(float(phase))
            frames[frame] = painter.paint(imager.image(positions, amplitudes, self._shift(frame)))
        return frames

    def nearest(self, target: float) -> int:
        """The frame closest to a phase of the cycle, of the most complete beat where there are several."""
        distance = np.abs((self.phases - target + 0.5) % 1.0 - 0.5)
        return int(np.argmin(distance))

    def outline(self, frame: int) -> Float[np.ndarray, "points 2"]:
        """The LV endocardium of a frame in the imaging plane, px.

        In a long-axis view from one mitral hinge by way of the apex to the other; in a short-axis view all around.
        """
        cavity, first = self._cavity(float(self.phases[frame]) % 1.0)
        edge = first + _longest_edge(cavity) * self.raster_mm
        line = self._open(edge) if self.imaging.plane.view.long_axis else _evenly(np.concatenate([edge, edge[:1]]))
        return to_pixels(self.imaging, self.screen, line, self._shift(frame))

    def labels(self, frame: int, table: Mapping[Tissue, int]) -> UInt8[np.ndarray, "height width"]:
        """The label of every pixel of a frame by the tissue at its centre; 0 for tissues that ``table`` does not name.

        Leaflets and papillary muscles count as the cavity around them: no one outlines them.
        """
        size, screen = self.screen.size, self.screen
        rows, columns = np.nonzero(screen.inside)
        flat = from_pixels(
            self.imaging, screen, np.stack([columns, rows], axis=1).astype(np.float64), self._shift(frame)
        )
        points = self._lift(flat)
        phase = float(self.phases[frame]) % 1.0
        near = np.flatnonzero(_near(self.heart, points, phase))
        tissue = smoothed(self.heart, points[near], phase)
        names = np.zeros(len(Tissue), np.uint8)
        for name, label in table.items():
            names[name] = label
        found = np.zeros((size, size), np.uint8)
        found[rows[near], columns[near]] = names[tissue]
        return found

    def _shift(self, frame: int) -> tuple[float, float]:
        return float(self.drift[frame, 0]), float(self.drift[frame, 1])

    def _lift(self, flat: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "points 3"]:
        axes = plane_axes(self.imaging.plane, self.heart)
        return lift(axes, np.stack([flat[:, 0], flat[:, 1], np.zeros(len(flat))], axis=1))

    def _cavity(self, phase: float) -> tuple[Bool[np.ndarray, "height width"], Float[np.ndarray, " 2"]]:
        """Where the LV is on a fine grid of the plane, and the place (u, w) of the grid's first point."""
        now = state(self.heart, phase)
        u, w = _grid(self.imaging, now.a, now.mitral_z, self.raster_mm)
        grid_u, grid_w = np.meshgrid(u, w)
        points = self._lift(np.stack([grid_u.ravel(), grid_w.ravel()], axis=1))
        cavity = smoothed(self.heart, points, phase) == Tissue.LV_CAVITY
        return cavity.reshape(grid_u.shape), np.array([u[0], w[0]])

    def _open(self, edge: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "some 2"]:
        """The edge of a long-axis view without its mitral plane: that lies below in an apical view, else right."""
        if self.imaging.plane.view.window == "apical":
            return _open_at_base(edge)
        return _open_at_base(edge[:, ::-1])[:, ::-1]


def wander(imaging: Imaging, frame_ms: float, count: int, rng: np.random.Generator) -> Float[np.ndarray, "time 2"]:
    """Where the probe has gone, mm: a random walk and breathing."""
    walk = np.cumsum(rng.normal(0.0, imaging.drift_mm, (count, 2)), axis=0)
    turns = 2.0 * math.pi * (np.arange(count) * frame_ms / imaging.breath_ms + rng.random())
    return walk + imaging.breathing_mm * np.stack([0.5 * np.sin(turns), np.cos(turns)], axis=1)


def _grid(
    imaging: Imaging, half_width: float, length: float, step: float
) -> tuple[Float[np.ndarray, " columns"], Float[np.ndarray, " rows"]]:
    """Columns (u) and rows (w) of a grid that holds the ventricle."""
    view, side = imaging.plane.view, np.arange(-1.9 * half_width, 1.9 * half_width, step)
    if view.window == "apical":
        return side, np.arange(-2.0, length + 8.0, step)
    if view.long_axis:
        return np.arange(-view.height * length - 2.0, (1.0 - view.height) * length + 20.0, step), side
    return side, side


def _near(heart: Heart, points: Float[np.ndarray, "points 3"], phase: float) -> Bool[np.ndarray, " points"]:
    """Whether a point may belong to the left heart or its wall; looking tissue up takes most of a mask's time."""
    now = state(heart, phase)
    reach = 1.6 * max(now.a, now.b) + heart.wall * now.wall_scale + REACH_MM
    roof = now.mitral_z + now.la_length + REACH_MM
    beside = np.hypot(points[:, 0] - now.sway, points[:, 1]) < max(reach, 1.5 * now.la_a + REACH_MM)
    return np.asarray(beside & (points[:, 2] > -REACH_MM) & (points[:, 2] < roof))


def smoothed(heart: Heart, points: Float[np.ndarray, "points 3"], phase: float) -> UInt8[np.ndarray, " points"]:
    """The :class:`Tissue` at each point, with leaflets and papillary muscles named as the cavity that they are in."""
    found = locate(heart, points, phase)
    inside = found.coordinates[:, 2] <= 1.0
    tissue = found.tissue.copy()
    tissue[inside & (found.frame == Frame.LV)] = Tissue.LV_CAVITY
    tissue[inside & (found.frame == Frame.LA) & (points[:, 2] > state(heart, phase).mitral_z)] = Tissue.LA_CAVITY
    return tissue


def _longest_edge(mask: Bool[np.ndarray, "height width"]) -> Float[np.ndarray, "points 2"]:
    edges, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(max(edges, key=cv2.contourArea)[:, 0], dtype=np.float64)


def _open_at_base(edge: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "some 2"]:
    """The closed edge without its mitral plane, begun at the septal hinge, evenly spaced."""
    basal = edge[:, 1] > edge[:, 1].max() - 2.0
    rim = edge[basal]
    septal, lateral = rim[rim[:, 0].argmin()], rim[rim[:, 0].argmax()]
    first = int(np.flatnonzero((edge == septal).all(1))[0])
    turned = np.roll(edge, -first, axis=0)
    last = int(np.flatnonzero((turned == lateral).all(1))[0])
    one_way, other_way = turned[: last + 1], np.concatenate([turned[last:], turned[:1]])[::-1]
    line = one_way if one_way[:, 1].min() < other_way[:, 1].min() else other_way
    return _evenly(line)


def _evenly(line: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "some 2"]:
    walked = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    even = np.linspace(0.0, walked[-1], OUTLINE_POINTS)
    return np.stack([np.interp(even, walked, line[:, 0]), np.interp(even, walked, line[:, 1])], axis=1)
