"""Where the probe stands for each of the twelve pictures of an examination, and which plane of the body it shows.

Windows: the apex, the left edge of the sternum (parasternal), below the breastbone (subcostal), above it
(suprasternal). A plane turns about its centre; hands differ in how well they find it.

Source: Mitchell et al., J Am Soc Echocardiogr 32:1, 2019 (what each view shows, and on which side of the picture).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from cinecor.phantom.anatomy import axis, epicardium, rv_shape, state, stretch
from cinecor.phantom.body import Body
from cinecor.phantom.great_vessels import BODY
from cinecor.phantom.imaging import Plane
from cinecor.phantom.tissue import ra_axis

Vector = Float[np.ndarray, " 3"]

UPWARDS = 85.0
"""Angle around the long axis that points up in short-axis pictures, degrees: the anterior wall."""
CHEST_MM = 14.0
"""Of skin and muscle before the right ventricle."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Aim:
    """A plane through the body and the probe in it, as a book has them. Lengths in mm, in the heart's axes."""

    centre: Vector
    """About which the plane turns."""
    right: Vector
    down: Vector
    """Unit vectors at right angles, as they point in the picture."""
    above: float = 0.0
    """Height in the picture (w) of the centre: 0, or in an apical view how far below the apex it lies."""
    before: float = 0.0
    """From the probe to where w is 0."""
    behind: float = 0.0
    """From there to the deepest echo."""
    turned: float = 0.0
    """Of the sector within the plane, rad."""

    def axes(self, plane: Plane) -> Float[np.ndarray, "4 3"]:
        """Origin, u axis, w axis and normal as a hand has found them (``Plane.yaw``, ``slope``, ``offset``)."""
        across = np.cross(self.down, self.right)
        cos_yaw, sin_yaw = np.cos(plane.yaw), np.sin(plane.yaw)
        cos_slope, sin_slope = np.cos(plane.slope), np.sin(plane.slope)
        u = cos_yaw * self.right + sin_yaw * across
        w = -sin_yaw * sin_slope * self.right + cos_yaw * sin_slope * across + cos_slope * self.down
        normal = np.cross(u, w)
        return np.stack([self.centre - self.above * w + plane.offset * normal, u, w, normal])


def _unit(vector: Vector) -> Vector:
    return np.asarray(vector / np.linalg.norm(vector))


def _around(degrees: float) -> Vector:
    return np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.0])


def _from_probe(probe: Vector, centre: Vector, right: Vector, behind: float, turned: float = 0.0) -> Aim:
    """A plane through probe and centre that holds the direction ``right`` as nearly as it can."""
    down = _unit(centre - probe)
    return Aim(
        centre=centre,
        right=_unit(right - (right @ down) * down),
        down=down,
        before=float(np.linalg.norm(centre - probe)),
        behind=behind,
        turned=turned,
    )


def _apical(body: Body, right: Vector, down: Vector) -> Aim:
    now = state(body.heart, 0.0)
    length, middle = now.mitral_z, 0.5 * now.mitral_z
    sway = float(axis(body.heart, now, np.array([0.4]))[0]) if abs(right[0]) > 0.4 else 0.0
    down = _unit(down)
    centre = np.array([sway, 0.0, 0.0]) + middle * down
    return Aim(
        centre=centre,
        right=_unit(right - (right @ down) * down),
        down=down,
        above=middle,
        behind=1.0 * length + now.la_length + 6.0,
    )


def _a4c(body: Body) -> Aim:
    # A little behind the long axis: the aortic root stays out of it.
    return _apical(body, _around(0.0), np.array([0.0, -0.04, 1.0]))


def _a2c(body: Body) -> Aim:
    return _apical(body, _around(58.0), np.array([0.0, 0.0, 1.0]))


def _a3c(body: Body) -> Aim:
    return _apical(body, _around(116.0), np.array([0.0, 0.0, 1.0]))


def _a5c(body: Body) -> Aim:
    """The four-chamber plane leant forward, until it holds the aortic valve."""
    valve = body.vessels.valve + 3.0 * body.vessels.size * body.vessels.root_axis
    return _apical(body, _around(0.0), np.array([0.0, valve[1] - 1.0, valve[2]]))


def _plax(body: Body) -> Aim:
    length = state(body.heart, 0.0).mitral_z
    centre, out = np.array([0.0, 0.0, 0.76 * length]), _around(117.0)
    return _from_probe(centre + _chest(body, 117.0) * out, centre, np.array([0.0, 0.0, 1.0]), 0.76 * length)


