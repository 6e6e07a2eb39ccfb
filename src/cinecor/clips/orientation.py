"""How short-axis slices lie: turned and mirrored in quarter turns until they look as cine MRI is usually shown.

The right ventricle lies on the left and the diaphragm below; columns run to the lateral wall (left and back), rows to
the feet. So lie ACDC's frames, whose NIfTI headers say nothing of the patient (axes of the scanner, the same in all),
and a network that has learned from them asks for it. DICOM says how a picture lies, and so does NIfTI made from it,
where rows often run upwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
from jaxtyping import Shaped

from cinecor.records import Directions

RIGHTWARDS, DOWNWARDS = (0.5**0.5, 0.5**0.5, 0.0), (0.0, 0.0, -1.0)
"""Where the right and the lower side of a usual picture lie: left and back, and feet (DICOM's axes)."""

CLEAR = 1.0
"""By how much (sum of two cosines) another way to lie must be the more usual one: hearts lie as they will, and a
picture that is turned by less than about 65° is left as it is."""


@dataclass(frozen=True)
class Turn:
    """One of the eight ways in which a square lies upon itself."""

    exchange: bool = False
    """Rows and columns change places, first of all."""
    upside_down: bool = False
    mirrored: bool = False

    def apply(self, planes: Shaped[np.ndarray, "*some height width"]) -> Shaped[np.ndarray, "*some tall wide"]:
        """Planes in the usual way; their memory is in order."""
        turned = planes.swapaxes(-1, -2) if self.exchange else planes
        return np.ascontiguousarray(self._flipped(turned))

    def undo(self, planes: Shaped[np.ndarray, "*some tall wide"]) -> Shaped[np.ndarray, "*some height width"]:
        """Planes as they were recorded."""
        turned = self._flipped(planes)
        return np.ascontiguousarray(turned.swapaxes(-1, -2) if self.exchange else turned)

    def _flipped(self, planes: np.ndarray) -> np.ndarray:
        return planes[..., :: -1 if self.upside_down else 1, :: -1 if self.mirrored else 1]

    @property
    def title(self) -> str:
        """In words."""
        if not self.exchange:
            names = {(True, True): "turned by 180°", (True, False): "upside down", (False, True): "mirrored"}
            return names.get((self.upside_down, self.mirrored), "as usual")
        return "turned by 90°" if self.upside_down != self.mirrored else "turned by 90° and mirrored"


AS_IT_IS = Turn()
_TURNS = tuple(Turn(*each) for each in product((False, True), repeat=3))


def find_turn(directions: Directions | None) -> Turn:
    """The way that brings a short-axis picture closest to the usual one.

    Args:
        directions: of a row and of a column; None where nothing says so, and nothing is turned.
    """
    if directions is None:
        return AS_IT_IS
    scores = {turn: _score(turn, directions) for turn in _TURNS}
    best = max(scores, key=lambda turn: scores[turn])
    return best if scores[best] > scores[AS_IT_IS] + CLEAR else AS_IT_IS


def _score(turn: Turn, directions: Directions) -> float:
    row, column = np.array(directions[:3]), np.array(directions[3:])
    right, down = (column, row) if turn.exchange else (row, column)
    right, down = (-right if turn.mirrored else right), (-down if turn.upside_down else down)
    return float(right @ RIGHTWARDS + down @ DOWNWARDS)
