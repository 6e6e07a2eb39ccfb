"""Short-axis MRI: masks that hold the exact volumes, groups that mean what ACDC's mean."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from cinecor.measures import myocardial_mass_g, stack_volume_ml
from cinecor.phantom import mri_study
from cinecor.phantom.mri_patient import GROUPS, Group, draw_patient
from cinecor.records import Study


@pytest.fixture(scope="module")
def study() -> Study:
    return mri_study(2, 1, phases=12)


def stack(study: Study, phase: str) -> np.ndarray:
    return np.stack([cine.masks[int(study.labels[phase])] for cine in study.cines])


def test_mask_volumes_are_the_closed_form(study: Study) -> None:
    first = study.cines[0]
    assert first.spacing_mm is not None
    assert first.thickness_mm is not None
    for phase, left, right in (("ed_frame", "edv_ml", "rv_edv_ml"), ("es_frame", "esv_ml", "rv_esv_ml")):
        masks = stack(study, phase)
        # A stack of thick slices knows the base and the apex only to part of a slice.
        slack = 0.5 * first.thickness_mm * np.pi * 25.0**2 / 1000.0
        assert stack_volume_ml(masks, 3, first.spacing_mm, first.thickness_mm) == pytest.approx(
            study.labels[left], abs=slack
        )
        assert stack_volume_ml(masks, 1, first.spacing_mm, first.thickness_mm) == pytest.approx(
            study.labels[right], abs=1.6 * slack
        )
    mass = myocardial_mass_g(stack_volume_ml(stack(study, "ed_frame"), 2, first.spacing_mm, first.thickness_mm))
    assert mass == pytest.approx(study.labels["lv_mass_g"], rel=0.1)


def test_stack_and_phases(study: Study) -> None:
    assert 6 <= len(study.cines) <= 14
    positions = [cine.position_mm for cine in study.cines]
    assert np.allclose(np.diff(positions), study.cines[0].thickness_mm)
    for cine in study.cines:
        assert cine.frames == 12
        assert cine.source.dtype == np.float32
        assert np.isfinite(cine.source).all()


def test_blood_is_brighter_than_muscle(study: Study) -> None:
    cine = study.cines[len(study.cines) // 2]
    mask, image = cine.masks[0], cine.source[0, 0]
    assert image[mask == 3].mean() > 1.6 * image[mask == 2].mean()


def test_pixels_are_a_function_of_the_arguments() -> None:
    one, other = mri_study(1, 3, phases=2), mri_study(1, 3, phases=2)
    np.testing.assert_array_equal(one.cines[2].source, other.cines[2].source)


@pytest.mark.parametrize("group", get_args(Group))
def test_groups_mean_what_acdcs_mean(group: Group) -> None:
    patients = [draw_patient(0, index, group) for index in range(60)]
    ef = np.array([patient.heart.ef for patient in patients])
    edv = np.array([patient.heart.edv / patient.body_surface_m2 for patient in patients])
    if group == "NOR":
        assert ef.min() > 50
    if group == "DCM":
        assert ef.max() < 40
        assert edv.min() > 100
    if group == "HCM":
        assert ef.min() > 55
        assert min(patient.heart.wall * (1 + patient.heart.thicker) for patient in patients) > 15
    if group == "MINF":
        assert ef.max() < 40
        assert all(patient.heart.lazy is not None for patient in patients)
    if group == "RV":
        volumes = [patient.heart.rv.at_ed / patient.body_surface_m2 for patient in patients]
        assert all(volume > 110 or patient.rv_ef < 40 for volume, patient in zip(volumes, patients, strict=True))


def test_groups_are_drawn_evenly() -> None:
    drawn = [draw_patient(0, index).group for index in range(500)]
    for group in GROUPS:
        assert drawn.count(group) == pytest.approx(100, abs=35)
