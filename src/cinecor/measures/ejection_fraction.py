"""Ejection fraction, its clinical class and stroke volume from two volumes."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

from cinecor.errors import InputError

EfClass: TypeAlias = Literal["HFrEF", "HFmrEF", "HFpEF"]
"""Heart failure with reduced, mildly reduced, preserved EF."""

MILDLY_REDUCED_EF = 40.0  # %, HFmrEF from here on, HFrEF below (ESC 2021 puts 40 itself with HFrEF; see classify_ef)
PRESERVED_EF = 50.0  # %, HFpEF from here on (ESC 2021)


def ejection_fraction(edv_ml: float, esv_ml: float) -> float:
    """EF = (EDV − ESV) / EDV, in percent from 0 to 100.

    Args:
        edv_ml: end-diastolic volume. Any unit, as long as both have the same.
        esv_ml: end-systolic volume.

    Raises:
        InputError: INCONSISTENT where no beating ventricle has these volumes: not finite, EDV not above 0, ESV below 0
            or above EDV.
    """
    return 100.0 * stroke_volume_ml(edv_ml, esv_ml) / edv_ml


def stroke_volume_ml(edv_ml: float, esv_ml: float) -> float:
    """Volume ejected by one beat, EDV − ESV, mL.

    Raises:
        InputError: INCONSISTENT, as for ``ejection_fraction``.
    """
    if not (math.isfinite(edv_ml) and math.isfinite(esv_ml)):
        raise InputError("INCONSISTENT", f"volumes of {edv_ml} and {esv_ml} mL are not finite")
    if edv_ml <= 0:
        raise InputError(
            "INCONSISTENT", f"an end-diastolic volume of {edv_ml:g} mL is not above 0", "check the ED frame"
        )
    if not 0 <= esv_ml <= edv_ml:
        what = f"an end-systolic volume of {esv_ml:g} mL does not lie between 0 and the end-diastolic {edv_ml:g} mL"
        raise InputError("INCONSISTENT", what, "check that ED and ES are not exchanged")
    return edv_ml - esv_ml


def classify_ef(ef: float) -> EfClass:
    """Class of an EF in percent: HFrEF below 40, HFmrEF from 40, HFpEF from 50.

    The ESC 2021 heart-failure guideline writes ≤ 40, 41–49 and ≥ 50, in whole percent. EchoNet-Dynamic's readers and
    the papers rebuilt here cut below 40, and a real-valued EF of 40.5 needs a class: so 40 ≤ EF < 50 is HFmrEF.

    Raises:
        InputError: INCONSISTENT where EF is not between 0 and 100.
    """
    if not 0 <= ef <= 100:
        raise InputError("INCONSISTENT", f"an ejection fraction of {ef} % does not lie between 0 and 100")
    if ef < MILDLY_REDUCED_EF:
        return "HFrEF"
    return "HFmrEF" if ef < PRESERVED_EF else "HFpEF"
