"""Outlines on the frames of a clip: the picture of a shape and the mask of its outline stay together."""

import cv2
import numpy as np
import pytest

from cinecor.clips import Augmentation, Cache, ClipDataset, Sampling
from cinecor.clips.dataset import STREAM
from cinecor.clips.outlining import fill_outlines, to_clip, to_recorded
from cinecor.clips.transforms import apply, draw
from cinecor.measures import contour_area_mm2
from cinecor.records import LV, Cine, ClipSpec, Study

SPEC = ClipSpec(length=1, height=60, width=80)
TURNS = np.linspace(0, 2 * np.pi, 200, endpoint=False)


def _pear(x=150.0, y=100.0):
    radius = 45 + 12 * np.cos(TURNS) + 8 * np.sin(2 * TURNS)
    return np.stack([x + 1.2 * radius * np.cos(TURNS), y + radius * np.sin(TURNS)], axis=1)


def _picture(points, height=200, width=320):
    """White inside the outline: OpenCV's own filling, finer than the pixels."""
    fine = np.zeros((height * 16, width * 16), np.uint8)
    cv2.fillPoly(fine, [np.rint((points + 0.5) * 16 - 0.5).astype(np.int32)], 255)
    return cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)


def _study(**changes):
    points = _pear()
    frames = np.stack([_picture(points), _picture(points + 6), np.zeros((200, 320), np.uint8)])[:, None]
    cine = Cine(source=frames, modality="US", frames=3, height=200, width=320, contours={0: points, 1: points + 6})
    return Study(id="pear", cines=(cine,), labels={"ef": 50.0}, **changes)


def _centre_and_area(picture):
    rows, columns = np.mgrid[: picture.shape[0], : picture.shape[1]]
    return (columns * picture).sum() / picture.sum(), (rows * picture).sum() / picture.sum(), picture.sum() / 50


def _dice(one, other):
    return 2 * np.minimum(one, other).sum() / (one.sum() + other.sum())


def test_the_covered_area_is_that_of_the_outline():
    square = (-10, 5, 310, 205)  # 4 and 3.33 recorded pixels make one of the clip's
    mask = fill_outlines({3: _pear()}, np.array([3]), square, SPEC)
    expected = contour_area_mm2(_pear(), (1.0, 1.0)) * (80 / 320) * (60 / 200)
    np.testing.assert_allclose(mask.sum(), expected, rtol=0.002)


def test_frames_without_an_outline_are_unknown():
    masks = fill_outlines({3: _pear()}, np.array([2, 3, -1]), (0, 0, 320, 200), SPEC)
    assert [bool(np.isnan(mask).all()) for mask in masks] == [True, False, True]


def test_there_and_back():
    points, square = _pear(), (-7, 12, 290, 240)
    np.testing.assert_allclose(to_recorded(to_clip(points, square, SPEC), square, SPEC), points, atol=1e-9)


def test_pixel_centres_stay_centres():
    whole = (0, 0, 320, 200)
    ends = to_clip(np.array([[-0.5, -0.5], [319.5, 199.5]]), whole, SPEC)
    np.testing.assert_allclose(ends, [[-0.5, -0.5], [79.5, 59.5]])


@pytest.mark.parametrize("seed", range(8))
def test_an_outline_moves_as_its_picture_does(seed):
    points = _pear() / 4
    picture = _picture(points, 60, 80)
    ranges = Augmentation(pad=4, rotation_deg=30.0, scale=(0.7, 1.2), shift=0.1, flip=0.5)
    variation = draw(ranges, np.random.default_rng(seed))
    moved = apply(variation, picture[None, None])[0, 0] / 255.0
    mask = fill_outlines({0: points}, np.array([0]), (0, 0, 80, 60), SPEC, variation)[0]
    assert _dice(moved, mask) > 0.97  # the moved picture is blurred a little
    np.testing.assert_allclose(_centre_and_area(moved), _centre_and_area(mask), atol=0.1)


def test_a_padded_crop_moves_it_too():
    picture = _picture(_pear() / 4, 60, 80)
    variation = draw(Augmentation(pad=9, flip=1.0), np.random.default_rng(3))
    moved = apply(variation, picture[None, None])[0, 0] / 255.0
    mask = fill_outlines({0: _pear() / 4}, np.array([0]), (0, 0, 80, 60), SPEC, variation)[0]
    assert _dice(moved, mask) > 0.985


@pytest.mark.parametrize("transform", [None, Augmentation(rotation_deg=20.0, scale=(0.8, 1.1), shift=0.1)])
def test_a_dataset_gives_every_outlined_frame_with_its_mask(tmp_path, transform):
    study = _study()
    cache = Cache.build([study], SPEC, tmp_path, progress=False)
    assert cache.square("pear") == (0, 0, 320, 200)
    clips = ClipDataset(
        [study], cache, SPEC, sampling=Sampling(how="outlined"), transform=transform, structures=(LV,), targets=()
    )
    assert [clips[index].indices for index in range(len(clips))] == [(0,), (1,)]
    for clip in clips:
        assert _dice(clip.inputs[STREAM][0, 0], clip.masks[LV][0]) > 0.98


def test_a_study_without_outlines_has_no_outlined_clips(tmp_path):
    study = _study()
    bare = Study(id="pear", cines=(Cine(source=study.cines[0].source, modality="US", frames=3),), labels={"ef": 1.0})
    cache = Cache.build([bare], SPEC, tmp_path, progress=False)
    assert len(ClipDataset([bare], cache, SPEC, sampling=Sampling(how="outlined"), structures=(LV,))) == 0
