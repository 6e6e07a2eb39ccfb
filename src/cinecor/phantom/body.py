"""Heart and what lies around it as one: what is at a point of the body, and where it goes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt8

from cinecor.phantom.anatomy import Heart, state
from cinecor.phantom.great_vessels import Torso, Vessels, surround
from cinecor.phantom.tissue import Frame, Material, Points, Tissue, locate, place


@dataclass(frozen=True, kw_only=True, eq=False)
class Body:
    """A beating heart among vessels, liver, diaphragm and spine."""

    heart: Heart
    torso: Torso
    vessels: Vessels

    def locate(self, points_mm: Points, phase: float) -> tuple[Material, Float[np.ndarray, "points 3"]]:
        """Tissue and material coordinates of points (x, y, z in mm) at ``phase``, and the outward direction of a
        vessel's wall (0 in other tissue)."""
        found = locate(self.heart, points_mm, phase)
        return surround(self.vessels, found, np.asarray(points_mm, dtype=np.float64), state(self.heart, phase))

    def place(self, material: Material, phase: float) -> Points:
        """Where material points lie at ``phase``, mm."""
        points = place(self.heart, material, phase)
        which = np.flatnonzero(material.frame == Frame.VESSEL)
        rest = material.coordinates[which]
        points[which] = rest + self.vessels.shift(rest, state(self.heart, phase))
        return points

    def classify(self, points_mm: Points, phase: float) -> UInt8[np.ndarray, " points"]:
        """The :class:`Tissue` at each point, with leaflets and papillary muscles named as the cavity around them."""
        material, _ = self.locate(points_mm, phase)
        tissue, inside = material.tissue.copy(), material.coordinates[:, 2] <= 1.0
        tissue[inside & (material.frame == Frame.LV)] = Tissue.LV_CAVITY
        above = points_mm[:, 2] > state(self.heart, phase).mitral_z
        tissue[inside & (material.frame == Frame.LA) & above] = Tissue.LA_CAVITY
        return tissue


def make_body(heart: Heart, torso: Torso) -> Body:
    """A body around a heart."""
    return Body(heart=heart, torso=torso, vessels=Vessels(heart=heart, torso=torso))
