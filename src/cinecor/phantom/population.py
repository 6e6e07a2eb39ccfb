"""Who the synthetic patients are: every number of a heart drawn as a pure function of (seed, index).

Ejection fractions follow EchoNet-Dynamic (mean 55.7 %, SD 12.4, a tail to low values), and so do the loops' lengths
(24 to 1,000 frames, mean 175) and frame rates (about 51 a second). Volumes, sizes, wall thickness and heart rate follow
from textbook ranges and vary with EF as they do in patients: a ventricle that ejects little is dilated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from cinecor.phantom.anatomy import Chamber, Heart, Region
from cinecor.phantom.cycle import Timing
from cinecor.records import Split

EF_LIMITS = (6.0, 84.0)  # %
EDV_LIMITS = (35.0, 340.0)  # mL
FRAME_LIMITS = (24, 1000)
RATE_LIMITS = (25.0, 90.0)  # frames a second
VALIDATION, TEST = 0.125, 0.125  # parts of the patients
FOLDS = 10  # of the cohorts that are published with them


@dataclass(frozen=True, kw_only=True)
class Recording:
    """How long and how fast a loop was recorded, and where in the cycle it begins."""

    frames: int
    frame_ms: float
    first_phase: float
    rr_spread: float
    """Beat-to-beat standard deviation of the RR interval, as a part of it."""


def generator(seed: int, index: int, purpose: str) -> np.random.Generator:
    """A stream of random numbers of its own for each (seed, index, purpose): no purpose can disturb another."""
    return np.random.default_rng([seed, index, *purpose.encode()])


def draw_split(seed: int, index: int) -> Split:
    """Three quarters train, an eighth validation, an eighth test; nothing else of the heart depends on it."""
    place = generator(seed, index, "split").random()
    if place < TEST:
        return "test"
    return "validation" if place < TEST + VALIDATION else "train"


def fold_of(index: int) -> int:
    """In which fold a patient is tested, from 0: in turn, so that folds are even and a small cohort has the first."""
    return index % FOLDS


def draw_ef(rng: np.random.Generator) -> float:
    """An ejection fraction, %: most are normal, a quarter spreads out towards low values."""
    while True:
        healthy = rng.random() < 0.74
        ef = rng.normal(60.9, 5.6) if healthy else rng.normal(40.0, 14.5)
        if EF_LIMITS[0] <= ef <= EF_LIMITS[1]:
            return float(ef)


def draw_heart(seed: int, index: int) -> Heart:
    """The heart of one patient of an echo cohort."""
    rng = generator(seed, index, "heart")
    return heart_of(draw_ef(rng), rng)


def heart_of(ef: float, rng: np.random.Generator) -> Heart:
    """A heart with this ejection fraction (%); everything else is drawn."""
    failing = max(0.0, 55.0 - ef) / 55.0
    edv = float(np.clip(np.exp(rng.normal(math.log(84.0), 0.30)) * (1.0 + 1.0 * failing), *EDV_LIMITS))
    length = float(86.0 * (edv / 105.0) ** rng.uniform(0.24, 0.34) * np.exp(rng.normal(0.0, 0.05)))
    return Heart(
        edv=edv,
        esv=edv * (1.0 - ef / 100.0),
        heart_rate=float(np.clip(rng.normal(68.0 + 10.0 * failing, 12.0), 42.0, 125.0)),
        timing=_timing(rng),
        length=length,
        power=float(rng.uniform(1.9, 3.2)),
        bulge=float(rng.uniform(0.2, 0.9)),
        ratio=float(rng.uniform(0.92, 1.08)),
        bend=float(rng.normal(0.0, 1.5)),
        mapse=float(np.clip(0.21 * ef * np.exp(rng.normal(0.0, 0.2)), 2.0, 0.24 * length)),
        wall=float(np.clip(rng.normal(9.4, 1.8), 6.0, 17.0)),
        apical_wall=float(rng.uniform(4.5, 8.5)),
        **_regional(rng, failing),
        twist=float(rng.uniform(0.05, 0.3)),
        sway=float(rng.normal(0.0, 1.5)),
        **_other_chambers(rng, edv, ef),
        papillary=float(rng.uniform(3.0, 5.5)),
        coaptation=float(rng.uniform(0.05, 0.4)),
        tenting=float(rng.uniform(3.0, 8.0)),
        leaflet=float(rng.uniform(0.7, 1.5)),
    )


def draw_recording(seed: int, index: int, max_frames: int = FRAME_LIMITS[1]) -> Recording:
    """Length and speed of the loop of one patient."""
    rng = generator(seed, index, "recording")
    rate = float(np.clip(50.0 + rng.choice([0.0, 0.0, 1.0]) * rng.normal(3.0, 12.0), *RATE_LIMITS))
    long = rng.random() < 0.01
    frames = int(np.clip(round(rng.uniform(24, 1000) if long else rng.gamma(9.6, 17.9)), *FRAME_LIMITS))
    return Recording(
        frames=min(frames, max_frames),
        frame_ms=1000.0 / rate,
        first_phase=float(rng.random()),
        rr_spread=float(rng.choice([0.015, 0.03, 0.12], p=[0.6, 0.33, 0.07])),
    )


def _timing(rng: np.random.Generator) -> Timing:
    fibrillating = rng.random() < 0.05
    return Timing(
        contraction=float(rng.uniform(0.02, 0.06)),
        systole=float(rng.uniform(0.29, 0.43)),
        relaxation=float(rng.uniform(0.05, 0.10)),
        early=float(rng.uniform(0.13, 0.20)),
        atrial=float(rng.uniform(0.80, 0.88)),
        early_share=float(rng.uniform(0.45, 0.70)),
        atrial_share=0.0 if fibrillating else float(rng.uniform(0.10, 0.28)),
    )


def _regional(rng: np.random.Generator, failing: float) -> dict[str, Any]:
    """An infarct (likelier in a failing ventricle) or a thick septum, or neither."""
    lazy = rng.random() < 0.08 + 0.5 * failing
    thick = rng.random() < 0.12
    place = Region(
        angle=float(rng.uniform(-math.pi, math.pi)),
        width=float(rng.uniform(0.6, 1.1)),
        level=float(rng.uniform(0.4, 0.95)),
        height=float(rng.uniform(0.25, 0.45)),
    )
    septum = Region(angle=math.pi, width=0.9, level=0.3, height=0.4)
    return {
        "lazy": place if lazy else None,
        "laziness": float(rng.uniform(0.3, 1.0)),
        "thick": septum if thick else None,
        "thicker": float(rng.uniform(0.2, 0.8)),
    }


def _other_chambers(rng: np.random.Generator, edv: float, ef: float) -> dict[str, Any]:
    la, ra = float(rng.uniform(20.0, 60.0)), float(rng.uniform(20.0, 55.0))
    rv = float(np.clip(edv * rng.uniform(0.7, 1.4), 50.0, 220.0))
    return {
        "rv": Chamber(at_ed=rv, at_es=rv * float(rng.uniform(0.38, 0.65)), length=75.0),
        "rv_wall": float(rng.uniform(2.5, 5.0)),
        "rv_apex": float(rng.uniform(12.0, 26.0)),
        "tapse": float(np.clip(rng.normal(14.0 + 0.12 * ef, 3.5), 8.0, 28.0)),
        "la": Chamber(at_ed=la, at_es=la * float(rng.uniform(1.25, 2.1)), length=float(rng.uniform(34.0, 55.0))),
        "ra": Chamber(at_ed=ra, at_es=ra * float(rng.uniform(1.2, 1.8)), length=float(rng.uniform(34.0, 52.0))),
        "la_tilt": float(rng.normal(0.0, 0.1)),
    }


def draw_phases(recording: Recording, heart_rate: float, rng: np.random.Generator) -> Float[np.ndarray, " time"]:
    """Phase of every frame: whole numbers are end-diastoles, the fraction is the place in the cycle."""
    times = np.arange(recording.frames) * recording.frame_ms
    rr = 60_000.0 / heart_rate
    beats = int(times[-1] / (0.5 * rr)) + 4
    lengths = rr * np.clip(np.exp(rng.normal(0.0, recording.rr_spread, beats)), 0.6, 1.6)
    starts = np.concatenate([[0.0], np.cumsum(lengths)]) - recording.first_phase * lengths[0]
    return np.asarray(np.interp(times, starts, np.arange(beats + 1)))
