"""What the phantom writes in a layout is what is read back: every layout, every label, every pixel that it can keep."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from cinecor import datasets, io
from cinecor.datasets.hmc_qu_workbooks import SEGMENTS
from cinecor.phantom import echo_study, mri_study
from cinecor.records import Caliper, Study

LOSSLESS = {"acdc", "camus", "dicom_folder"}
BODY = {"ivsd_mm": 9.5, "lvidd_mm": 47.0}
KEPT = {
    "echonet_dynamic": ("ef", "edv_ml", "esv_ml"),
    "acdc": ("group", "height_cm", "weight_kg", "ed_frame", "es_frame"),
    "camus": ("ef", "edv_ml", "esv_ml", "sex", "quality_a4c", "ed_frame_a4c", "es_frame_a4c", "fold"),
    "hmc_qu": ("infarct", *(f"seg{segment}" for segment in SEGMENTS["A4C"])),
    "echonet_pediatric": ("ef", "age_years", "fold"),
    "echonet_lvh": tuple(BODY),
    "dicom_folder": ("ef", "edv_ml", "esv_ml"),
}


def _studies(layout: str) -> list[Study]:
    if layout == "acdc":
        return [mri_study(5, index) for index in range(2)]
    studies = [echo_study(5, index, max_frames=26) for index in range(3)]
    return [_fitted(study, index, layout) for index, study in enumerate(studies)]


def _fitted(study: Study, index: int, layout: str) -> Study:
    """The phantom's A4C loop with what a layout knows beyond it."""
    cine, labels, split = study.cines[0], dict(study.labels), study.split
    drawn = {frame: _drawn(contour, (cine.height, cine.width)) for frame, contour in cine.contours.items()}
    if layout == "camus":
        cine = replace(cine, masks=drawn, spacing_mm=(0.5, 0.5))
        labels |= {f"{name}_a4c": labels[name] for name in ("ed_frame", "es_frame")}
        labels |= {"sex": "F", "quality_a4c": "Good", "fold": float(index)}
    elif layout == "hmc_qu":
        labels |= {f"seg{segment}": float(segment == 3 and index == 0) for segment in SEGMENTS["A4C"]}
        labels |= {"infarct": float(index == 0)}
        split = None
    elif layout == "echonet_pediatric":
        labels |= {"age_years": 7.5, "fold": float(index)}
        split = None
    elif layout == "echonet_lvh":
        ends = {name.removesuffix("_mm"): (20.0, 20.0 + mm) for name, mm in BODY.items()}
        calipers = {name: Caliper(frame=index, start=(30.0, y), end=(30.0, end)) for name, (y, end) in ends.items()}
        cine, labels = replace(cine, view="PLAX", calipers=calipers), dict(BODY)
    return replace(study, cines=(cine,), labels=labels, split=split)


def _drawn(contour, size):
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.rint(contour).astype(np.int32)], 1)
    return mask


@pytest.mark.parametrize("layout", sorted(datasets.layouts()))
def test_the_phantom_survives_every_layout(layout, tmp_path):
    studies = _studies(layout)
    room = datasets.get(layout)
    room.write(studies, str(tmp_path / "data"))
    again = {study.id: study for study in room.read(str(tmp_path / "data"))}
    assert datasets.recognise(tmp_path / "data") == layout
    assert set(again) == {study.id for study in studies}
    for study in studies:
        found = again[study.id]
        assert found.split == study.split
        assert len(found.cines) == len(study.cines)
        for name in KEPT[layout]:
            if name in study.labels:
                expected = study.labels[name]
                assert found.labels[name] == (expected if isinstance(expected, str) else pytest.approx(expected))
        _same_pictures(study, found, exact=layout in LOSSLESS)


def _same_pictures(study, found, *, exact):
    for one, other in zip(study.cines, found.cines, strict=True):
        before, after = io.load(one), io.load(other)
        assert before.shape[0] == after.shape[0]
        if exact:
            np.testing.assert_array_equal(before, after)
        else:
            assert np.abs(before.astype(int) - after[:, : before.shape[1]]).mean() < 3
        assert set(other.masks) == set(one.masks)
        for frame in one.masks:
            np.testing.assert_array_equal(io.load_mask(other, frame), io.load_mask(one, frame))
        assert dict(other.calipers) == dict(one.calipers)
        for frame in set(one.contours) & set(other.contours):
            assert _overlap(one.contours[frame], other.contours[frame], before.shape[2:]) > 0.97


def _overlap(one, other, size):
    masks = [np.zeros((size[0] * 4, size[1] * 4), np.uint8) for _ in range(2)]
    for mask, contour in zip(masks, (one, other), strict=True):
        cv2.fillPoly(mask, [np.rint(contour * 4).astype(np.int32)], 1)
    return 2 * (masks[0] & masks[1]).sum() / (masks[0].sum() + masks[1].sum())
