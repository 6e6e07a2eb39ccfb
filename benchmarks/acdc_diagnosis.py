"""Diagnosis of ACDC's patients from the experts' masks: what it could reach if segmentation were perfect.

python benchmarks/acdc_diagnosis.py FOLDER OUT [--error MM]      (the folder that holds patient001 …)

``--error`` moves the masks' borders at random by a field with that standard deviation, smooth over 6 mm, at ED and ES
independently: an upper bound for masks that are as wrong as those.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import ndimage

from cinecor.datasets import acdc
from cinecor.evaluation.diagnosis_report import write_account
from cinecor.records import Study
from cinecor.training.cine_mri import diagnose, measure_masks
from cinecor.training.splitting import draw_folds
from cinecor.training.stacks import phase_frames, read_labels

SMOOTH_MM = 6.0


def moved(volume: np.ndarray, spacing: tuple[float, float], error_mm: float, rng: np.random.Generator) -> np.ndarray:
    """Labels of a stack, each slice's moved by its own random field."""
    if error_mm == 0:
        return volume
    found = []
    for labels in volume:
        fields = [ndimage.gaussian_filter(rng.normal(size=labels.shape), SMOOTH_MM / spacing[0]) for _ in range(2)]
        steps = [field / field.std() * error_mm / step for field, step in zip(fields, spacing, strict=True)]
        places = [place + step for place, step in zip(np.indices(labels.shape), steps, strict=True)]
        found.append(ndimage.map_coordinates(labels, places, order=0))
    return np.stack(found)


def measure(study: Study, error_mm: float, rng: np.random.Generator) -> dict[str, float]:
    """The figures of a patient's masks."""
    spacing = study.cines[0].spacing_mm
    assert spacing is not None
    frames = phase_frames(study)
    ed, es = (moved(read_labels(study, frames[phase]), spacing, error_mm, rng) for phase in ("ed", "es"))
    return measure_masks(study, ed, es)


def main() -> None:
    """Measure, diagnose in a nested cross-validation, write the page, print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--error", type=float, default=0.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    studies = draw_folds(acdc.read(options.folder), 5, options.seed, "group")
    rows = [
        {"patient": study.patient_id, "fold": int(study.labels["fold"]), "group": study.labels["group"]}
        | measure(study, options.error, rng)
        for study in studies
    ]
    account, _ = diagnose(pd.DataFrame(rows), seed=options.seed, report=print)
    title = "Diagnosis from experts' masks" + (f", moved by {options.error:g} mm" if options.error else "")
    page = write_account(options.out, account, title=title, facts=f"{len(rows)} patients, 5 outer folds.")
    print(page.with_suffix(".md").read_text("utf-8"))


if __name__ == "__main__":
    main()
