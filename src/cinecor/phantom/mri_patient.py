"""Patients of the cine-MRI phantom: five groups with the meaning that ACDC's classes have.

Source: Bernard et al., IEEE TMI 37(11) 2018, section II-A. NOR: normal. DCM: EF below 40 % with a dilated ventricle
(above 100 mL/m²). HCM: normal EF, wall above 15 mm in several segments. MINF: EF below 40 % with segments that do not
contract. RV: right ventricle above 110 mL/m² or right EF below 40 %.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from cinecor.phantom.anatomy import Chamber, Heart, Region
from cinecor.phantom.cycle import Timing
from cinecor.phantom.population import generator

Group = Literal["NOR", "DCM", "HCM", "MINF", "RV"]
GROUPS: tuple[Group, ...] = get_args(Group)


@dataclass(frozen=True, kw_only=True)
class Patient:
    """A heart and the body around it."""

    group: Group
    heart: Heart
    height_cm: float
    weight_kg: float

    @property
    def body_surface_m2(self) -> float:
        """Mosteller's formula (NEJM 1987)."""
        return math.sqrt(self.height_cm * self.weight_kg / 3600.0)

    @property
    def rv_ef(self) -> float:
        """Right ventricular ejection fraction, %: exact."""
        return 100.0 * (1.0 - self.heart.rv.at_es / self.heart.rv.at_ed)


def draw_patient(seed: int, index: int, group: Group | None = None) -> Patient:
    """One patient, a pure function of the arguments; the group is drawn evenly where not given."""
    rng = generator(seed, index, "mri patient")
    drawn = GROUPS[int(rng.integers(len(GROUPS)))]
    chosen = group or drawn
    height = float(np.clip(rng.normal(170.0, 9.0), 145.0, 200.0))
    weight = float(np.clip(rng.normal(76.0, 14.0), 42.0, 130.0))
    surface = math.sqrt(height * weight / 3600.0)
    ef, edv_index = _function(chosen, rng)
    heart = _heart(chosen, ef, edv_index * surface, surface, rng)
    return Patient(group=chosen, heart=heart, height_cm=float(round(height)), weight_kg=float(round(weight)))


def _function(group: Group, rng: np.random.Generator) -> tuple[float, float]:
    """LVEF (%) and EDV over body surface (mL/m²) of a group."""
    ranges: dict[Group, tuple[float, float, float, float]] = {
        "NOR": (60.5, 4.5, 72.0, 9.0),
        "DCM": (19.0, 6.5, 140.0, 20.0),
        "HCM": (67.0, 6.0, 68.0, 11.0),
        "MINF": (31.0, 5.0, 108.0, 18.0),
        "RV": (55.0, 6.5, 66.0, 13.0),
    }
    ef, ef_sd, edv, edv_sd = ranges[group]
    limits: dict[Group, tuple[float, float]] = {
        "NOR": (51.0, 75.0), "DCM": (7.0, 38.5), "HCM": (55.5, 82.0), "MINF": (15.0, 39.0), "RV": (42.0, 72.0),
    }  # fmt: skip
    drawn = float(np.clip(rng.normal(ef, ef_sd), *limits[group]))
    floor = 102.0 if group == "DCM" else 42.0
    return drawn, float(max(rng.normal(edv, edv_sd), floor))


def _heart(group: Group, ef: float, edv: float, surface: float, rng: np.random.Generator) -> Heart:
    length = float(88.0 * (edv / 130.0) ** 0.28 * np.exp(rng.normal(0.0, 0.04)))
    wall = float(np.clip(rng.normal(8.2, 1.0), 6.0, 10.5))
    thick, thicker, lazy, laziness = None, 0.0, None, 0.0
    if group == "HCM":
        wall, thicker = float(rng.uniform(11.5, 15.0)), float(rng.uniform(0.5, 1.1))
        thick = Region(angle=float(rng.normal(math.pi, 0.5)), width=0.9, level=float(rng.uniform(0.3, 0.8)), height=0.5)
    if group == "MINF":
        lazy = Region(
            angle=float(rng.uniform(-math.pi, math.pi)), width=float(rng.uniform(0.8, 1.2)), level=0.7, height=0.45
        )
        laziness = float(rng.uniform(0.85, 1.0))
    return Heart(
        edv=edv,
        esv=edv * (1.0 - ef / 100.0),
        heart_rate=float(np.clip(rng.normal(68.0, 10.0), 45.0, 105.0)),
        timing=Timing(systole=float(rng.uniform(0.31, 0.42))),
        length=length,
        power=float(rng.uniform(2.2, 3.0)),
        bulge=float(rng.uniform(0.25, 0.6)),
        ratio=float(rng.uniform(0.93, 1.07)),
        mapse=float(np.clip(0.2 * ef * np.exp(rng.normal(0.0, 0.15)), 2.0, 0.2 * length)),
        wall=wall,
        apical_wall=float(rng.uniform(5.0, 7.5)),
        thick=thick,
        thicker=thicker,
        lazy=lazy,
        laziness=laziness,
        twist=float(rng.uniform(0.05, 0.25)),
        rv=_right_ventricle(group, surface, rng),
        rv_wall=float(rng.uniform(2.5, 4.5)),
        rv_apex=float(rng.uniform(10.0, 22.0)),
        papillary=float(rng.uniform(3.5, 5.5)),
    )


def _right_ventricle(group: Group, surface: float, rng: np.random.Generator) -> Chamber:
    if group == "RV":
        volume, ef = float(rng.uniform(112.0, 150.0)), float(np.clip(rng.normal(38.0, 9.0), 18.0, 58.0))
    else:
        volume, ef = (
            float(np.clip(rng.normal(72.0, 11.0), 48.0, 100.0)),
            float(np.clip(rng.normal(54.0, 6.0), 42.0, 70.0)),
        )
    at_ed = volume * surface
    return Chamber(at_ed=at_ed, at_es=at_ed * (1.0 - ef / 100.0), length=75.0)
