"""Masks through the square that a network sees and back, base and apex, phases of a curve; on the phantom's MRI."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cinecor import io
from cinecor.clips.labelling import choose_labels, restore, share_pixels
from cinecor.clips.preparation import centred_square
from cinecor.inference.stack import Stack, base_is_first, find_stack
from cinecor.inference.stack_curve import find_steady
from cinecor.measures.short_axis import measure_stack
from cinecor.phantom import mri_study
from cinecor.records import STRUCTURES, ClipSpec, Study

SPEC = ClipSpec(length=1, height=144, width=144, crop="centre", spacing_mm=1.6)


@pytest.fixture(scope="module")
def study() -> Study:
    return mri_study(2, 1, phases=3)


def volume(study: Study, frame: int) -> np.ndarray:
    return np.stack([io.load_mask(cine, frame) for cine in study.cines])


def test_volumes_survive_the_way_there_and_back(study: Study) -> None:
    stack = find_stack(study)
    assert isinstance(stack, Stack)
    true, seen = {}, {}
    for name, frame in (("ed", 0), ("es", int(study.labels["es_frame"]))):
        true[name] = volume(study, frame)
        back = []
        for cine, mask in zip(stack.cines, true[name], strict=True):
            square = centred_square(*mask.shape, cine, SPEC)
            back.append(
                choose_labels(restore(share_pixels(mask, STRUCTURES, square, SPEC), square, *mask.shape), STRUCTURES)
            )
        seen[name] = np.stack(back)
    size = (stack.spacing_mm, stack.thickness_mm)
    truth, found = measure_stack(true["ed"], true["es"], *size), measure_stack(seen["ed"], seen["es"], *size)
    for name in ("edv_ml", "esv_ml", "rv_edv_ml", "rv_esv_ml", "lv_mass_g", "wall_ed_mean_mm"):
        assert found[name] == pytest.approx(truth[name], rel=0.03), name
    assert found["ef"] == pytest.approx(truth["ef"], abs=1.0)


def test_the_phantoms_base_comes_first(study: Study) -> None:
    masks = volume(study, 0)
    assert base_is_first(masks)
    assert not base_is_first(masks[::-1])


def test_slices_are_put_in_order(study: Study) -> None:
    order = np.random.default_rng(1).permutation(len(study.cines))
    stack = find_stack(replace(study, cines=tuple(study.cines[place] for place in order)))
    assert isinstance(stack, Stack)
    assert [int(order[index]) for index in stack.indices] == list(range(len(order)))
    assert stack.thickness_mm == study.cines[0].thickness_mm
    assert stack.warnings == ("3 phases are few: end-systole may lie between two of them",)


def test_a_curve_is_steady_and_an_outlier_is_not() -> None:
    curve = 100 - 60 * np.sin(np.pi * np.arange(20) / 20) ** 4
    assert find_steady(curve).all()
    curve[7] = 5.0
    assert not find_steady(curve)[7]
    assert find_steady(curve)[[0, 10, 15]].all()
    assert find_steady(np.array([100.0, 10.0, 90.0])).all()  # too few to say
    assert find_steady(np.full(9, 3.0)).all()


@pytest.mark.realdata
def test_sunnybrook_is_one_stack_in_order(shared_data: Path) -> None:
    ((study,), _) = io.discover([shared_data / "sunnybrook"])
    stack = find_stack(study)
    assert isinstance(stack, Stack)
    assert (len(stack.cines), stack.phases) == (11, 20)
    assert stack.thickness_mm == pytest.approx(8.0, abs=0.01)
    assert stack.warnings == ()
    assert np.diff([cine.position_mm for cine in stack.cines]).min() > 7.9


@pytest.mark.realdata
def test_in_every_acdc_patient_the_base_comes_first(shared_data: Path) -> None:
    from cinecor import datasets

    for study in datasets.get("acdc").read(shared_data / "acdc" / "training")[::10]:
        stack = find_stack(study)
        assert isinstance(stack, Stack)
        assert stack.warnings == ()
        assert base_is_first(volume(study, int(study.labels["ed_frame"])))
