"""Hearts of an echo laboratory, one in five with a thick left ventricle: concentric, or asymmetric at septum or apex.

Thickness is read off the heart at end-diastole: of the septum and the posterior wall where a parasternal long-axis view
is measured, of the apex between the middle and the tip of the apical segments.

Source of the grades: Lang et al., J Am Soc Echocardiogr 28:1, 2015, table 6 (septal and posterior wall thickness: up to
9 mm in women and 10 mm in men normal, 10 to 12 and 11 to 13 mild, 13 to 15 and 14 to 16 moderate, above severe). The
label ``lvh`` is 1 from mild on, and a quarter of the thick hearts is mild; paper 004's grades begin at moderate.
Whoever wants those leaves out the patients whose ``lvh_grade`` is mild.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from cinecor.phantom.anatomy import Heart, Region, State, endocardium, epicardium, state, stretch
from cinecor.phantom.echo_patient import Person, anatomical
from cinecor.phantom.population import draw_ef, generator, heart_of
from cinecor.phantom.walls import LEVEL

SHARE = 0.2  # of patients
GRADES = ("none", "mild", "moderate", "severe")
GRADE_SHARES = (0.25, 0.45, 0.30)  # of the thick ones; paper 004's grades begin at moderate
PATTERNS = ("concentric", "septal", "apical")
PATTERN_SHARES = (0.6, 0.28, 0.12)
LIMITS = {"F": (9.5, 12.5, 15.5), "M": (10.5, 13.5, 16.5)}
"""Thickness in mm from which a wall is mildly, moderately and severely thick: whole millimetres are read."""
THICKEST = 23.0  # mm
SEPTUM, POSTERIOR = math.radians(120.0), math.radians(-60.0)
APEX_LEVEL = 0.85
LA_BACK = 8.0  # mm, of an adult's heart
_STEPS = 40  # of bisection


@dataclass(frozen=True, kw_only=True)
class Walls:
    """Thickness at end-diastole, mm."""

    septum: float
    posterior: float
    apex: float

    @property
    def thickest(self) -> float:
        """Of the three."""
        return max(self.septum, self.posterior, self.apex)


def measure(heart: Heart) -> Walls:
    """The walls of a heart at end-diastole, in closed form."""
    return _measure(heart, state(heart, 0.0))


def _measure(heart: Heart, now: State) -> Walls:
    return Walls(
        septum=_thickness(heart, now, LEVEL, SEPTUM),
        posterior=_thickness(heart, now, LEVEL, POSTERIOR),
        apex=_apex(heart, now),
    )


def _thickness(heart: Heart, now: State, level: float, angle: float) -> float:
    at, around = np.array([level]), np.array([angle])
    radii = epicardium(heart, now, at, around) - endocardium(heart, now, at, around)
    return float((radii * stretch(now, around))[0])


def _apex(heart: Heart, now: State) -> float:
    """Across the wall, which leans there: radial thickness times the cosine of its slope."""
    below, above = np.sqrt(heart.profile(APEX_LEVEL + np.array([-0.02, 0.02])))
    lean = math.atan((below - above) / 0.04 * now.a / now.length)
    return math.cos(lean) * max(_thickness(heart, now, APEX_LEVEL, angle) for angle in (0.0, math.pi))


def grade(walls: Walls, sex: str) -> str:
    """One of ``GRADES`` by the thickest wall."""
    return GRADES[sum(walls.thickest >= limit for limit in LIMITS[sex])]


def draw_patient_heart(seed: int, index: int, person: Person) -> tuple[Heart, str]:
    """The heart of one patient and its pattern (none, concentric, septal or apical); a pure function."""
    rng = generator(seed, index, "examined heart")
    heart = anatomical(heart_of(draw_ef(rng), rng), rng)
    heart = replace(heart, thick=None, la_back=LA_BACK * state(heart, 0.0).mitral_z / 98.0, sway=0.5 * heart.sway)
    limits = (*LIMITS[person.sex], THICKEST)
    thin = float(rng.uniform(6.2, limits[0] - 0.3))
    ill = rng.random() < SHARE
    worse = int(rng.choice(3, p=GRADE_SHARES))
    pattern = str(rng.choice(PATTERNS, p=PATTERN_SHARES))
    target = float(rng.uniform(limits[worse] + 0.05, limits[worse + 1] - 0.05))
    other = float(rng.uniform(0.0, 0.5))
    heart = replace(heart, apical_wall=min(heart.apical_wall, 0.8 * thin))
    if not ill:
        return _evenly(heart, thin), "none"
    if pattern == "concentric":
        return _evenly(replace(heart, apical_wall=0.6 * target), target), pattern
    heart = _evenly(heart, thin)
    if pattern == "septal":
        region = Region(angle=math.radians(140.0), width=0.85, level=0.35 + 0.2 * other, height=0.5)
        return _solve(lambda more: replace(heart, thick=region, thicker=more), "septum", target, 6.0), pattern
    region = Region(angle=0.0, width=4.0, level=1.0, height=0.22 + 0.1 * other)
    return _solve(lambda more: replace(heart, thick=region, thicker=more), "apex", target, 12.0), pattern


def _evenly(heart: Heart, target: float) -> Heart:
    """The same heart with a wall whose thicker side is ``target`` mm where it is measured."""
    return _solve(lambda wall: replace(heart, wall=wall), "thickest", target, 2.0 * THICKEST)


def _solve(change: Callable[[float], Heart], where: str, target: float, most: float) -> Heart:
    """The heart whose wall has that thickness there: thickness grows with the number that ``change`` takes."""
    low, high = 0.0, most
    now = state(change(0.0), 0.0)  # the cavity at end-diastole is the same whatever the wall
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if getattr(_measure(change(middle), now), where) < target else (low, middle)
    return change(0.5 * (low + high))
