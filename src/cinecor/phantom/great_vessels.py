"""What lies around one heart: aorta, pulmonary artery, inferior vena cava, liver, diaphragm and spine, in closed form.

Vessels are tubes (``tubes``) along lines that are given partly in the heart's axes, where they leave it, and partly in
the body's: L to the patient's left, P to the back, S to the head, from the middle of the aortic valve. How the heart's
axes lie in the body: its long axis points from the apex up, back and to the right; the beam of a parasternal long-axis
view goes back and a little down.

All of it rests where it is at end-diastole, and near the base moves as the base does (``shift``). The left ventricle
comes before everything; what gives way to what else is in ``_GIVE_WAY``.

Sources: diameters of root, arch and pulmonary artery: Lang et al., J Am Soc Echocardiogr 28:1, 2015, tables 14 and 15;
of the cava: Rudski et al., J Am Soc Echocardiogr 23:685, 2010. Neighbourhoods: as in any atlas of anatomy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Float, Num, UInt8

from cinecor.phantom.anatomy import Heart, State, epicardium, rv_shape, state, stretch
from cinecor.phantom.cycle import step
from cinecor.phantom.population import generator
from cinecor.phantom.tissue import Frame, Material, Points, Tissue
from cinecor.phantom.tubes import Nearness, Tube, approach, make_tube

ADULT_MM = 98.0  # from apex to mitral plane, of a heart of the size for which the places below are given
AORTIC_ANGLE = math.radians(113.0)
"""Where the aortic valve lies around the long axis: before the mitral valve, behind the outflow of the right side."""
NEAR, AWAY = (
    32.0,
    90.0,
)  # mm from the aortic valve within which tissue moves as the base does, and beyond which it rests
FORWARD = 5.0  # mm that the root comes forward in systole, when the left atrium fills behind it
ROOF = 5.0  # mm, thickness of the right ventricle's base
_SKIN = -62.0  # mm, P of the chest's front

_MUSCLE = frozenset({Tissue.PERICARDIUM, Tissue.RV_WALL, Tissue.ATRIAL_WALL, Tissue.FAT, Tissue.OUTSIDE})
_CHAMBERS = frozenset(
    {Tissue.LA_CAVITY, Tissue.RA_CAVITY, Tissue.RV_CAVITY, Tissue.ATRIAL_SEPTUM, Tissue.MITRAL, Tissue.TRICUSPID}
)
_LOOSE = frozenset({Tissue.PERICARDIUM, Tissue.FAT, Tissue.OUTSIDE})
_GIVE_WAY: dict[Tissue, frozenset[Tissue]] = {
    Tissue.AORTA: _MUSCLE | _CHAMBERS,
    Tissue.AORTIC_WALL: _MUSCLE | _CHAMBERS,
    Tissue.PULMONARY: _MUSCLE,
    Tissue.PULMONARY_WALL: _LOOSE,
    Tissue.VEIN: _MUSCLE,
    Tissue.VEIN_WALL: _LOOSE,
    Tissue.LIVER: frozenset({Tissue.OUTSIDE}),
    Tissue.DIAPHRAGM: frozenset({Tissue.OUTSIDE}),
    Tissue.SPINE: frozenset({Tissue.OUTSIDE}),
}
"""Which parts of the heart each of these takes the place of; never of the left ventricle."""


def _unit(vector: Float[np.ndarray, " 3"]) -> Float[np.ndarray, " 3"]:
    return np.asarray(vector / np.linalg.norm(vector))


def _body_axes() -> Float[np.ndarray, "3 3"]:
    """L, P and S as unit vectors in the heart's axes, at right angles."""
    front, beside, along = (
        np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees)), 0.0]) for degrees in (120, 30, 0)
    )
    along = np.array([0.0, 0.0, 1.0])
    head = _unit(0.55 * along + 0.40 * front + 0.73 * beside)
    back = 0.587 * along - 0.81 * front
    back = _unit(back - (back @ head) * head)
    left = np.cross(head, back)  # the heart's axes are left-handed where the body's are right-handed
    return np.stack([left, back, head])


BODY = _body_axes()


