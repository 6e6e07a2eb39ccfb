"""Small reflectors attached to tissue: where each lies in the imaging plane over one beat, and how strong it is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Complex64, Float, Float32, UInt8

from cinecor.phantom.anatomy import Heart, state
from cinecor.phantom.imaging import Imaging, Plane
from cinecor.phantom.tissue import Material, Tissue, locate, place
from cinecor.phantom.valves import leaflet_nodes, leaflet_scale
from cinecor.phantom.views import A4C

COUNT = 36_000  # about five in a resolution cell: fully developed speckle
KEYS = 24  # phases of one beat between which positions are interpolated
LEAFLET_COUNT = 450  # for each of four leaflets
LEAFLET_AREA_COUNT = 1900  # about the same density where a plane cuts the leaflets' surfaces
SLICE_MM = 2.5  # half-thickness of the imaged slice
_PATCHES = 64

BLOOD = (Tissue.LV_CAVITY, Tissue.RV_CAVITY, Tissue.LA_CAVITY, Tissue.RA_CAVITY, Tissue.MITRAL, Tissue.TRICUSPID)
_RELATIVE = {
    Tissue.LV_WALL: 1.0,
    Tissue.LV_PAPILLARY: 0.9,
    Tissue.RV_WALL: 0.6,
    Tissue.ATRIAL_WALL: 0.8,
    Tissue.ATRIAL_SEPTUM: 0.7,
    Tissue.FAT: 1.3,
}  # echo amplitude, myocardium = 1


@dataclass(frozen=True, kw_only=True)
class Scatterers:
    """Positions (u, w) in mm of the imaging plane at ``KEYS`` phases, and complex echo amplitudes."""

    positions: Float32[np.ndarray, "key scatterer 2"]
    weights: Float32[np.ndarray, "key scatterer"]
    """How much of each scatterer the slice sees as tissue moves through the plane, 0 to 1."""
    amplitudes: Complex64[np.ndarray, " scatterer"]

    def at(self, phase: float) -> tuple[Float32[np.ndarray, "scatterer 2"], Complex64[np.ndarray, " scatterer"]]:
        """Positions and seen amplitudes at a phase (only its fraction counts)."""
        place_in_beat = (phase % 1.0) * KEYS
        before = int(place_in_beat) % KEYS
        after, share = (before + 1) % KEYS, np.float32(place_in_beat % 1.0)
        positions = self.positions[before] + share * (self.positions[after] - self.positions[before])
        weights = self.weights[before] + share * (self.weights[after] - self.weights[before])
        return positions, self.amplitudes * weights


def plane_axes(plane: Plane, heart: Heart) -> Float[np.ndarray, "4 3"]:
    """Origin, u axis, w axis and normal of an imaging plane, which turns about its view's centre on the long axis.

    w is 0 in the centre of a parasternal view, and at the height of the heart's apex in an apical one.
    """
    view, middle = plane.view, plane.view.height * state(heart, 0.0).mitral_z
    right, down, across = np.asarray(view.right), np.asarray(view.down), view.across
    cos_yaw, sin_yaw = np.cos(plane.yaw), np.sin(plane.yaw)
    cos_slope, sin_slope = np.cos(plane.slope), np.sin(plane.slope)
    u = cos_yaw * right + sin_yaw * across
    w = -sin_yaw * sin_slope * right + cos_yaw * sin_slope * across + cos_slope * down
    normal = np.cross(u, w)
    above = middle if view.window == "apical" else 0.0
    origin = np.array([0.0, 0.0, middle]) - above * w + plane.offset * normal
    return np.stack([origin, u, w, normal])


def lift(axes: Float[np.ndarray, "4 3"], points: Float[np.ndarray, "points 3"]) -> Float[np.ndarray, "points 3"]:
    """Points (u, w, distance from the plane) as (x, y, z), mm."""
    return np.asarray(axes[0] + points @ axes[1:])


def make_scatterers(heart: Heart, imaging: Imaging, rng: np.random.Generator) -> Scatterers:
    """The scatterers of one recording: tissue, blood and leaflets."""
    plane = imaging.plane
    axes = plane_axes(plane, heart)
    radius, angle, points = fill_slice(plane, rng)
    material = locate(heart, lift(axes, points), 0.0)
    strength = _strength(heart, imaging, material, points, radius / plane.depth, angle / plane.half_angle, rng)
    positions, weights = _follow(heart, material, axes)
    leaves, leaf_weights, leaf_strength = (_leaflets if plane.view == A4C else _cut_leaflets)(heart, imaging, axes, rng)
    positions = np.concatenate([positions, leaves], axis=1)
    weights = np.concatenate([weights, leaf_weights], axis=1)
    strength = np.concatenate([strength, leaf_strength])
    turn = np.exp(2j * np.pi * rng.random(len(strength)))
    return Scatterers(positions=positions, weights=weights, amplitudes=(strength * turn).astype(np.complex64))


def fill_slice(
    plane: Plane, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " scatterer"], Float[np.ndarray, " scatterer"], Float[np.ndarray, "scatterer 3"]]:
    """Distance from the probe, angle and place (u, w, beside the plane) of scatterers in the imaged slice.

    Evenly over a sector somewhat wider and deeper than the image, so that motion does not empty its edges.
    """
    radius = 1.06 * plane.depth * np.sqrt(rng.uniform(0.0002, 1.0, COUNT))
    angle = 1.15 * plane.half_angle * rng.uniform(-1.0, 1.0, COUNT)
    points = np.stack(
        [
            plane.probe[0] + radius * np.sin(angle + plane.tilt),
            plane.probe[1] + radius * np.cos(angle + plane.tilt),
            rng.normal(0.0, 0.6 * SLICE_MM, COUNT),
        ],
        axis=1,
    )
    return radius, angle, points


def _follow(
    heart: Heart, material: Material, axes: Float[np.ndarray, "4 3"]
) -> tuple[Float32[np.ndarray, "key scatterer 2"], Float32[np.ndarray, "key scatterer"]]:
    placed = [place(heart, material, key / KEYS) - axes[0] for key in range(KEYS)]
    inside = np.stack([points @ axes[1:3].T for points in placed]).astype(np.float32)
    beside = np.stack([points @ axes[3] for points in placed])
    return inside, np.exp(-0.5 * (beside / (1.6 * SLICE_MM)) ** 2).astype(np.float32)


def _strength(
    heart: Heart,
    imaging: Imaging,
    material: Material,
    points: Float[np.ndarray, "scatterer 3"],
    depth: Float[np.ndarray, " scatterer"],
    across: Float[np.ndarray, " scatterer"],
    rng: np.random.Generator,
) -> Float[np.ndarray, " scatterer"]:
    """Echo amplitude of each scatterer; ``depth`` in image depths, ``across`` in half-angles."""
    tissues = imaging.tissues
    table = np.ones(len(Tissue))
    for name, value in _RELATIVE.items():
        table[name] = value
    table[Tissue.PERICARDIUM] = tissues.pericardium
    strength = table[material.tissue] * np.exp(rng.normal(0.0, 0.3, COUNT))
    patches = make_patches(depth, across, rng, 9)
    strength *= np.exp(tissues.patchiness * patches)
    strength *= _facing(heart, imaging, material.tissue, points)
    outside = material.tissue == Tissue.OUTSIDE
    beyond = surround(imaging, depth, across, patches, 0.18, rng)
    strength[outside] = (beyond * np.exp(rng.normal(0.0, 0.4, COUNT)))[outside]
    strength[np.isin(material.tissue, BLOOD)] = tissues.blood
    return strength


def surround(
    imaging: Imaging,
    depth: Float[np.ndarray, " scatterer"],
    across: Float[np.ndarray, " scatterer"],
    patches: Float[np.ndarray, " scatterer"],
    muscle: float,
    rng: np.random.Generator,
) -> Float[np.ndarray, " scatterer"]:
    """Echo amplitude of what lies around the heart: bands of muscle below the probe, brighter beyond the heart.

    Args:
        imaging: says how bright and uneven.
        depth: in image depths.
        across: in half-angles.
        patches: of the whole picture.
        muscle: depth to which the bands reach.
        rng: of patches of its own.
    """
    tissues = imaging.tissues
    bands = 1.0 + tissues.muscle_bands * np.sin(60.0 * depth + patches) * (depth < muscle)
    beyond = np.exp(tissues.outside_spread * make_patches(depth, across, rng, 7))
    beyond = beyond * tissues.outside * np.clip(bands, 0.1, None)
    return np.asarray(beyond * np.exp(tissues.posterior * np.clip((depth - 0.65) / 0.2, 0.0, 1.0)))


def make_patches(
    depth: Float[np.ndarray, " scatterer"],
    across: Float[np.ndarray, " scatterer"],
    rng: np.random.Generator,
    grain: int,
) -> Float[np.ndarray, " scatterer"]:
    """A smooth random field with unit variance at its nodes: tissue is not equally bright everywhere."""
    coarse = rng.normal(0.0, 1.0, (grain, grain)).astype(np.float32)
    field = cv2.resize(coarse, (_PATCHES, _PATCHES), interpolation=cv2.INTER_CUBIC)
    row = np.clip(depth * _PATCHES, 0, _PATCHES - 1).astype(np.int64)
    column = np.clip((across / 2.3 + 0.5) * _PATCHES, 0, _PATCHES - 1).astype(np.int64)
    return np.asarray(field[row, column], dtype=np.float64)


def _facing(
    heart: Heart, imaging: Imaging, tissue: UInt8[np.ndarray, " scatterer"], points: Float[np.ndarray, "scatterer 3"]
) -> Float[np.ndarray, " scatterer"]:
    """Walls along the beam return less (lateral drop-out), walls across it more; 1 where that does not apply.

    The wall's normal is that of an ellipsoid about the middle of the ventricle.
    """
    now, view = state(heart, 0.0), imaging.plane.view
    u, w = points[:, 0], points[:, 1]
    if view.window == "apical":
        normal = np.stack([u / (1.3 * now.a) ** 2, (w - 0.5 * now.mitral_z) / (0.6 * now.length) ** 2])
    else:
        along = 1.3 * now.a + (0.6 * now.length - 1.3 * now.a) * abs(view.right[2])
        normal = np.stack([u / along**2, w / (1.3 * now.a) ** 2])
    ray = np.stack([u - imaging.plane.probe[0], w - imaging.plane.probe[1]])
    cosine = np.abs((normal * ray).sum(0)) / (np.linalg.norm(normal, axis=0) * np.linalg.norm(ray, axis=0) + 1e-9)
    factor = 1.0 + imaging.beam.specular * (1.6 * cosine**1.5 - 0.75)
    walls = np.isin(tissue, (Tissue.LV_WALL, Tissue.PERICARDIUM, Tissue.RV_WALL))
    return np.asarray(np.where(walls, np.clip(factor, 0.12, None), 1.0))


def _leaflets(
    heart: Heart, imaging: Imaging, axes: Float[np.ndarray, "4 3"], rng: np.random.Generator
) -> tuple[
    Float32[np.ndarray, "key scatterer 2"], Float32[np.ndarray, "key scatterer"], Float[np.ndarray, " scatterer"]
]:
    """Scatterers along the four leaflets, which move apart from the tissue around them; in a four-chamber plane, which
    lies close to the curves of the leaflets."""
    along = rng.random((4, LEAFLET_COUNT))
    jitter = rng.normal(0.0, 0.8 * heart.leaflet, (4, LEAFLET_COUNT, 2))
    keys = []
    for key in range(KEYS):
        now = state(heart, key / KEYS)
        curves = [*leaflet_nodes(heart, now, mitral=True), *leaflet_nodes(heart, now, mitral=False)]
        depth = (now.mitral_z - axes[0][2]) / axes[2][2]
        scale = float(leaflet_scale(now, np.array([axes[0][1] + depth * axes[2][1]]))[0])
        places = []
        for curve, where, noise in zip(curves, along, jitter, strict=True):
            node = np.arange(len(curve)) / (len(curve) - 1)
            x = np.interp(where, node, curve[:, 0]) * scale + now.sway
            z = np.interp(where, node, curve[:, 1])
            flat = np.stack([x, np.zeros_like(x), z], axis=1) - axes[0]
            places.append(flat @ axes[1:3].T + noise)
        keys.append(np.concatenate(places))
    positions = np.stack(keys).astype(np.float32)
    weights = np.ones(positions.shape[:2], np.float32)
    return positions, weights, _leaflet_strength(imaging, along, rng)


def _cut_leaflets(
    heart: Heart, imaging: Imaging, axes: Float[np.ndarray, "4 3"], rng: np.random.Generator
) -> tuple[
    Float32[np.ndarray, "key scatterer 2"], Float32[np.ndarray, "key scatterer"], Float[np.ndarray, " scatterer"]
]:
    """Scatterers all over the surfaces of the four leaflets, of which any plane sees those that it cuts."""
    along, width = rng.random((4, LEAFLET_AREA_COUNT)), rng.uniform(-0.99, 0.99, (4, LEAFLET_AREA_COUNT))
    jitter = rng.normal(0.0, 0.8 * heart.leaflet, (4, LEAFLET_AREA_COUNT, 3))
    positions, weights = [], []
    for key in range(KEYS):
        now = state(heart, key / KEYS)
        curves = [*leaflet_nodes(heart, now, mitral=True), *leaflet_nodes(heart, now, mitral=False)]
        rings = [0.5 * (curves[first][0] + curves[first + 1][0]) for first in (0, 0, 2, 2)]
        places = []
        for curve, ring, where, wide, noise in zip(curves, rings, along, width, jitter, strict=True):
            node, y = np.arange(len(curve)) / (len(curve) - 1), wide * now.b
            # Towards the commissures the leaflets shrink and come back to the plane of their ring.
            x, z = (
                (np.interp(where, node, curve[:, part]) - ring[part]) * leaflet_scale(now, y) + ring[part]
                for part in (0, 1)
            )
            places.append(np.stack([x + now.sway, y, z], axis=1) + noise - axes[0])
        flat = np.concatenate(places)
        positions.append(flat @ axes[1:3].T)
        weights.append(np.exp(-0.5 * (flat @ axes[3] / (1.6 * SLICE_MM)) ** 2))
    return (
        np.stack(positions).astype(np.float32),
        np.stack(weights).astype(np.float32),
        _leaflet_strength(imaging, along, rng),
    )


def _leaflet_strength(
    imaging: Imaging, along: Float[np.ndarray, "4 some"], rng: np.random.Generator
) -> Float[np.ndarray, " scatterer"]:
    """Parts of a leaflet face the beam and shine, others are lost."""
    bright = [np.exp(0.8 * np.interp(where, np.linspace(0, 1, 6), rng.normal(0.0, 1.0, 6))) for where in along]
    return np.asarray(imaging.tissues.leaflet * np.concatenate(bright) * np.exp(rng.normal(0.0, 0.5, along.size)))
