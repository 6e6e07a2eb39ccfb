"""A loop of one view of a whole body: its frames, and the truth about each."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Complex64, Float, Float32, UInt8

from cinecor.phantom.anatomy import state
from cinecor.phantom.beam import Envelope, PolarImager
from cinecor.phantom.body import Body
from cinecor.phantom.cusps import all_sheets, semilunar
from cinecor.phantom.display import Painter, Screen, to_pixels
from cinecor.phantom.imaging import Imaging
from cinecor.phantom.loop import smoothed
from cinecor.phantom.scatterers import COUNT, SLICE_MM, fill_slice, lift, make_patches, surround
from cinecor.phantom.tissue import Material, Tissue
from cinecor.phantom.windows import Aim

LEAF_COUNTS = (1500, 1500, 1100, 1100, *(380,) * 6)
"""Reflectors of mitral and tricuspid leaflets, aortic and pulmonary cusps: about as many to a square millimetre."""
RASTER_MM = 1.0  # grid on which the epicardium is found
OUTLINE_POINTS = 64
LEAST_MM2 = 300.0  # of the ventricle in the picture, below which nobody outlines it

BLOOD = (
    *(Tissue.LV_CAVITY, Tissue.RV_CAVITY, Tissue.LA_CAVITY, Tissue.RA_CAVITY, Tissue.MITRAL, Tissue.TRICUSPID),
    *(Tissue.AORTA, Tissue.PULMONARY, Tissue.VEIN),
)
_RELATIVE = {
    Tissue.LV_WALL: 1.0,
    Tissue.LV_PAPILLARY: 0.9,
    Tissue.RV_WALL: 0.6,
    Tissue.ATRIAL_WALL: 0.8,
    Tissue.ATRIAL_SEPTUM: 0.7,
    Tissue.FAT: 1.3,
    Tissue.AORTIC_WALL: 1.5,
    Tissue.PULMONARY_WALL: 1.0,
    Tissue.VEIN_WALL: 0.9,
    Tissue.LIVER: 0.55,
    Tissue.DIAPHRAGM: 2.6,
    Tissue.SPINE: 0.16,
}  # echo amplitude, myocardium = 1
_SPINE_FACE = 3.0  # echo amplitude of the spine's front, behind which is shadow
_MUSCLE = (Tissue.LV_WALL, Tissue.RV_WALL, Tissue.PERICARDIUM)
_VESSEL = (Tissue.AORTIC_WALL, Tissue.PULMONARY_WALL, Tissue.VEIN_WALL, Tissue.DIAPHRAGM)


@dataclass(frozen=True, kw_only=True, eq=False)
class ViewLoop:
    """A body, how it is seen, and when."""

    body: Body
    aim: Aim
    imaging: Imaging
    phases: Float[np.ndarray, " time"]
    drift: Float[np.ndarray, "time 2"]
    """Where the probe has gone at every frame (u, w), mm."""

    @property
    def axes(self) -> Float[np.ndarray, "4 3"]:
        """Origin, u, w and normal of the plane."""
        return self.aim.axes(self.imaging.plane)

    def reflectors(self, rng: np.random.Generator) -> Reflectors:
        """What throws echoes back, drawn once for the loop."""
        plane, axes = self.imaging.plane, self.axes
        radius, angle, points = fill_slice(plane, rng)
        lifted = lift(axes, points)
        material, outward = self.body.locate(lifted, 0.0)
        strength = _strength(self, material, lifted, radius / plane.depth, angle / plane.half_angle, rng)
        strength *= _facing(self, material, lifted, outward)
        along, wide = [rng.random(count) for count in LEAF_COUNTS], [rng.uniform(-0.99, 0.99, c) for c in LEAF_COUNTS]
        leaves = sum(LEAF_COUNTS)
        jitter = rng.normal(0.0, 0.7 * self.body.heart.leaflet, (leaves, 3))
        bright = np.exp(rng.normal(0.0, 0.5, leaves)) * self.imaging.tissues.leaflet
        turn = np.exp(2j * np.pi * rng.random(COUNT + leaves))
        amplitudes = (np.concatenate([strength, bright]) * turn).astype(np.complex64)
        return Reflectors(loop=self, material=material, along=along, wide=wide, jitter=jitter, amplitudes=amplitudes)

    def envelopes(self, rng: np.random.Generator) -> list[Envelope]:
        """What the beam brings back of every frame, in polar space."""
        reflectors, imager = self.reflectors(rng), PolarImager(self.imaging, rng)
        return [
            imager.image(*reflectors.at(float(phase)), (float(shift[0]), float(shift[1])))
            for phase, shift in zip(self.phases, self.drift, strict=True)
        ]

    def epicardium(self, frame: int, screen: Screen) -> Float[np.ndarray, "points 2"] | None:
        """The outer edge of the left ventricle with its wall as far as the sector holds it, closed by the plane of the
        mitral valve, (x, y) in px of the sector's square; None where the plane hardly cuts the ventricle."""
        plane, shift = self.imaging.plane, self.drift[frame]
        phase = float(self.phases[frame]) % 1.0
        u, w = self._grid(phase)
        across, down = u - plane.probe[0] - shift[0], w - plane.probe[1] - shift[1]
        seen = np.hypot(across, down) <= plane.depth
        seen &= np.abs(np.arctan2(across, down) - plane.tilt) <= plane.half_angle
        flat = np.stack([u[seen], w[seen], np.zeros(int(seen.sum()))], axis=1)
        tissue = np.zeros(u.shape, np.uint8)
        # Nothing around the heart takes the ventricle's place, so that the heart alone says where it is.
        tissue[seen] = smoothed(self.body.heart, lift(self.axes, flat), phase)
        ventricle = np.isin(tissue, (Tissue.LV_CAVITY, Tissue.LV_WALL))
        if ventricle.sum() * RASTER_MM**2 < LEAST_MM2:
            return None
        edges, _ = cv2.findContours(ventricle.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        edge = np.asarray(max(edges, key=cv2.contourArea)[:, 0], dtype=np.float64)
        # The edge runs through the middles of the outermost cells: half a cell inside.
        middle = edge.mean(0)
        spread = edge - middle
        edge = middle + spread * (1.0 + 0.5 / np.maximum(np.linalg.norm(spread, axis=1, keepdims=True), 1.0))
        line = np.array([u[0, 0], w[0, 0]]) + edge * RASTER_MM
        return to_pixels(self.imaging, screen, _evenly(line), (float(shift[0]), float(shift[1])))

    def _grid(self, phase: float) -> tuple[Float[np.ndarray, "rows columns"], Float[np.ndarray, "rows columns"]]:
        """Where in the plane the ventricle can be: the shadow of its box."""
        now, axes = state(self.body.heart, phase), self.axes
        reach = 1.5 * max(now.a, now.b) + 2.0 * self.body.heart.wall + 6.0
        corners = np.array([(x, y, z) for x in (-reach, reach) for y in (-reach, reach) for z in (-4.0, now.mitral_z)])
        flat = (corners - axes[0]) @ axes[1:3].T
        plane = self.imaging.plane
        low = np.maximum(flat.min(0), np.array([plane.probe[0] - plane.depth, plane.probe[1]])) - 2.0
        high = np.minimum(flat.max(0), np.array(plane.probe) + plane.depth) + 2.0
        u, w = np.meshgrid(*(np.arange(a, b, RASTER_MM) for a, b in zip(low, high, strict=True)))
        return u, w


@dataclass(frozen=True, kw_only=True, eq=False)
class Reflectors:
    """Reflectors attached to tissue and leaflets of a loop's body."""

    loop: ViewLoop
    material: Material
    along: list[np.ndarray]
    wide: list[np.ndarray]
    jitter: Float[np.ndarray, "points 3"]
    amplitudes: Complex64[np.ndarray, " scatterer"]

    def at(self, phase: float) -> tuple[Float32[np.ndarray, "scatterer 2"], Complex64[np.ndarray, " scatterer"]]:
        """Positions (u, w) in mm and seen amplitudes at a phase."""
        body, axes = self.loop.body, self.loop.axes
        beat = phase % 1.0
        now, opened = state(body.heart, beat), semilunar(body.heart.timing, beat)
        leaves = all_sheets(body, now, opened, self.along, self.wide) + self.jitter
        points = np.concatenate([body.place(self.material, beat), leaves]) - axes[0]
        weights = np.exp(-0.5 * (points @ axes[3] / (1.6 * SLICE_MM)) ** 2)
        return (points @ axes[1:3].T).astype(np.float32), (self.amplitudes * weights).astype(np.complex64)


def paint(loop: ViewLoop, envelopes: list[Envelope], screen: Screen) -> UInt8[np.ndarray, "time height width"]:
    """Every frame in grey levels on a square screen."""
    painter = Painter(loop.imaging.display, screen)
    return np.stack([painter.paint(envelope) for envelope in envelopes])


def _strength(
    loop: ViewLoop,
    material: Material,
    points: Float[np.ndarray, "scatterer 3"],
    depth: Float[np.ndarray, " scatterer"],
    across: Float[np.ndarray, " scatterer"],
    rng: np.random.Generator,
) -> Float[np.ndarray, " scatterer"]:
    """Echo amplitude of each reflector but for the direction of its surface; arguments as in ``scatterers``."""
    tissues, tissue = loop.imaging.tissues, material.tissue
    table = np.ones(len(Tissue))
    for name, value in _RELATIVE.items():
        table[name] = value
    table[Tissue.PERICARDIUM] = tissues.pericardium
    strength = table[tissue] * np.exp(rng.normal(0.0, 0.3, COUNT))
    patches = make_patches(depth, across, rng, 9)
    smooth = np.where(tissue == Tissue.LIVER, 0.25, 1.0)  # the liver is the most even tissue in the picture
    strength *= np.exp(tissues.patchiness * smooth * patches)
    outside = tissue == Tissue.OUTSIDE
    beyond = surround(loop.imaging, depth, across, patches, 0.12, rng)
    strength[outside] = (beyond * np.exp(rng.normal(0.0, 0.4, COUNT)))[outside]
    strength[np.isin(tissue, BLOOD)] = tissues.blood
    spine = np.flatnonzero(tissue == Tissue.SPINE)
    ray = points[spine] - _probe(loop)
    front = points[spine] - 3.0 * ray / np.linalg.norm(ray, axis=1, keepdims=True)
    face = loop.body.vessels.name(front)[0] != Tissue.SPINE
    strength[spine[face]] *= _SPINE_FACE / _RELATIVE[Tissue.SPINE]
    return strength


def _probe(loop: ViewLoop) -> Float[np.ndarray, " 3"]:
    """Where the probe is, (x, y, z) in mm."""
    axes, plane = loop.axes, loop.imaging.plane
    return np.asarray(axes[0] + plane.probe[0] * axes[1] + plane.probe[1] * axes[2])


def _facing(
    loop: ViewLoop,
    material: Material,
    points: Float[np.ndarray, "scatterer 3"],
    outward: Float[np.ndarray, "scatterer 3"],
) -> Float[np.ndarray, " scatterer"]:
    """Walls along the beam return less, walls across it more; 1 where that does not apply.

    Muscle faces away from the middle of the ventricle, as an ellipsoid does; a vessel away from its axis.
    """
    now = state(loop.body.heart, 0.0)
    muscle = np.isin(material.tissue, _MUSCLE)
    normal = outward.copy()
    middle = np.array([now.sway, 0.0, 0.5 * now.mitral_z])
    axes = np.array([1.3 * now.a, 1.3 * now.b, 0.6 * now.length])
    normal[muscle] = (points[muscle] - middle) / axes**2
    ray = points - _probe(loop)
    length = np.linalg.norm(normal, axis=1) * np.linalg.norm(ray, axis=1)
    cosine = np.abs((normal * ray).sum(1)) / (length + 1e-9)
    factor = 1.0 + loop.imaging.beam.specular * (1.6 * cosine**1.5 - 0.75)
    faced = muscle | np.isin(material.tissue, _VESSEL)
    return np.asarray(np.where(faced, np.clip(factor, 0.12, None), 1.0))


def _evenly(line: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "some 2"]:
    """A closed line by ``OUTLINE_POINTS`` points at even distances."""
    closed = np.concatenate([line, line[:1]])
    walked = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    even = np.linspace(0.0, walked[-1], OUTLINE_POINTS, endpoint=False)
    return np.stack([np.interp(even, walked, closed[:, axis]) for axis in (0, 1)], axis=1)
