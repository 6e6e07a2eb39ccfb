"""What lies at a point of the beating heart, and where that piece of tissue goes.

``locate`` gives every point of one phase its tissue and its material coordinates; ``place`` puts those coordinates
back into space at any phase. ``classify`` and ``move`` are built from the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from itertools import pairwise

import numpy as np
from jaxtyping import Float, Int, UInt8

from cinecor.phantom.anatomy import (
    Heart,
    State,
    atrium_profile,
    axis,
    endocardium,
    epicardium,
    rv_shape,
    state,
    stretch,
)
from cinecor.phantom.valves import leaflet_nodes, leaflet_scale

Points = Float[np.ndarray, "points 3"]


class Tissue(IntEnum):
    """Labels of ``classify``. LV_CAVITY, LV_PAPILLARY and MITRAL inside the LV together make the LV volume."""

    OUTSIDE = 0
    LV_CAVITY = 1
    LV_WALL = 2
    RV_CAVITY = 3
    RV_WALL = 4
    LA_CAVITY = 5
    RA_CAVITY = 6
    ATRIAL_WALL = 7
    ATRIAL_SEPTUM = 8
    MITRAL = 9
    TRICUSPID = 10
    LV_PAPILLARY = 11
    PERICARDIUM = 12
    FAT = 13
    """Atrioventricular groove."""
    AORTA = 14
    """What flows in it, as in the next two; these and all below are in ``great_vessels``."""
    PULMONARY = 15
    """Outflow tract of the right ventricle, and pulmonary artery."""
    VEIN = 16
    """Inferior vena cava and the veins of the liver."""
    AORTIC_WALL = 17
    PULMONARY_WALL = 18
    VEIN_WALL = 19
    LIVER = 20
    DIAPHRAGM = 21
    SPINE = 22


class Frame(IntEnum):
    """The system of coordinates that carries a point."""

    STILL = 0
    LV = 1
    APEX = 2
    RV = 3
    LA = 4
    RA = 5
    GROOVE = 6
    VESSEL = 7
    """What ``great_vessels`` adds."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """Points by tissue and material coordinates; the meaning of the three numbers depends on ``frame``."""

    tissue: UInt8[np.ndarray, " points"]
    frame: UInt8[np.ndarray, " points"]
    coordinates: Float[np.ndarray, "points 3"]


GROOVE_DEPTH = 9.0  # mm from the mitral plane to where the fat of the groove ends
SEPTAL_GAP = 7.0  # mm, atrial walls closer than this form the atrial septum


def classify(heart: Heart, points_mm: Points, phase: float) -> UInt8[np.ndarray, " points"]:
    """The :class:`Tissue` at each point (x, y, z in mm) at ``phase``."""
    return locate(heart, points_mm, phase).tissue


def move(heart: Heart, points_mm: Points, source: float, target: float) -> Points:
    """Where the tissue found at ``points_mm`` at phase ``source`` lies at phase ``target``, mm."""
    return place(heart, locate(heart, points_mm, source), target)


def locate(heart: Heart, points_mm: Points, phase: float) -> Material:
    """Tissue and material coordinates of points (x, y, z in mm) at ``phase``."""
    now = state(heart, phase)
    points = np.asarray(points_mm, dtype=np.float64)
    tissue = np.zeros(len(points), np.uint8)
    frame = np.zeros(len(points), np.uint8)
    coordinates = points.copy()
    found = Material(tissue=tissue, frame=frame, coordinates=coordinates)
    ventricular = points[:, 2] <= now.mitral_z
    _locate_ventricles(heart, now, points, np.flatnonzero(ventricular), found)
    _locate_ra(heart, now, points, np.flatnonzero((tissue == Tissue.OUTSIDE) & (points[:, 2] > now.tricuspid_z)), found)
    _locate_la(heart, now, points, np.flatnonzero(~ventricular), found)
    _locate_leaflets(heart, now, points, found)
    return found


def _locate_ventricles(
    heart: Heart, now: State, points: Points, which: Int[np.ndarray, " some"], found: Material
) -> None:
    """Both ventricles, their walls and their pericardium: layers along rays from the LV's axis."""
    x, y, z = points[which].T
    level = (now.mitral_z - z) / now.length
    across, along = (x - axis(heart, now, level)) / now.a, y / now.b
    angle, radius = np.arctan2(along, across), np.hypot(across, along)
    inner, outer = endocardium(heart, now, level, angle), epicardium(heart, now, level, angle)
    beyond = (radius - outer) * stretch(now, angle)
    unit = rv_shape(heart, now, z, angle)
    depth = now.rv_width * unit
    free_wall = np.minimum(heart.rv_wall, depth)
    edge = depth + free_wall
    below = z < 0.0
    tissue = np.select(
        [
            below,
            radius <= inner,
            beyond <= 0.0,
            beyond <= depth,
            beyond <= edge,
            beyond <= edge + heart.pericardium,
        ],
        [
            np.where(np.hypot(z, np.hypot(across * now.a, y)) <= heart.pericardium, Tissue.PERICARDIUM, Tissue.OUTSIDE),
            Tissue.LV_CAVITY,
            Tissue.LV_WALL,
            Tissue.RV_CAVITY,
            Tissue.RV_WALL,
            Tissue.PERICARDIUM,
        ],
        Tissue.OUTSIDE,
    ).astype(np.uint8)
    papillary = (tissue == Tissue.LV_CAVITY) & _papillary(heart, now, level, across, along)
    tissue[papillary] = Tissue.LV_PAPILLARY
    # LV: third number in [0, 1] is the share of the cavity, in [1, 2] of the wall, from 2 on mm beyond it.
    share = np.where(
        radius <= inner,
        radius / np.maximum(inner, 1e-9),
        1.0 + (radius**2 - inner**2) / np.maximum(outer**2 - inner**2, 1e-9),
    )
    third = np.where(beyond <= 0.0, share, 2.0 + np.maximum(beyond, 0.0))
    in_rv = (beyond > 0.0) & (depth > 0.0) & ~below
    rv_level = (now.tricuspid_z - z) / (now.tricuspid_z - now.rv_apex_z)
    rv_third = np.where(beyond <= depth, beyond / np.maximum(depth, 1e-9), 1.0 + beyond - depth)
    turned = angle - heart.twist * now.contraction * np.clip(level, 0.0, 1.0) * (beyond <= 0.0)
    values = np.stack([level, turned, third], axis=1)
    values[in_rv] = np.stack([rv_level, angle, rv_third], axis=1)[in_rv]
    values[below] = np.stack([x - now.sway, y, z], axis=1)[below]
    frame = np.select([below, in_rv], [Frame.APEX, Frame.RV], Frame.LV).astype(np.uint8)
    frame[(tissue == Tissue.OUTSIDE) & ~below] = Frame.STILL
    values[frame == Frame.STILL] = points[which][frame == Frame.STILL]
    found.tissue[which], found.frame[which], found.coordinates[which] = tissue, frame, values


