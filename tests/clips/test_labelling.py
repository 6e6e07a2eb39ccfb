"""Masks to shares of a clip's pixels and back: they lie where the picture lies."""

import numpy as np
import pytest

from cinecor.clips.labelling import choose_labels, label_of, restore, share_pixels
from cinecor.clips.preparation import centred_square, prepare_located
from cinecor.records import STRUCTURES, Cine, ClipSpec

TALL, WIDE = 90, 120


def _mask(height=TALL, width=WIDE):
    """Three rings about a point off the middle."""
    rows, columns = np.mgrid[:height, :width]
    away = np.hypot(rows - 0.55 * height, 1.2 * (columns - 0.4 * width))
    return np.select([away < 10, away < 16, away < 24], [3, 2, 1], 0).astype(np.uint8)


def _spec(size=80, spacing=1.3):
    return ClipSpec(length=1, height=size, width=size, crop="centre", spacing_mm=spacing)


def _cine(spacing=(1.5, 1.5)):
    frames = np.zeros((1, 1, TALL, WIDE), np.uint8)
    return Cine(source=frames, modality="MR", spacing_mm=spacing)


def test_labels_are_places_in_the_list():
    assert [label_of(name) for name in STRUCTURES] == [1, 2, 3]
    with pytest.raises(ValueError, match="not in tuple"):
        label_of("atrium")


@pytest.mark.parametrize("spacing", [0.9, 1.5, 2.2, 4.0])
def test_shares_are_the_resized_picture_of_each_label(spacing):
    cine, spec, mask = _cine(), _spec(64, spacing), _mask()
    square = centred_square(TALL, WIDE, cine, spec)
    shares = share_pixels(mask, STRUCTURES, square, spec)
    for name, share in zip(STRUCTURES, shares, strict=True):
        picture = (255 * (mask == label_of(name))).astype(np.uint8)[None, None]
        prepared = prepare_located(picture, cine, spec)
        assert prepared.square == square
        np.testing.assert_allclose(share, prepared.frames[0, 0] / 255.0, atol=1 / 255)


def test_the_area_of_what_the_clip_shows_is_kept():
    mask, spec = _mask(), _spec(60, 4.5)  # three recorded pixels make one: averaged by area
    square = centred_square(TALL, WIDE, _cine(), spec)
    shares = share_pixels(mask, ("lv", "rv"), square, spec)
    pixel = (square[2] - square[0]) / spec.width * (square[3] - square[1]) / spec.height
    np.testing.assert_allclose(shares.sum(axis=(1, 2)) * pixel, [(mask == 3).sum(), (mask == 1).sum()], rtol=1e-3)


def test_a_square_beyond_the_frame_holds_nothing_there():
    mask = np.full((20, 30), 3, np.uint8)
    shares = share_pixels(mask, ("lv",), (-5, -10, 35, 30), ClipSpec(length=1, height=40, width=40))
    expected = np.zeros((40, 40))
    expected[10:30, 5:35] = 1
    np.testing.assert_array_equal(shares[0], expected)


@pytest.mark.parametrize(("spacing", "least"), [(1.0, 0.97), (1.5, 1.0), (1.9, 0.94)])
def test_there_and_back_is_nearly_the_same(spacing, least):
    mask, spec = _mask(), _spec(100, spacing)
    square = centred_square(TALL, WIDE, _cine(), spec)
    again = choose_labels(restore(share_pixels(mask, STRUCTURES, square, spec), square, TALL, WIDE), STRUCTURES)
    assert again.dtype == np.uint8
    for label in (1, 2, 3):
        one, other = mask == label, again == label
        assert 2 * (one & other).sum() / (one.sum() + other.sum()) >= least


def test_where_the_clip_did_not_look_there_is_nothing():
    restored = restore(np.ones((1, 8, 8)), (10, 20, 26, 36), TALL, WIDE)
    expected = np.zeros((TALL, WIDE))
    expected[20:36, 10:26] = 1
    np.testing.assert_array_equal(restored[0], expected)


def test_the_most_probable_structure_wins_where_it_is_probable():
    probabilities = np.array([[[0.6, 0.4, 0.5, 0.2]], [[0.7, 0.3, 0.49, 0.2]], [[0.2, 0.45, 0.1, 0.9]]])
    np.testing.assert_array_equal(choose_labels(probabilities, STRUCTURES), [[2, 0, 1, 3]])
    np.testing.assert_array_equal(choose_labels(probabilities[2:], ("lv",)), [[0, 0, 0, 3]])
