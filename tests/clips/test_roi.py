from __future__ import annotations

import numpy as np
import pytest

from cinecor.clips import prepare
from cinecor.clips.roi import box_of, mark_roi
from cinecor.errors import InputError
from cinecor.records import Cine, ClipSpec

ROI = ClipSpec(length=1, height=8, width=8, crop="roi")


def make_cine(masks: dict[int, np.ndarray], frames: int = 2) -> Cine:
    levels = np.random.default_rng(0).integers(0, 255, (frames, 1, 30, 40), np.uint8)
    return Cine(source=levels, modality="MR", frames=frames, height=30, width=40, masks=masks)


def mask(top: int, bottom: int, left: int, right: int, label: int = 3) -> np.ndarray:
    found = np.zeros((30, 40), np.uint8)
    found[top:bottom, left:right] = label
    return found


def test_the_box_holds_every_labelled_pixel_and_no_more() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        labels = (rng.random((30, 40)) < 0.01).astype(np.uint8) * rng.integers(1, 4)
        rows, columns = np.nonzero(labels)
        assert box_of(labels) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert box_of(np.zeros((4, 4), np.uint8)) is None


def test_the_box_of_a_cine_is_around_all_its_masks() -> None:
    marked = mark_roi(make_cine({0: mask(4, 10, 6, 12), 1: mask(8, 20, 2, 9, 1)}))
    assert marked is not None
    assert marked.region == (2, 4, 12, 20)
    assert mark_roi(make_cine({0: mask(0, 0, 0, 0)})) is None
    assert mark_roi(make_cine({})) is None


def test_the_square_about_the_box_is_shown() -> None:
    cine = mark_roi(make_cine({0: mask(6, 14, 20, 26)}))
    assert cine is not None
    assert np.array_equal(prepare(cine.source, cine, ROI), cine.source[:, :, 6:14, 19:27])
    edge = mark_roi(make_cine({0: mask(0, 8, 0, 2)}))  # the square reaches three pixels past the frame
    assert edge is not None
    shown = prepare(edge.source, edge, ROI)
    assert not shown[..., :3].any()
    assert np.array_equal(shown[..., 3:], edge.source[:, :, :8, :5])


def test_without_masks_it_is_refused() -> None:
    cine = make_cine({})
    with pytest.raises(InputError, match="NO_PIXELS: nobody has outlined this heart"):
        prepare(cine.source, cine, ROI)
