"""What the phantom writes in a layout is what is read back: every layout, every label, every pixel that it can keep."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cinecor import datasets, io
from cinecor.datasets.hmc_qu_workbooks import SEGMENTS
from cinecor.phantom import population
from cinecor.records import Study

LOSSLESS = {"acdc", "camus", "dicom_folder"}
RESAMPLED = {"hmc_qu"}  # masks are stored at another size than the frames
COHORTS = {
    "acdc": (1, None),
    "hmc_qu": (1, None),
    "camus": (3, 4),
    "echonet_pediatric": (2, 6),
    "echonet_lvh": (2, 6),
    "view_folders": (1, 1),
}
"""Studies, and frames at most; the others make 3 studies of 26."""
VIEWED = ("a4c", "a2c")
KEPT = {
    "echonet_dynamic": {"ef", "edv_ml", "esv_ml"},
    "acdc": {"group", "height_cm", "weight_kg", "ed_frame", "es_frame"},
    "camus": {
        *("ef", "edv_ml", "esv_ml", "sex", "age_years", "fold"),
        *(f"{name}_{view}" for name in ("quality", "ed_frame", "es_frame") for view in VIEWED),
    },
    "hmc_qu": {
        "infarct",
        *(f"{name}_{view}" for name in ("infarct", "reference_frame", "end_of_cycle") for view in VIEWED),
        *(f"seg{segment}" for segments in SEGMENTS.values() for segment in segments),
    },
    "echonet_pediatric": {"ef", "fold", "sex", "age_years", "weight_kg", "height_cm"},
    "echonet_lvh": {"ivsd_mm", "lvidd_mm", "lvpwd_mm", "ivss_mm", "lvids_mm", "lvpws_mm"},
    "dicom_folder": {"ef", "edv_ml", "esv_ml"},
    "view_folders": {"lvh", "lvh_grade", "lvh_pattern", "ivsd_mm", "lvpwd_mm", "ef", "ed_frame", "scanner"},
}
KNOWN_ELSEWHERE = {"dicom_folder"}  # a DICOM file has no place for a label


def _studies(layout: str) -> list[Study]:
    studies, frames = COHORTS.get(layout, (3, 26))
    return list(population(layout, studies=studies, seed=5, max_frames=frames))


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
        assert study.labels.keys() >= KEPT[layout]
        assert layout in KNOWN_ELSEWHERE or found.labels.keys() >= KEPT[layout]
        for name in KEPT[layout] & found.labels.keys():
            expected = study.labels[name]
            assert found.labels[name] == (expected if isinstance(expected, str) else pytest.approx(expected))
        _same_pictures(study, found, layout)
    assert not [problem for problem in room.check(tmp_path / "data").problems if problem.severity == "error"]


def _same_pictures(study, found, layout):
    for one, other in zip(study.cines, found.cines, strict=True):
        before, after = io.load(one), io.load(other)
        assert other.outlines.keys() == (one.outlines.keys() if layout == "view_folders" else set())
        for name, lines in other.outlines.items():
            assert lines.keys() == one.outlines[name].keys()
            for frame, line in lines.items():
                np.testing.assert_allclose(line, one.outlines[name][frame], atol=0.01)
        assert before.shape[0] == after.shape[0]
        if layout in LOSSLESS:
            np.testing.assert_array_equal(before, after)
        else:
            assert np.abs(before.astype(int) - after[:, : before.shape[1]]).mean() < 3
        assert set(other.masks) == set(one.masks)
        for frame in one.masks:
            kept, drawn = io.load_mask(other, frame), io.load_mask(one, frame)
            assert kept.shape == drawn.shape
            differing = np.count_nonzero(kept != drawn)
            assert differing <= (0.1 * np.count_nonzero(drawn) if layout in RESAMPLED else 0)
        assert dict(other.calipers) == dict(one.calipers)
        for frame in set(one.contours) & set(other.contours):
            assert _overlap(one.contours[frame], other.contours[frame], before.shape[2:]) > 0.97


def _overlap(one, other, size):
    masks = [np.zeros((size[0] * 4, size[1] * 4), np.uint8) for _ in range(2)]
    for mask, contour in zip(masks, (one, other), strict=True):
        cv2.fillPoly(mask, [np.rint(contour * 4).astype(np.int32)], 1)
    return 2 * (masks[0] & masks[1]).sum() / (masks[0].sum() + masks[1].sum())
