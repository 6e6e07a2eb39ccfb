"""What the phantom writes in a layout is what is read back: every layout, every label, every pixel that it can keep."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cinecor import datasets, io
from cinecor.phantom import echo_study, mri_study
from cinecor.records import Study

LOSSLESS = {"echonet_dynamic": False, "acdc": True, "dicom_folder": True}
KEPT = {
    "echonet_dynamic": ("ef", "edv_ml", "esv_ml"),
    "acdc": ("group", "height_cm", "weight_kg", "ed_frame", "es_frame"),
    "dicom_folder": ("ef", "edv_ml", "esv_ml"),
}


def _studies(layout: str) -> list[Study]:
    if layout == "acdc":
        return [mri_study(5, index) for index in range(2)]
    return [echo_study(5, index, max_frames=26) for index in range(3)]


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
        _same_pictures(study, found, exact=LOSSLESS[layout])


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
        for frame in set(one.contours) & set(other.contours):
            assert _overlap(one.contours[frame], other.contours[frame], before.shape[2:]) > 0.97


def _overlap(one, other, size):
    masks = [np.zeros((size[0] * 4, size[1] * 4), np.uint8) for _ in range(2)]
    for mask, contour in zip(masks, (one, other), strict=True):
        cv2.fillPoly(mask, [np.rint(contour * 4).astype(np.int32)], 1)
    return 2 * (masks[0] & masks[1]).sum() / (masks[0].sum() + masks[1].sum())