def _papillary(
    heart: Heart,
    now: State,
    level: Float[np.ndarray, " some"],
    across: Float[np.ndarray, " some"],
    along: Float[np.ndarray, " some"],
) -> np.ndarray:
    """Whether a point of the cavity lies in one of the two papillary muscles (ellipsoids that lean on the wall)."""
    inside = np.zeros(len(level), bool)
    size = heart.papillary / heart.mean_radius * np.sqrt(now.wall_scale * now.length / heart.length)  # keeps its area
    for angle in heart.papillary_angles:
        turned = np.asarray([angle + heart.twist * now.contraction * 0.55])
        radius = 0.78 * endocardium(heart, now, np.asarray([0.55]), turned)[0]
        squared = (across - radius * np.cos(turned)) ** 2 + (along - radius * np.sin(turned)) ** 2
        inside |= squared / min(size, 0.42 * radius) ** 2 + ((level - 0.52) / 0.22) ** 2 < 1.0
    return inside


def la_axis(heart: Heart, now: State, level: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Position in x of the left atrium's axis at ``level`` (0 valve, 1 roof), mm."""
    return np.asarray(now.sway + heart.la_tilt * now.la_length * level)


def ra_axis(heart: Heart, now: State, level: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Position in x of the right atrium's axis: its medial side runs straight from the septum along the left atrium."""
    ring = np.asarray([(now.mitral_z - now.tricuspid_z) / now.length])
    septal = float(now.a * epicardium(heart, now, ring, np.asarray([np.pi]))[0])
    widest = now.la_a * 1.17 + 1.5 * heart.atrial_wall  # 1.17² is the maximum of the atrial profile
    medial = (
        now.sway - septal + (septal - widest + heart.la_tilt * 0.5 * now.la_length) * np.clip(2.2 * level, 0.0, 1.0)
    )
    return np.asarray(medial - heart.atrial_wall * 0.5 - now.ra_a * (0.4 + 0.6 * np.sqrt(atrium_profile(level))))


def _locate_la(heart: Heart, now: State, points: Points, which: Int[np.ndarray, " some"], found: Material) -> None:
    x, y, z = points[which].T
    level = (z - now.mitral_z) / now.la_length
    across, along = x - la_axis(heart, now, level), (y + heart.la_back) / heart.la.ratio
    angle, radius = np.arctan2(along, across), np.hypot(across, along)
    edge = now.la_a * np.sqrt(atrium_profile(level))
    beyond = radius - edge
    tissue = found.tissue[which]
    cavity, wall = beyond <= 0.0, (beyond > 0.0) & (beyond <= heart.atrial_wall)
    capped = level > 1.0
    wall &= ~capped | (level <= 1.0 + heart.atrial_wall / now.la_length)
    cavity &= ~capped
    near_right = (tissue != Tissue.RA_CAVITY) & (np.cos(angle) < -0.4) & (beyond <= SEPTAL_GAP) & ~capped
    near_right &= (tissue == Tissue.ATRIAL_WALL) | (beyond <= heart.atrial_wall)
    fat = (tissue == Tissue.OUTSIDE) & ~cavity & ~wall & _groove(heart, now, x, y, z)
    choices = [
        (cavity, Tissue.LA_CAVITY),
        (near_right, Tissue.ATRIAL_SEPTUM),
        (wall & (tissue != Tissue.RA_CAVITY), Tissue.ATRIAL_WALL),
        (fat, Tissue.FAT),
    ]
    label = np.select([choice for choice, _ in choices], [name for _, name in choices], tissue).astype(np.uint8)
    mine = cavity | near_right | (wall & (tissue != Tissue.RA_CAVITY))
    share = np.where(cavity, radius / np.maximum(edge, 1e-9), 1.0 + np.maximum(beyond, 0.0))
    values = np.where(mine[:, None], np.stack([level, angle, share], axis=1), found.coordinates[which])
    values[fat] = np.stack([x - now.sway, y, z - now.mitral_z], axis=1)[fat]
    frame = np.select([mine, fat], [Frame.LA, Frame.GROOVE], found.frame[which]).astype(np.uint8)
    found.tissue[which], found.frame[which], found.coordinates[which] = label, frame, values


def _groove(
    heart: Heart,
    now: State,
    x: Float[np.ndarray, " some"],
    y: Float[np.ndarray, " some"],
    z: Float[np.ndarray, " some"],
) -> np.ndarray:
    angle = np.arctan2(y / now.b, (x - now.sway) / now.a)
    rim = epicardium(heart, now, np.zeros_like(angle), angle)
    radius = np.hypot((x - now.sway) / now.a, y / now.b)
    return np.asarray(radius <= rim * (1.0 - 0.5 * (z - now.mitral_z) / GROOVE_DEPTH)) & (
        z - now.mitral_z <= GROOVE_DEPTH
    )


def _locate_ra(heart: Heart, now: State, points: Points, which: Int[np.ndarray, " some"], found: Material) -> None:
    x, y, z = points[which].T
    level = (z - now.tricuspid_z) / now.ra_length
    across, along = x - ra_axis(heart, now, level), y / heart.ra.ratio
    angle, radius = np.arctan2(along, across), np.hypot(across, along)
    edge = now.ra_a * np.sqrt(atrium_profile(level))
    beyond = radius - edge
    cavity, wall = (beyond <= 0.0) & (level <= 1.0), (beyond > 0.0) & (beyond <= heart.atrial_wall)
    wall &= level <= 1.0 + heart.atrial_wall / now.ra_length
    mine = cavity | wall
    label = np.select([cavity, wall], [Tissue.RA_CAVITY, Tissue.ATRIAL_WALL], found.tissue[which]).astype(np.uint8)
    share = np.where(cavity, radius / np.maximum(edge, 1e-9), 1.0 + np.maximum(beyond, 0.0))
    values = np.where(mine[:, None], np.stack([level, angle, share], axis=1), found.coordinates[which])
    frame = np.where(mine, Frame.RA, found.frame[which]).astype(np.uint8)
    found.tissue[which], found.frame[which], found.coordinates[which] = label, frame, values


def _locate_leaflets(heart: Heart, now: State, points: Points, found: Material) -> None:
    """Relabel blood that lies within half a leaflet of the curve of a leaflet."""
    blood = (Tissue.LV_CAVITY, Tissue.RV_CAVITY, Tissue.LA_CAVITY, Tissue.RA_CAVITY)
    for valve, plane in ((Tissue.MITRAL, now.mitral_z), (Tissue.TRICUSPID, now.tricuspid_z)):
        close = np.isin(found.tissue, blood) & (np.abs(points[:, 2] - plane) < 36.0)
        which = np.flatnonzero(close)
        x, y, z = points[which].T
        scale = leaflet_scale(now, y)
        hit = np.zeros(len(which), bool)
        for nodes in leaflet_nodes(heart, now, mitral=valve == Tissue.MITRAL):
            hit |= _distance(nodes, x - now.sway, z, scale) < heart.leaflet
        found.tissue[which[hit]] = valve


def _distance(
    nodes: Float[np.ndarray, "nodes 2"],
    x: Float[np.ndarray, " some"],
    z: Float[np.ndarray, " some"],
    scale: Float[np.ndarray, " some"],
) -> Float[np.ndarray, " some"]:
    """Distance in mm to a polyline that shrinks towards its valve's edges (``scale`` 1 to 0)."""
    best = np.full(len(x), np.inf)
    for start, stop in pairwise(nodes):
        ax, az = start[0] * scale, start[1]
        dx, dz = (stop[0] - start[0]) * scale, stop[1] - start[1]
        along = np.clip(((x - ax) * dx + (z - az) * dz) / (dx * dx + dz * dz + 1e-9), 0.0, 1.0)
        best = np.minimum(best, np.hypot(x - ax - along * dx, z - az - along * dz))
    return np.where(scale > 0.05, best, np.inf)


def place(heart: Heart, material: Material, phase: float) -> Points:
    """Where material points lie at ``phase``, mm."""
    now = state(heart, phase)
    points = material.coordinates.copy()
    placers = {
        Frame.LV: _place_lv,
        Frame.APEX: _place_apex,
        Frame.RV: _place_rv,
        Frame.LA: _place_la,
        Frame.RA: _place_ra,
        Frame.GROOVE: _place_groove,
    }
    for frame, placer in placers.items():
        which = np.flatnonzero(material.frame == frame)
        if len(which):
            points[which] = placer(heart, now, material.coordinates[which])
    return points


def _place_lv(heart: Heart, now: State, values: Points) -> Points:
    level, turned, third = values.T
    angle = turned + heart.twist * now.contraction * np.clip(level, 0.0, 1.0) * (third <= 2.0)
    inner, outer = endocardium(heart, now, level, angle), epicardium(heart, now, level, angle)
    wall = np.sqrt(inner**2 + np.clip(third - 1.0, 0.0, 1.0) * (outer**2 - inner**2))
    radius = np.where(third <= 1.0, third * inner, wall) + np.maximum(third - 2.0, 0.0) / stretch(now, angle)
    return _from_lv_axis(heart, now, level, angle, radius)


def _from_lv_axis(
    heart: Heart,
    now: State,
    level: Float[np.ndarray, " some"],
    angle: Float[np.ndarray, " some"],
    radius: Float[np.ndarray, " some"],
) -> Points:
    x = axis(heart, now, level) + now.a * radius * np.cos(angle)
    return np.stack([x, now.b * radius * np.sin(angle), now.mitral_z - level * now.length], axis=1)


def _place_apex(_: Heart, now: State, values: Points) -> Points:
    return np.asarray(values + np.asarray([now.sway, 0.0, 0.0]))


def _place_rv(heart: Heart, now: State, values: Points) -> Points:
    rv_level, angle, third = values.T
    z = now.tricuspid_z - rv_level * (now.tricuspid_z - now.rv_apex_z)
    level = (now.mitral_z - z) / now.length
    depth = now.rv_width * rv_shape(heart, now, z, angle)
    beyond = np.where(third <= 1.0, third * depth, depth + third - 1.0)
    radius = epicardium(heart, now, level, angle) + beyond / stretch(now, angle)
    return _from_lv_axis(heart, now, level, angle, radius)


def _place_la(heart: Heart, now: State, values: Points) -> Points:
    level, angle, share = values.T
    edge = now.la_a * np.sqrt(atrium_profile(level))
    radius = np.where(share <= 1.0, share * edge, edge + share - 1.0)
    x = la_axis(heart, now, level) + radius * np.cos(angle)
    y = heart.la.ratio * radius * np.sin(angle) - heart.la_back
    return np.stack([x, y, now.mitral_z + level * now.la_length], axis=1)


def _place_ra(heart: Heart, now: State, values: Points) -> Points:
    level, angle, share = values.T
    edge = now.ra_a * np.sqrt(atrium_profile(level))
    radius = np.where(share <= 1.0, share * edge, edge + share - 1.0)
    x = ra_axis(heart, now, level) + radius * np.cos(angle)
    return np.stack([x, heart.ra.ratio * radius * np.sin(angle), now.tricuspid_z + level * now.ra_length], axis=1)


def _place_groove(_: Heart, now: State, values: Points) -> Points:
    return np.asarray(values + np.asarray([now.sway, 0.0, now.mitral_z]))
