"""Half the width of a split conformal interval, from the residuals that training kept.

Source: Lei et al., Distribution-free predictive inference for regression, JASA 2018, section 2.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def half_width(residuals: Sequence[float], level: float) -> float | None:
    """The ⌈(n + 1) level⌉-th smallest absolute residual; None where n is too small for the level.

    Args:
        residuals: absolute residuals of calibration patients, one a patient.
        level: 0 to 1.
    """
    rank = math.ceil((len(residuals) + 1) * level)
    return sorted(residuals)[rank - 1] if 0 < rank <= len(residuals) else None