@dataclass(frozen=True, kw_only=True)
class Torso:
    """The drawn parameters of what lies around a heart, mm."""

    annulus: float = 11.0
    """Radius of the aortic valve's ring."""
    sinuses: float = 1.36
    """Radius of the root at its widest over that of its ring."""
    ascending: float = 1.3
    descending: float = 1.02
    pulmonary: float = 11.0
    """Radius of the pulmonary artery's trunk."""
    outflow: float = 12.5
    """Radius of the right ventricle's outflow tract."""
    cava: float = 8.5
    dome: float = 26.0
    """How much higher the diaphragm stands over the liver than below the heart."""
    arch: float = 0.0
    """Height of the arch above its usual place."""
    spread: float = 0.0
    """How far the descending aorta lies further left than usual."""

    def __post_init__(self) -> None:
        if min(self.annulus, self.pulmonary, self.outflow, self.cava) <= 0:
            raise ValueError("a vessel has a radius above 0")


def draw_torso(seed: int, index: int) -> Torso:
    """What lies around one patient's heart; a pure function."""
    rng = generator(seed, index, "torso")
    return Torso(
        annulus=float(rng.uniform(10.0, 12.5)),
        sinuses=float(rng.uniform(1.28, 1.45)),
        ascending=float(rng.uniform(1.2, 1.48)),
        descending=float(rng.uniform(0.92, 1.12)),
        pulmonary=float(rng.uniform(9.5, 12.5)),
        outflow=float(rng.uniform(11.5, 14.0)),
        cava=float(rng.uniform(6.0, 11.0)),
        dome=float(rng.uniform(20.0, 32.0)),
        arch=float(rng.normal(0.0, 4.0)),
        spread=float(rng.normal(0.0, 4.0)),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Vessels:
    """The shapes around one heart, at rest."""

    heart: Heart
    torso: Torso

    @cached_property
    def size(self) -> float:
        """Of this heart, over the size for which places are given."""
        return state(self.heart, 0.0).mitral_z / ADULT_MM

    @cached_property
    def valve(self) -> Float[np.ndarray, " 3"]:
        """Middle of the aortic valve's ring, (x, y, z) in mm."""
        now = state(self.heart, 0.0)
        away = max(1.6 * self.torso.annulus * self.size, now.a + 4.0 - self.torso.annulus * self.size)
        across = np.array([math.cos(AORTIC_ANGLE), math.sin(AORTIC_ANGLE)]) * away
        return np.array([now.sway + across[0], across[1], now.mitral_z + 2.0 * self.size])

    @cached_property
    def root_axis(self) -> Float[np.ndarray, " 3"]:
        """Unit vector along which the root leaves the ventricle."""
        return _unit(np.array([0.3 * math.cos(AORTIC_ANGLE), 0.3 * math.sin(AORTIC_ANGLE), 1.0]))

    @cached_property
    def pulmonary_valve(self) -> Float[np.ndarray, " 3"]:
        """Middle of the pulmonary valve's ring, mm."""
        return self.in_heart(np.array([14.0, 28.0, 4.0]))

    @cached_property
    def pulmonary_axis(self) -> Float[np.ndarray, " 3"]:
        """Unit vector along which blood leaves the right ventricle."""
        return _unit(np.array([0.85, -0.30, 0.30]))

    def in_heart(self, offset: Num[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
        """A place given in the heart's axes from the aortic valve, mm of an adult's heart."""
        return np.asarray(self.valve + self.size * offset)

    def in_body(self, lps: Num[np.ndarray, "*shape 3"]) -> Float[np.ndarray, "*shape 3"]:
        """A place given as (L, P, S) from the aortic valve, mm of an adult's body."""
        return np.asarray(self.valve + self.size * (lps @ BODY))

    @cached_property
    def aorta(self) -> tuple[Tube, ...]:
        """Root, ascending aorta, arch with its three branches, descending and abdominal aorta with two branches."""
        ring, wide, down = (
            self.torso.annulus,
            self.torso.annulus * self.torso.ascending,
            self.torso.annulus * self.torso.descending,
        )
        top, left = self.torso.arch, self.torso.spread
        root = self.valve + np.outer(self.size * np.array([-4.0, 0.0, 9.0, 20.0]), self.root_axis)
        rest = self.in_body(
            np.array(
                [
                    (-26.0, 2.0, 36.0),
                    (-22.0, 5.0, 60.0 + top),
                    (-10.0, 17.0, 79.0 + top),
                    (2.0, 36.0, 84.0 + top),
                    (13.0 + left, 56.0, 73.0 + top),
                    (18.0 + left, 68.0, 48.0 + top),
                    (18.0 + left, 75.0, 5.0),
                    (14.0 + left, 72.0, -55.0),
                    (6.0, 60.0, -105.0),
                    (2.0, 50.0, -150.0),
                    (0.0, 48.0, -230.0),
                ]
            )
        )
        radii = [ring, ring, ring * self.torso.sinuses, ring * 1.12, wide, wide, 0.95 * wide]
        radii += [1.1 * down, 1.05 * down, down, down, 0.95 * down, 0.85 * down, 0.75 * down, 0.7 * down]
        trunk = self._tube(Tissue.AORTA, np.concatenate([root, rest]), radii, 1.8)
        branches = (
            ([(-14, 12, 80 + top), (-22, 8, 98 + top), (-36, 2, 118 + top)], 5.5),
            ([(-3, 27, 84 + top), (-1, 22, 102 + top), (2, 14, 128 + top)], 3.8),
            ([(7, 43, 83 + top), (12, 39, 102 + top), (24, 32, 124 + top)], 4.4),
            ([(4, 56, -118), (2, 42, -122), (0, 30, -118)], 3.6),
            ([(3, 54, -128), (2, 42, -140), (0, 36, -175)], 3.4),
        )
        return (
            trunk,
            *(
                self._tube(Tissue.AORTA, self.in_body(np.array(places, float)), [radius] * 3, 1.2)
                for places, radius in branches
            ),
        )

    @cached_property
    def pulmonary(self) -> tuple[Tube, ...]:
        """Outflow tract, trunk, right and left pulmonary artery."""
        tract, trunk, torso = self.torso.outflow, self.torso.pulmonary, self.torso
        side = 0.72 * trunk
        cone, wide = self._cone()
        inflow = np.concatenate([cone, self.in_heart(np.array([(-7, 31.0, 3), (4, 31.5, 4), (14, 28, 4)]))])
        out = self.in_heart(np.array([(14, 28, 4), (26, 24, 8), (34, 14, 13), (36, 6, 17)]))
        right = self.in_body(
            np.array([(20, 19, 31), (0, 24 + 0.6 * (torso.annulus - 11.0), 35), (-24, 30, 36), (-62, 36, 34)])
        )
        left = self.in_body(np.array([(20, 19, 31), (30, 36, 40), (44, 58, 40)]))
        return (
            self._tube(Tissue.PULMONARY, inflow, [0.8 * wide, wide, tract, 0.95 * tract, 0.95 * trunk], 2.5),
            self._tube(Tissue.PULMONARY, out, [0.95 * trunk, 1.05 * trunk, trunk, 0.9 * trunk], 1.4),
            self._tube(Tissue.PULMONARY, right, [side] * 4, 1.2),
            self._tube(Tissue.PULMONARY, left, [side] * 3, 1.2),
        )

    def _cone(self) -> tuple[Float[np.ndarray, "2 3"], float]:
        """Where the outflow tract begins inside the right ventricle, and its radius there in mm of an adult's heart."""
        heart, now = self.heart, state(self.heart, 0.0)
        places, radius = [], 0.0
        for degrees, below in ((138.0, 24.0), (126.0, 7.0)):
            angle, z = np.array([math.radians(degrees)]), np.array([now.tricuspid_z - below * self.size])
            level = (now.mitral_z - z) / now.length
            depth = now.rv_width * float(rv_shape(heart, now, z, angle)[0])
            inner = float((epicardium(heart, now, level, angle) * stretch(now, angle))[0])
            radius = max(0.5 * depth, 0.7 * self.torso.outflow * self.size)
            away = inner + radius + 1.0
            places.append((now.sway + away * math.cos(angle[0]), away * math.sin(angle[0]), float(z[0])))
        return np.array(places), radius / self.size

    @cached_property
    def veins(self) -> tuple[Tube, ...]:
        """Inferior vena cava, two hepatic veins, a branch of the portal vein, superior vena cava."""
        cava = self.torso.cava
        lower = self.in_body(
            np.array([(-41, 12, -22), (-42, 18, -42), (-41, 25, -66), (-40, 32, -105), (-38, 38, -200)])
        )
        middle = self.in_body(np.array([(-42, 22, -58), (-43, 4, -70), (-46, -18, -84), (-48, -34, -96)]))
        right = self.in_body(np.array([(-42, 22, -58), (-62, 24, -72), (-88, 22, -88)]))
        portal = self.in_body(np.array([(-24, 12, -106), (-44, 8, -98), (-62, 6, -94), (-80, 0, -92)]))
        upper = self.in_body(np.array([(-42, 8, 4), (-44, 6, 30), (-46, 4, 70), (-40, -2, 100)]))
        return (
            self._tube(Tissue.VEIN, lower, [cava, cava, 1.05 * cava, cava, 0.9 * cava], 1.2),
            self._tube(Tissue.VEIN, middle, [0.5 * cava, 0.5 * cava, 0.4 * cava, 0.25 * cava], 0.5),
            self._tube(Tissue.VEIN, right, [0.5 * cava, 0.45 * cava, 0.3 * cava], 0.5),
            self._tube(Tissue.VEIN, portal, [5.0, 5.0, 4.0, 3.0], 1.8),
            self._tube(Tissue.VEIN, upper, [8.0, 8.0, 8.0, 7.0], 1.2),
        )

    def _tube(self, lumen: Tissue, nodes: Points, radii: list[float], thickness: float) -> Tube:
        walls = {
            Tissue.AORTA: Tissue.AORTIC_WALL,
            Tissue.PULMONARY: Tissue.PULMONARY_WALL,
            Tissue.VEIN: Tissue.VEIN_WALL,
        }
        scaled = np.asarray(radii, float) * self.size
        return make_tube(lumen, walls[lumen], nodes, scaled, thickness * self.size)

    def shift(self, points: Points, now: State) -> Points:
        """How far what rests at ``points`` has moved by then, mm: with the base near the aortic valve, not at all far
        from it."""
        rest = state(self.heart, 0.0)
        forward = FORWARD * self.size * now.contraction
        move = np.array(
            [
                now.sway - rest.sway + forward * math.cos(AORTIC_ANGLE),
                forward * math.sin(AORTIC_ANGLE),
                now.mitral_z - rest.mitral_z,
            ]
        )
        away = np.linalg.norm(points - self.valve, axis=1) / self.size
        return np.asarray((1.0 - step(away, NEAR, AWAY))[:, None] * move)

    def at_rest(self, points: Points, now: State) -> Points:
        """Where what is at ``points`` now rests: undoes ``shift``, whose slope is well below 1."""
        if now.contraction == 0.0:
            return points
        rest = points
        for _ in range(16):  # each brings it three times closer
            rest = points - self.shift(rest, now)
        return rest

    def name(self, rest: Points) -> tuple[UInt8[np.ndarray, " points"], Float[np.ndarray, "points 3"]]:
        """The tissue around the heart at resting points (OUTSIDE where there is none), and the outward direction of
        walls."""
        groups = [
            (approach(self.aorta, rest), Tissue.AORTA, Tissue.AORTIC_WALL),
            (approach(self.pulmonary, rest), Tissue.PULMONARY, Tissue.PULMONARY_WALL),
            (approach(self.veins, rest), Tissue.VEIN, Tissue.VEIN_WALL),
        ]
        tissue, outward = self._solids(rest)
        for near, _, wall in reversed(groups):
            _paint(tissue, outward, near, near.beyond <= near.thickness, wall)
        for near, lumen, _ in reversed(groups):
            _paint(tissue, outward, near, near.beyond <= 0.0, lumen)
        return tissue, outward

    def _solids(self, rest: Points) -> tuple[UInt8[np.ndarray, " points"], Float[np.ndarray, "points 3"]]:
        """Liver below the diaphragm, and the spine."""
        lps = (rest - self.valve) @ BODY.T / self.size
        left, back, head = lps.T
        below = self.diaphragm(left, back) - head
        # The liver thins to an edge on the left and reaches the back wall on the right.
        floor = -196.0 + 0.75 * np.clip(left + 60.0, 0.0, None) + 0.45 * back
        liver = (below > 0.0) & (head > floor) & (left < 48.0 - 0.1 * back) & (back < 78.0) & (back > _SKIN + 12.0)
        sheet = (below > -2.6) & (below <= 0.0) & (left < 90.0) & (back < 100.0)
        spine = np.hypot(left + 6.0, back - (86.0 + _lordosis(head))) < 21.0
        tissue = np.select(
            [spine, sheet, liver], [Tissue.SPINE, Tissue.DIAPHRAGM, Tissue.LIVER], Tissue.OUTSIDE
        ).astype(np.uint8)
        outward = np.zeros_like(rest)
        outward[sheet] = BODY[2]
        return tissue, outward

    def diaphragm(
        self, left: Float[np.ndarray, " points"], back: Float[np.ndarray, " points"]
    ) -> Float[np.ndarray, " points"]:
        """Height S of the diaphragm at (L, P): highest over the liver, flat below the heart, falling to the rim."""
        hump = np.exp(-(((left + 78.0) / 46.0) ** 2) - ((back - 10.0) / 75.0) ** 2)
        rim = 0.012 * np.clip(np.abs(back - 5.0) - 40.0, 0.0, None) ** 2
        return np.asarray(-69.0 + self.torso.dome * hump - rim)


def _lordosis(head: Float[np.ndarray, " points"]) -> Float[np.ndarray, " points"]:
    """The spine comes forward in the abdomen."""
    return np.asarray(20.0 * step(head, -140.0, -20.0))


def _paint(
    tissue: UInt8[np.ndarray, " points"],
    outward: Float[np.ndarray, "points 3"],
    near: Nearness,
    where: Bool[np.ndarray, " points"],
    name: Tissue,
) -> None:
    tissue[where] = name
    outward[where] = near.outward[where]


def surround(
    vessels: Vessels, found: Material, points: Points, now: State
) -> tuple[Material, Float[np.ndarray, "points 3"]]:
    """What lies at points of heart and body together, and the outward direction of vessels' walls (0 elsewhere)."""
    rest = vessels.at_rest(points, now)
    around, outward = vessels.name(rest)
    ventricle = (found.frame == Frame.LV) & (found.coordinates[:, 2] <= 2.0)
    taken = np.zeros(len(points), bool)
    for name, others in _GIVE_WAY.items():
        taken |= (around == name) & np.isin(found.tissue, list(others))
    taken &= ~ventricle
    roof = (found.tissue == Tissue.OUTSIDE) & ~taken & _roof(vessels.heart, now, points)
    around[roof], taken = Tissue.RV_WALL, taken | roof
    tissue, frame, coordinates = found.tissue.copy(), found.frame.copy(), found.coordinates.copy()
    tissue[taken], frame[taken], coordinates[taken] = around[taken], Frame.VESSEL, rest[taken]
    return Material(tissue=tissue, frame=frame, coordinates=coordinates), np.where(taken[:, None], outward, 0.0)


def _roof(heart: Heart, now: State, points: Points) -> Bool[np.ndarray, " points"]:
    """The base of the right ventricle between tricuspid valve and outflow tract, which closes it above."""
    high = points[:, 2] - now.tricuspid_z
    roof = np.zeros(len(points), bool)
    which = np.flatnonzero((high >= 0.0) & (high < ROOF))
    ring = np.full(len(which), now.tricuspid_z)
    level = (now.mitral_z - ring) / now.length
    across, along = (points[which, 0] - now.sway) / now.a, points[which, 1] / now.b
    angle = np.arctan2(along, across)
    beyond = (np.hypot(across, along) - epicardium(heart, now, level, angle)) * stretch(now, angle)
    depth = now.rv_width * rv_shape(heart, now, ring, angle)
    roof[which] = (beyond > 0.0) & (depth > 2.0) & (beyond <= depth + heart.rv_wall - 0.5 * high[which])
    return roof
