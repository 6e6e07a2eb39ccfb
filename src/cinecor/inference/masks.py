"""Volumes and ejection fraction of a short-axis study that brings masks of its ventricles at ED and ES."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from cinecor import io
from cinecor.measures import ejection_fraction, myocardial_mass_g, stack_volume_ml
from cinecor.records import Cine, Measurement, Study

RIGHT, MYOCARDIUM, LEFT = 1, 2, 3  # labels of a mask, as ACDC has them
METHOD = "the study's own masks, every slice times its thickness"


def has_masks(study: Study) -> bool:
    """Whether every slice has masks of the same two or more phases, and a size."""
    phases = {frozenset(cine.masks) for cine in study.cines}
    sized = all(cine.spacing_mm and cine.thickness_mm for cine in study.cines)
    return bool(study.cines) and sized and len(phases) == 1 and len(next(iter(phases))) >= 2


def measure_masks(study: Study) -> tuple[tuple[Measurement, ...], int, int]:
    """Volumes, EF of both ventricles and LV mass; and the ED and ES frame (largest and smallest LV).

    Raises:
        InputError: a mask that cannot be read, or that holds no left ventricle.
    """
    volumes = {phase: _volumes(study.cines, phase) for phase in sorted(study.cines[0].masks)}
    ed = max(volumes, key=lambda phase: volumes[phase][LEFT])
    es = min(volumes, key=lambda phase: volumes[phase][LEFT])
    full, empty = volumes[ed], volumes[es]
    found = [
        ("ef", ejection_fraction(full[LEFT], empty[LEFT]), "%"),
        ("edv_ml", full[LEFT], "mL"),
        ("esv_ml", empty[LEFT], "mL"),
        ("sv_ml", full[LEFT] - empty[LEFT], "mL"),
        ("lv_mass_g", myocardial_mass_g(full[MYOCARDIUM]), "g"),
    ]
    if full[RIGHT] > 0 and full[RIGHT] > empty[RIGHT]:
        found += [
            ("rvef", ejection_fraction(full[RIGHT], empty[RIGHT]), "%"),
            ("rv_edv_ml", full[RIGHT], "mL"),
            ("rv_esv_ml", empty[RIGHT], "mL"),
        ]
    rows = tuple(Measurement(name=name, value=value, unit=unit, method=METHOD) for name, value, unit in found)
    return rows, ed, es


def _volumes(cines: Sequence[Cine], phase: int) -> dict[int, float]:
    masks: list[UInt8[np.ndarray, "height width"]] = [io.load_mask(cine, phase) for cine in cines]
    totals = dict.fromkeys((RIGHT, MYOCARDIUM, LEFT), 0.0)
    for cine, mask in zip(cines, masks, strict=True):
        assert cine.spacing_mm is not None
        assert cine.thickness_mm is not None
        for label in totals:
            totals[label] += stack_volume_ml(mask[None], label, cine.spacing_mm, cine.thickness_mm)
    return totals
