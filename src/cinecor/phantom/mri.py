"""Short-axis cine MRI of synthetic hearts: a stack of slices with exact volumes, and masks at ED and ES."""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from cinecor.phantom.anatomy import Heart, state
from cinecor.phantom.echo import NOTE
from cinecor.phantom.mri_image import Scan, SliceImager, draw_scan
from cinecor.phantom.mri_patient import Group, draw_patient
from cinecor.phantom.population import draw_split, generator
from cinecor.records import Cine, Split, Study

DENSITY = 1.05  # g/mL of myocardium
SLICES = (6, 14)
PHASES = (12, 35)
THICKNESSES_MM = (5.0, 6.5, 7.0, 8.0, 10.0)
BREATH_MM = 1.2  # standard deviation of a slice's place between breath-holds


def mri_study(
    index: int, seed: int, *, split: Split | None = None, group: Group | None = None, phases: int | None = None
) -> Study:
    """One synthetic patient with a short-axis stack, one cine a slice; a pure function of its arguments.

    Args:
        index: which patient of the cohort.
        seed: which cohort.
        split: of the study; drawn (75 / 12.5 / 12.5 %) where not given.
        group: NOR, DCM, HCM, MINF or RV; drawn where not given.
        phases: of the cycle; 12 to 35, drawn, where not given.

    Returns:
        Labels, exact: ``ef``, ``edv_ml``, ``esv_ml``, ``rvef``, ``rv_edv_ml``, ``rv_esv_ml``, ``lv_mass_g``; and
        ``group``, ``height_cm``, ``weight_kg``, ``ed_frame``, ``es_frame``.
    """
    patient = draw_patient(seed, index, group)
    heart = patient.heart
    rng = generator(seed, index, "mri")
    scan, count = draw_scan(rng), phases or int(rng.integers(PHASES[0], PHASES[1] + 1))
    heights, thickness = _places(heart, rng)
    es = round(heart.timing.systole * count)
    cycle = _phases(heart, count, es)
    step = 60_000.0 / heart.heart_rate / count
    cines = tuple(
        _cine(heart, scan, place, float(height), thickness, cycle, step, (0, es), rng)
        for place, height in enumerate(heights)
    )
    labels = {
        "ef": heart.ef,
        "edv_ml": heart.edv,
        "esv_ml": heart.esv,
        "rvef": patient.rv_ef,
        "rv_edv_ml": heart.rv.at_ed,
        "rv_esv_ml": heart.rv.at_es,
        "lv_mass_g": DENSITY * heart.myocardium_ml,
        "group": patient.group,
        "height_cm": float(patient.height_cm),
        "weight_kg": float(patient.weight_kg),
        "ed_frame": 0.0,
        "es_frame": float(es),
    }
    return Study(id=f"{seed:04d}m{index:06d}", cines=cines, split=split or draw_split(seed, index), labels=labels)


def _places(heart: Heart, rng: np.random.Generator) -> tuple[Float[np.ndarray, " slice"], float]:
    """Heights of the slices above the apex, from base to apex, and their distance; they cover the LV at ED."""
    length = state(heart, 0.0).mitral_z
    fitting = [step for step in THICKNESSES_MM if SLICES[0] <= math.ceil(length / step) <= SLICES[1]]
    thickness = float(rng.choice(fitting))
    count = math.ceil(length / thickness)
    first = length - thickness * float(rng.uniform(0.35, 0.65))
    return first - thickness * np.arange(count), thickness


def _phases(heart: Heart, count: int, es: int) -> Float[np.ndarray, " time"]:
    """Phase of each frame: frame 0 is end-diastole and frame ``es`` end-systole, exactly."""
    return np.interp(np.arange(count), [0, es, count], [0.0, heart.timing.systole, 1.0])


def _cine(
    heart: Heart,
    scan: Scan,
    place: int,
    height: float,
    thickness: float,
    cycle: Float[np.ndarray, " time"],
    step_ms: float,
    labelled: tuple[int, int],
    rng: np.random.Generator,
) -> Cine:
    shift = (float(rng.normal(0.0, BREATH_MM)), float(rng.normal(0.0, BREATH_MM)))
    imager = SliceImager(heart, scan, height, thickness, shift, rng)
    frames = np.stack([imager.image(float(phase)) for phase in cycle])
    return Cine(
        source=frames[:, None],
        modality="MR",
        view="SAX",
        frames=len(frames),
        height=scan.size,
        width=scan.size,
        spacing_mm=(scan.spacing, scan.spacing),
        times_ms=tuple(float(time) for time in np.arange(len(frames)) * step_ms),
        slice_index=place,
        position_mm=place * thickness,
        thickness_mm=thickness,
        masks={frame: imager.mask(float(cycle[frame])) for frame in labelled},
        notes=(NOTE,),
    )
