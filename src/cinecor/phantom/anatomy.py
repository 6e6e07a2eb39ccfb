"""One parametric beating heart in three dimensions, in mm; every view of the phantom is a plane through it.

Axes: ``z`` runs along the long axis of the left ventricle, from its epicardial apex (z = 0) to the base; ``x`` points
from the septum to the lateral wall; ``y`` from the inferior to the anterior wall. An apical four-chamber view is the
plane y = 0, a short-axis view a plane of constant z; ``views`` has them all, ``segments`` names the parts of the wall.

The LV cavity is a solid of closed form. With s from 0 (mitral plane) to 1 (apex) its cross-section is an ellipse, whose
area is ``π a b (1 - s^p)(1 + k s)``; hence its volume is ``π a b L (p/(p+1) + k (1/2 - 1/(p+2)))``. Regional wall
motion multiplies the squared radius by a function of the angle whose mean is 1, and bending shifts whole sections:
neither changes the volume. The wall keeps its own volume element by element, so it thickens as the cavity shrinks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Float

from cinecor.phantom.cycle import Timing, contraction, opening

ML = 1000.0  # mm³ in a mL
_ANGLES = np.linspace(-np.pi, np.pi, 96, endpoint=False)
_LEVELS = (np.arange(48) + 0.5) / 48


@dataclass(frozen=True, kw_only=True)
class Region:
    """A patch of the LV wall (an infarct, a thick septum). Angle 0 is lateral, π septal, π/2 anterior."""

    angle: float
    width: float = 0.8
    """Half-width in angle, rad."""
    level: float = 0.6
    """Centre between mitral plane (0) and apex (1)."""
    height: float = 0.5
    """Half-width in level."""

    def around(self, angle: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Weight by angle alone, 1 at the centre (von Mises)."""
        return np.asarray(np.exp((np.cos(angle - self.angle) - 1.0) / self.width**2))

    def along(self, level: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Weight by level alone, 1 at the centre (Gaussian)."""
        return np.asarray(np.exp(-0.5 * ((level - self.level) / self.height) ** 2))

    @property
    def mean(self) -> float:
        """Mean of ``around`` over the circle."""
        return float(np.i0(1.0 / self.width**2) * np.exp(-1.0 / self.width**2))


@dataclass(frozen=True, kw_only=True)
class Chamber:
    """An atrium or the right ventricle: volumes in mL at end-diastole and end-systole, lengths in mm."""

    at_ed: float
    at_es: float
    length: float
    ratio: float = 1.0
    """Width along y over width along x."""


@dataclass(frozen=True, kw_only=True)
class Heart:
    """The drawn parameters of one heart. Volumes in mL, lengths in mm, angles in rad."""

    edv: float
    esv: float
    heart_rate: float = 65.0
    """Beats a minute."""
    timing: Timing = field(default_factory=Timing)
    length: float = 85.0
    """LV cavity from mitral plane to endocardial apex at ED."""
    power: float = 2.2
    bulge: float = 0.6
    ratio: float = 1.0
    """LV width along y over width along x."""
    bend: float = 0.0
    """Sideways shift of the middle of the long axis."""
    mapse: float = 12.0
    """Descent of the mitral annulus."""
    wall: float = 9.0
    """Thickness of the LV wall at the base, ED."""
    apical_wall: float = 6.0
    thick: Region | None = None
    """A region of other thickness (hypertrophy, or a thin scar)."""
    thicker: float = 0.0
    """Its excess of wall volume as a fraction (1: twice as much, -0.3: scar)."""
    lazy: Region | None = None
    """A region that moves less."""
    laziness: float = 0.0
    """0: contracts as the rest; 1: the endocardium of its centre stays where it is."""
    twist: float = 0.2
    """Turn of the apex against the base at ES."""
    sway: float = 1.0
    """Shift of the whole heart towards +x at ES."""
    rv: Chamber = field(default_factory=lambda: Chamber(at_ed=120.0, at_es=55.0, length=75.0))
    rv_wall: float = 3.5
    rv_reach: float = 1.75
    """Half-angle that the RV wraps around the LV."""
    rv_turn: float = 0.0
    """How far the middle of the RV lies from the four-chamber plane, towards the anterior wall."""
    rv_apex: float = 18.0
    """Height of the RV apex above the epicardial LV apex."""
    tricuspid_offset: float = 6.0
    """The tricuspid plane lies that much closer to the apex than the mitral one."""
    tapse: float = 19.0
    la: Chamber = field(default_factory=lambda: Chamber(at_ed=32.0, at_es=58.0, length=42.0))
    ra: Chamber = field(default_factory=lambda: Chamber(at_ed=32.0, at_es=52.0, length=42.0))
    la_tilt: float = 0.0
    """Sideways lean of the left atrium, mm per mm."""
    la_back: float = 0.0
    """How far the left atrium lies behind the long axis (towards -y), mm: room for an aortic root before it."""
    atrial_wall: float = 2.5
    pericardium: float = 2.0
    papillary: float = 4.5
    """Radius of the papillary muscles at ED."""
    papillary_angles: tuple[float, float] = (0.9, -2.2)
    coaptation: float = 0.25
    """Where the mitral leaflets meet, as a fraction of the half-width, towards the lateral wall."""
    tenting: float = 5.0
    """Depth of that point below the mitral plane."""
    leaflet: float = 1.0
    """Half-thickness of the leaflets."""

    def __post_init__(self) -> None:
        if not 0 < self.esv < self.edv:
            raise ValueError(f"ESV {self.esv} mL must lie between 0 and EDV {self.edv} mL")

    @property
    def ef(self) -> float:
        """Ejection fraction, %: the exact label."""
        return 100.0 * (self.edv - self.esv) / self.edv

    @property
    def shape_factor(self) -> float:
        """Volume of the LV over π a b L."""
        return solid(self.power, self.bulge)

    @property
    def apex_share(self) -> float:
        """Thickness of the apical wall over the length of the cavity."""
        return self.apical_wall / self.length

    def profile(self, level: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Squared radius of the LV cavity over its squared radius in the mitral plane; 0 beyond the apex."""
        inside = np.clip(level, 0.0, 1.0)
        return np.asarray((1.0 - inside**self.power) * (1.0 + self.bulge * inside))

    def wall_profile(
        self, level: Float[np.ndarray, "*shape"], angle: Float[np.ndarray, "*shape"]
    ) -> Float[np.ndarray, "*shape"]:
        """Squared epicardial minus squared endocardial radius at ED, in the unit of ``profile``."""
        ring = 1.0 + self.wall / self.mean_radius
        tall = np.clip(level / (1.0 + self.apex_share), 0.0, 1.0)
        outer = ring * ring * (1.0 - tall**self.power) * (1.0 + self.bulge * tall)
        between = outer - self.profile(level)
        if self.thick is not None:
            between = between * (1.0 + self.thicker * self.thick.around(angle) * self.thick.along(level))
        return np.asarray(between)

    @property
    def mean_radius(self) -> float:
        """Geometric mean of the two half-axes of the mitral section at ED, mm."""
        return math.sqrt(self.edv * ML / (math.pi * self.length * self.shape_factor))

    @property
    def myocardium_ml(self) -> float:
        """Volume of the LV wall, the same at all phases."""
        level, angle = np.meshgrid(_LEVELS * (1.0 + self.apex_share), _ANGLES, indexing="ij")
        mean = float(self.wall_profile(level, angle).mean()) * (1.0 + self.apex_share)
        return math.pi * self.mean_radius**2 * self.length * mean / ML


def scaled(heart: Heart, factor: float) -> Heart:
    """The same heart with every length times ``factor`` and every volume times its cube."""
    lengths = (
        "length", "bend", "mapse", "wall", "apical_wall", "sway", "rv_wall", "rv_apex", "tricuspid_offset", "tapse",
        "atrial_wall", "pericardium", "papillary", "tenting", "leaflet", "la_back",
    )  # fmt: skip
    return replace(
        heart,
        edv=heart.edv * factor**3,
        esv=heart.esv * factor**3,
        rv=_scaled_chamber(heart.rv, factor),
        la=_scaled_chamber(heart.la, factor),
        ra=_scaled_chamber(heart.ra, factor),
        **{name: getattr(heart, name) * factor for name in lengths},
    )


def _scaled_chamber(chamber: Chamber, factor: float) -> Chamber:
    volume = factor**3
    return replace(chamber, at_ed=chamber.at_ed * volume, at_es=chamber.at_es * volume, length=chamber.length * factor)


def solid(power: float, bulge: float) -> float:
    """``∫ (1 - s^p)(1 + k s) ds`` from 0 to 1: the volume of such a solid over π a b L."""
    return power / (power + 1.0) + bulge * (0.5 - 1.0 / (power + 2.0))


ATRIUM_POWER, ATRIUM_BULGE = 2.6, 0.9
"""Shape of both atria, from the valve plane to the roof."""


@dataclass(frozen=True, kw_only=True)
class State:
    """The heart at one phase: everything that moves, in mm."""

    contraction: float
    a: float
    """Half-width of the LV along x in the mitral plane."""
    b: float
    """Half-width along y."""
    length: float
    mitral_z: float
    tricuspid_z: float
    rv_apex_z: float
    wall_scale: float
    """Wall profile now over wall profile at ED (from the conserved volume)."""
    lazy: float
    """Weight of the region that moves less."""
    sway: float
    rv_width: float
    la_a: float
    la_length: float
    ra_a: float
    ra_length: float
    mitral: float
    """How far the mitral valve is open, 0 to 1."""
    tricuspid: float


def state(heart: Heart, phase: float) -> State:
    """The moving parts of ``heart`` at ``phase`` (0 end-diastole, ``timing.systole`` end-systole, 1 the next beat)."""
    emptied = float(contraction(heart.timing, phase))
    cavity = heart.edv - (heart.edv - heart.esv) * emptied
    length = heart.length - heart.mapse * emptied
    share = heart.apex_share
    area = cavity * ML / (math.pi * length * heart.shape_factor)
    ratio = heart.edv / cavity * (length / heart.length)  # a0 b0 / (a b)
    mitral_z = length * (1.0 + share)
    mitral_at_ed = heart.length * (1.0 + share)
    tricuspid_z = mitral_at_ed - heart.tricuspid_offset - heart.tapse * emptied
    la_length = heart.la.length + mitral_at_ed - mitral_z
    ra_length = heart.ra.length + heart.tapse * emptied
    partial = State(
        contraction=emptied,
        a=math.sqrt(area / heart.ratio),
        b=math.sqrt(area * heart.ratio),
        length=length,
        mitral_z=mitral_z,
        tricuspid_z=tricuspid_z,
        rv_apex_z=heart.rv_apex,
        wall_scale=ratio * heart.length / length,
        lazy=_lazy(heart, ratio),
        sway=heart.sway * emptied,
        rv_width=0.0,
        la_a=_atrium(heart.la, emptied, la_length),
        la_length=la_length,
        ra_a=_atrium(heart.ra, emptied, ra_length),
        ra_length=ra_length,
        mitral=float(opening(heart.timing, phase)),
        tricuspid=float(opening(heart.timing, phase - 0.01)),
    )
    return State(**{**partial.__dict__, "rv_width": _rv_width(heart, partial)})


def _lazy(heart: Heart, ratio: float) -> float:
    """Weight that keeps the centre of the lazy region in place when laziness is 1, with no radius ever below 0."""
    if heart.lazy is None:
        return 0.0
    full = (ratio - 1.0) / (1.0 - heart.lazy.mean)
    return min(heart.laziness * full, 0.85 / heart.lazy.mean)


def _atrium(chamber: Chamber, emptied: float, length: float) -> float:
    """Half-width of an atrium along x at its valve, mm."""
    filled = chamber.at_ed + (chamber.at_es - chamber.at_ed) * emptied
    return math.sqrt(filled * ML / (math.pi * length * solid(ATRIUM_POWER, ATRIUM_BULGE) * chamber.ratio))


def atrium_profile(level: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Squared radius of an atrium over that at its valve; 0 at the roof (level 1) and beyond."""
    inside = np.clip(level, 0.0, 1.0)
    return np.asarray((1.0 - inside**ATRIUM_POWER) * (1.0 + ATRIUM_BULGE * inside))


def epicardium(
    heart: Heart, now: State, level: Float[np.ndarray, "*shape"], angle: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """Radius of the LV epicardium over the half-axes (a, b)."""
    return np.sqrt(endocardium(heart, now, level, angle) ** 2 + heart.wall_profile(level, angle) * now.wall_scale)


def endocardium(
    heart: Heart, now: State, level: Float[np.ndarray, "*shape"], angle: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """Radius of the LV endocardium over the half-axes (a, b)."""
    square = heart.profile(level)
    if heart.lazy is not None and now.lazy > 0:
        square = square * (1.0 + now.lazy * heart.lazy.along(level) * (heart.lazy.around(angle) - heart.lazy.mean))
    return np.sqrt(square)


def axis(heart: Heart, now: State, level: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Position in x of the LV's long axis, mm."""
    inside = np.clip(level, 0.0, 1.0)
    return np.asarray(now.sway + 4.0 * heart.bend * inside * (1.0 - inside))


def stretch(now: State, angle: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Millimetres per unit of radius in the direction of ``angle``."""
    return np.asarray(np.hypot(now.a * np.cos(angle), now.b * np.sin(angle)))


def rv_shape(
    heart: Heart, now: State, z: Float[np.ndarray, "*shape"], angle: Float[np.ndarray, "*shape"]
) -> Float[np.ndarray, "*shape"]:
    """Depth of the RV cavity along a ray from the LV axis, over ``rv_width``: a crescent, widest at base and septum."""
    level = (now.tricuspid_z - z) / (now.tricuspid_z - now.rv_apex_z)
    inside = np.clip(level, 0.0, 1.0)
    tall = (1.0 - inside**1.7) * (1.0 + 0.25 * inside) * (level >= 0.0)
    edge = math.cos(heart.rv_reach)
    around = np.clip((-np.cos(angle + heart.rv_turn) - edge) / (1.0 - edge), 0.0, 1.0)
    return np.asarray(tall * around**0.75)


def _rv_integrals(heart: Heart, now: State) -> tuple[float, float]:
    """V = w I1 + w² I2: the RV's volume (mm³) as a function of its width w."""
    span = now.tricuspid_z - now.rv_apex_z
    z, angle = np.meshgrid(now.rv_apex_z + _LEVELS * span, _ANGLES, indexing="ij")
    level = (now.mitral_z - z) / now.length
    unit = rv_shape(heart, now, z, angle)
    direction = stretch(now, angle)
    # An element of angle in the normalised plane is a b dφ ρ dρ; a depth d in mm is d / direction in ρ.
    first = (now.a * now.b * epicardium(heart, now, level, angle) * unit / direction).mean()
    second = (0.5 * now.a * now.b * (unit / direction) ** 2).mean()
    return float(first) * 2.0 * math.pi * span, float(second) * 2.0 * math.pi * span


def _rv_width(heart: Heart, now: State) -> float:
    target = (heart.rv.at_ed + (heart.rv.at_es - heart.rv.at_ed) * now.contraction) * ML
    first, second = _rv_integrals(heart, now)
    return (math.sqrt(first * first + 4.0 * second * target) - first) / (2.0 * second)
