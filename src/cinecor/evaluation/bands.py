"""The bands of ejection fraction in which heart failure is named.

Source: ESC guidelines 2021 (McDonagh et al., Eur Heart J 2021, table 3): HFrEF below 40 %, HFmrEF 40–49 %, HFpEF from
50 %. EF is a real number here, so that HFmrEF is 40 ≤ EF < 50; R's ``cut`` needs ``right = FALSE`` for the same bands.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from cinecor.records import PRESERVED_EF, REDUCED_EF


@dataclass(frozen=True)
class Band:
    """A range of true EF, %: ``low`` included; ``high`` excluded unless ``closed``."""

    name: str
    low: float
    high: float
    closed: bool = False

    @property
    def text(self) -> str:
        """The range as it is printed."""
        if not np.isfinite(self.low):
            return f"EF < {self.high:g} %"
        if not np.isfinite(self.high):
            return f"EF ≥ {self.low:g} %"
        return f"{self.low:g} ≤ EF {'≤' if self.closed else '<'} {self.high:g} %"

    def holds(self, values: Float[np.ndarray, " studies"]) -> Bool[np.ndarray, " studies"]:
        """Which values lie in the band."""
        below = values <= self.high if self.closed else values < self.high
        return np.asarray((values >= self.low) & below)


BANDS = (
    Band("HFrEF", -np.inf, REDUCED_EF),
    Band("HFmrEF", REDUCED_EF, PRESERVED_EF),
    Band("HFpEF", PRESERVED_EF, np.inf),
)
"""Together they hold every EF once."""

BORDERLINE = Band("EF 40–50", REDUCED_EF, PRESERVED_EF, closed=True)
"""Where a wrong reading changes treatment; the range of which paper 000 reports the error apart."""


def band_index(values: Float[np.ndarray, " studies"]) -> Int[np.ndarray, " studies"]:
    """Index in ``BANDS`` of the band of each value."""
    return np.asarray(np.digitize(values, [REDUCED_EF, PRESERVED_EF]), dtype=np.int64)


def confusion(
    predicted: Float[np.ndarray, " studies"], true: Float[np.ndarray, " studies"]
) -> Int[np.ndarray, "bands bands"]:
    """Studies by band: rows are the true band, columns the predicted one."""
    table = np.zeros((len(BANDS), len(BANDS)), dtype=np.int64)
    np.add.at(table, (band_index(true), band_index(predicted)), 1)
    return table
