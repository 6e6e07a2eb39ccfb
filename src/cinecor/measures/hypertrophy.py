"""Hypertrophy of the left ventricle by the thickness of its walls at end-diastole.

Source: Lang et al., ASE/EACVI chamber quantification, J Am Soc Echocardiogr 28:1, 2015 (walls of women are thick above
0.9 cm, of men above 1.0 cm), with the grades that the same societies give to whole tenths of a centimetre in Lang et
al., J Am Soc Echocardiogr 18:1440, 2005, table 6. Asymmetric: a septum 1.3 times as thick as the posterior wall (Henry
et al., Circulation 47:225, 1973). Paper 004 puts the grades together as yes and no, and does not say by which limits
its readers called them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, TypeAlias

Grade: TypeAlias = Literal["none", "mild", "moderate", "severe"]
GRADES: tuple[Grade, ...] = ("none", "mild", "moderate", "severe")
FEMALE = ("f", "female", "woman", "w")
LIMITS_MM: Mapping[bool, tuple[float, float, float]] = {True: (10.0, 13.0, 16.0), False: (11.0, 14.0, 17.0)}
"""Thickness from which a wall is mildly, moderately and severely thick, mm; of women (True), and of men."""
ASYMMETRIC = 1.3  # thickness of the septum, in those of the posterior wall


def grade_walls(ivsd_mm: float | None, lvpwd_mm: float | None, sex: str | None = None) -> dict[str, float | str]:
    """Labels of hypertrophy: ``lvh`` (0 or 1), ``lvh_grade`` (by the thicker wall) and, of two walls, ``lvh_pattern``
    (none, concentric, asymmetric).

    The limits are in whole millimetres, so a thickness is rounded to them. Where only one wall is known and it is not
    thick, nothing is said: the other one may be.

    Args:
        ivsd_mm: septum at end-diastole, mm; None where it was not measured.
        lvpwd_mm: posterior wall at end-diastole, mm; None where it was not measured.
        sex: F, female …; anything else, or None, has the limits of men, which are the higher ones.
    """
    known = [thickness for thickness in (ivsd_mm, lvpwd_mm) if thickness is not None]
    if not known:
        return {}
    limits = LIMITS_MM[(sex or "").strip().lower() in FEMALE]
    grade = GRADES[sum(math.floor(max(known) + 0.5) >= limit for limit in limits)]
    if ivsd_mm is None or lvpwd_mm is None:
        return {} if grade == "none" else {"lvh": 1.0, "lvh_grade": grade}
    thick = "asymmetric" if ivsd_mm >= ASYMMETRIC * lvpwd_mm else "concentric"
    return {
        "lvh": float(grade != "none"),
        "lvh_grade": grade,
        "lvh_pattern": "none" if grade == "none" else thick,
    }
