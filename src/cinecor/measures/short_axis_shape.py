"""Shape of a region in a short-axis slice, from its area and second moments: no outline is traced.

Every pixel counts as the rectangle that it is, so that a region of whole pixels has its exact moments, whatever the
sides of a pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Area and spread of a region; the axes are those of the ellipse with the same second moments."""

    area_mm2: float
    major_mm: float
    """The longer full axis."""
    minor_mm: float

    @property
    def eccentricity(self) -> float:
        """0 for a circle, towards 1 for a line."""
        return math.sqrt(max(0.0, 1.0 - (self.minor_mm / self.major_mm) ** 2))

    @property
    def circularity(self) -> float:
        """Area² over 2π times the polar second moment: 1 for a disc, less for anything else (Žunić, Hirota 2010)."""
        polar = self.area_mm2 * (self.major_mm**2 + self.minor_mm**2) / 16
        return self.area_mm2**2 / (2 * math.pi * polar)


def measure_shape(region: Bool[np.ndarray, "height width"], spacing_mm: tuple[float, float]) -> Shape | None:
    """Area and axes of a region; None where it is empty.

    Args:
        region: its pixels.
        spacing_mm: height and width of a pixel.
    """
    rows, columns = np.nonzero(region)
    if not len(rows):
        return None
    height, width = spacing_mm
    moments = _moments(rows * height, columns * width) + np.diag([height**2 / 12, width**2 / 12])
    small, large = np.linalg.eigvalsh(moments)
    axes = 4 * np.sqrt([large, small])
    return Shape(area_mm2=len(rows) * height * width, major_mm=float(axes[0]), minor_mm=float(axes[1]))


def _moments(y: Float[np.ndarray, " pixel"], x: Float[np.ndarray, " pixel"]) -> Float[np.ndarray, "2 2"]:
    """Central second moments, divided by the number of pixels."""
    offsets = np.stack([y - y.mean(), x - x.mean()])
    spread: np.ndarray = offsets @ offsets.T / len(y)
    return spread
