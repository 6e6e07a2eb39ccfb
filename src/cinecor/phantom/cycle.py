"""The cardiac cycle: how volumes change and valves open from one end-diastole (phase 0) to the next (phase 1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, kw_only=True)
class Timing:
    """When things happen, as fractions of one RR interval that starts at end-diastole."""

    contraction: float = 0.04
    """End of isovolumic contraction; ejection starts."""
    systole: float = 0.36
    """End-systole: the smallest volume."""
    relaxation: float = 0.07
    """Length of isovolumic relaxation."""
    early: float = 0.18
    """Length of rapid filling."""
    atrial: float = 0.84
    """Start of the atrial kick."""
    early_share: float = 0.65
    """Part of the stroke volume that rapid filling brings."""
    atrial_share: float = 0.25
    """Part of the stroke volume that the atrial kick brings (0 in atrial fibrillation)."""

    def __post_init__(self) -> None:
        opening = self.systole + self.relaxation
        if (
            not 0 <= self.contraction < self.systole < opening < opening + self.early <= 1
            or not opening < self.atrial < 1
        ):
            raise ValueError(f"the events of {self} are not in order")
        if not 0 < self.early_share <= self.early_share + self.atrial_share <= 1:
            raise ValueError(f"the shares of filling in {self} do not add up")

    @property
    def opening(self) -> float:
        """Phase at which the mitral valve opens."""
        return self.systole + self.relaxation


def step(value: Float[np.ndarray, "*shape"] | float, start: float, stop: float) -> Float[np.ndarray, "*shape"]:
    """A smooth rise from 0 at ``start`` to 1 at ``stop``, flat outside (cubic, exact at both ends)."""
    ramp = np.clip((np.asarray(value, dtype=np.float64) - start) / (stop - start), 0.0, 1.0)
    return np.asarray(ramp * ramp * (3.0 - 2.0 * ramp))


def contraction(timing: Timing, phase: Float[np.ndarray, "*shape"] | float) -> Float[np.ndarray, "*shape"]:
    """Emptied part of the stroke volume: 0 at end-diastole (phase 0 and 1), 1 at end-systole.

    Ejection, isovolumic relaxation, rapid filling, diastasis and atrial kick in turn.
    """
    beat = np.mod(np.asarray(phase, dtype=np.float64), 1.0)
    rest = 1.0 - timing.early_share - timing.atrial_share
    filled = (
        timing.early_share * step(beat, timing.opening, timing.opening + timing.early)
        + rest * step(beat, timing.opening + 0.3 * timing.early, 1.0)
        + timing.atrial_share * step(beat, timing.atrial, 1.0)
    )
    return np.asarray(step(beat, 0.6 * timing.contraction, timing.systole) - filled)


def opening(timing: Timing, phase: Float[np.ndarray, "*shape"] | float) -> Float[np.ndarray, "*shape"]:
    """How far the mitral valve is open, 0 to 1: E wave, half-closure in diastasis, A wave; closed in systole."""
    beat = np.mod(np.asarray(phase, dtype=np.float64), 1.0)
    peak = timing.opening + 0.4 * timing.early
    early = step(beat, timing.opening - 0.01, peak) * (1.0 - step(beat, peak, timing.opening + 1.5 * timing.early))
    middle = 0.5 * (timing.atrial + 1.0)
    strength = min(1.0, 0.35 + 2.0 * timing.atrial_share) if timing.atrial_share > 0 else 0.3
    late = step(beat, timing.atrial, middle) * (1.0 - step(beat, middle, 1.0))
    floor = 0.3 * step(beat, timing.opening, peak) * (1.0 - step(beat, middle, 1.0))
    return np.asarray(np.maximum(np.maximum(early, strength * late), floor))


def volume(
    timing: Timing, edv: float, esv: float, phase: Float[np.ndarray, "*shape"] | float
) -> Float[np.ndarray, "*shape"]:
    """Volume of a ventricle: exactly ``edv`` at phase 0 and 1, exactly ``esv`` at end-systole, in their unit."""
    return np.asarray(edv - (edv - esv) * contraction(timing, phase))