def _chest(body: Body, degrees: float) -> float:
    """How far from the long axis the probe stands in front of the right ventricle, mm."""
    heart, now = body.heart, state(body.heart, 0.0)
    angle, z = np.array([math.radians(degrees)]), np.array([now.tricuspid_z - 1.0])
    muscle = float((epicardium(heart, now, (now.mitral_z - z) / now.length, angle) * stretch(now, angle))[0])
    return muscle + max(now.rv_width * float(rv_shape(heart, now, z, angle)[0]), 20.0) + heart.rv_wall + CHEST_MM


def _psax(body: Body, height: float = 0.55) -> Aim:
    length = state(body.heart, 0.0).mitral_z
    centre, out = np.array([0.0, 0.0, height * length]), _around(UPWARDS)
    return _from_probe(centre + _chest(body, UPWARDS) * out, centre, _around(UPWARDS - 90.0), 0.62 * length)


def _psax_mitral(body: Body) -> Aim:
    return _psax(body, 0.84)


def _psax_av(body: Body) -> Aim:
    """Across the aortic root, leant so that the pulmonary artery's trunk lies in it."""
    vessels = body.vessels
    centre = vessels.valve + 6.0 * vessels.size * vessels.root_axis
    normal = _unit(np.array([-0.26, 0.09, 1.0]))
    out, right = _around(UPWARDS), _around(UPWARDS - 90.0)
    out, right = (_unit(each - (each @ normal) * normal) for each in (out, right))
    return _from_probe(centre + 66.0 * vessels.size * out, centre, right, 68.0 * vessels.size)


def _rv_inflow(body: Body) -> Aim:
    """From the parasternal window through the middle of the right ventricle and of the right atrium."""
    heart, now = body.heart, state(body.heart, 0.0)
    atrium = np.array([float(ra_axis(heart, now, np.array([0.45]))[0]), 0.0, now.tricuspid_z + 0.45 * now.ra_length])
    ring = np.array([atrium[0], 2.0, now.tricuspid_z])
    probe = _chest(body, 117.0) * _around(117.0) + np.array([0.0, 0.0, 0.66 * now.mitral_z])
    return _from_probe(probe, ring - 0.12 * (ring - probe), np.array([0.12, 0.0, 1.0]), 0.62 * now.mitral_z, 0.10)


def _in_body(body: Body, left: float, back: float, head: float) -> Vector:
    return body.vessels.in_body(np.array([left, back, head]))


def _subcostal_four(body: Body) -> Aim:
    length = state(body.heart, 0.0).mitral_z
    centre = np.array([-4.0, -2.0, 0.74 * length])
    return _from_probe(_in_body(body, -14.0, -60.0, -108.0), centre, np.array([0.0, 0.0, -1.0]), 0.70 * length)


def _subcostal_cava(body: Body) -> Aim:
    centre = _in_body(body, -41.0, 18.0, -52.0)
    return _from_probe(_in_body(body, -34.0, -58.0, -96.0), centre, BODY[2], 62.0 * body.vessels.size)


def _subcostal_aorta(body: Body) -> Aim:
    centre = _in_body(body, 5.0, 54.0, -112.0)
    return _from_probe(_in_body(body, 3.0, -42.0, -118.0), centre, BODY[2], 46.0 * body.vessels.size)


def _suprasternal(body: Body) -> Aim:
    top, left = body.torso.arch, body.torso.spread
    probe, centre = _in_body(body, -9.0, 15.0, 122.0 + 0.5 * top), _in_body(body, 0.0 + 0.3 * left, 34.0, 52.0)
    return _from_probe(probe, centre, _in_body(body, 18.0 + left, 68.0, 0.0) - _in_body(body, -24.0, 4.0, 0.0), 62.0)


AIMS: dict[str, Callable[[Body], Aim]] = {
    "PLAX": _plax,
    "RV-inflow": _rv_inflow,
    "PSAX-AV": _psax_av,
    "PSAX": _psax,
    "A2C": _a2c,
    "A3C": _a3c,
    "A4C": _a4c,
    "A5C": _a5c,
    "SC-4C": _subcostal_four,
    "SC-IVC": _subcostal_cava,
    "SC-Ao": _subcostal_aorta,
    "SSN": _suprasternal,
}
"""By the name that ``Cine.view`` has."""
MITRAL_LEVEL = _psax_mitral
"""The short axis at the mitral valve, which is called PSAX too."""
