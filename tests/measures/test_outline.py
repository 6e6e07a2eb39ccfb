from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from cinecor.errors import InputError
from cinecor.measures import chords, chords_volume_ml, disc_volume_ml, long_axis, outline, polygon_from_chords
from cinecor.measures.outline import contour_from_chords


def half_ellipse(length: float = 80.0, radius: float = 22.0, points: int = 2001) -> np.ndarray:
    """Apex up at (0, 0), mitral plane at y = length, from the left hinge to the right."""
    angle = np.linspace(np.pi, 0, points)
    return np.stack([radius * np.cos(angle), length * (1 - np.sin(angle))], axis=1)


def turned(contour: np.ndarray, degrees: float) -> np.ndarray:
    angle = math.radians(degrees)
    return contour @ np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])


def filled(contour: np.ndarray, size: int = 200) -> np.ndarray:
    """Pixels whose centres lie inside, so that their number is the area."""
    from matplotlib.path import Path

    y, x = np.mgrid[:size, :size]
    inside = Path(contour).contains_points(np.stack([x.ravel(), y.ravel()], axis=1))
    return inside.reshape(size, size).astype(np.uint8)


@pytest.mark.parametrize("degrees", [0, 37, 90, 180, 251])
def test_long_axis_runs_from_apex_to_the_middle_of_the_mitral_plane(degrees: float) -> None:
    shift = np.array([40.0, -7.0])
    axis = long_axis(turned(half_ellipse(), degrees) + shift)
    apex, base = turned(np.array([[0.0, 0.0], [0.0, 80.0]]), degrees) + shift
    assert axis.length == pytest.approx(80)
    np.testing.assert_allclose(axis.apex, apex, atol=1e-6)
    np.testing.assert_allclose(axis.base, base, atol=1e-6)


@pytest.mark.parametrize("degrees", [0, 37, 90, 180, 251])
def test_chords_lie_in_the_middle_of_their_discs_and_end_on_the_ellipse(degrees: float) -> None:
    rows = chords(turned(half_ellipse(), degrees))
    assert rows.shape == (21, 4)
    depth = 80 * (np.arange(20) + 0.5) / 20
    expected = 2 * 22 * np.sqrt(1 - (1 - depth / 80) ** 2)
    np.testing.assert_allclose(np.hypot(rows[1:, 2] - rows[1:, 0], rows[1:, 3] - rows[1:, 1]), expected, rtol=1e-4)
    axis = rows[0, 2:] - rows[0, :2]
    np.testing.assert_allclose((rows[1:, 2:] - rows[1:, :2]) @ axis, 0, atol=1e-6)
    middles = (rows[1:, 2:] + rows[1:, :2]) / 2
    np.testing.assert_allclose(np.linalg.norm(middles - rows[0, :2], axis=1), depth, atol=1e-3)


def test_chords_start_on_the_side_of_the_first_hinge() -> None:
    contour = half_ellipse()
    assert np.all(chords(contour)[1:, 0] < 0)
    assert np.all(chords(contour[::-1].copy())[1:, 0] > 0)


def test_polygon_is_the_one_that_echonet_dynamic_fills() -> None:
    rows = chords(half_ellipse())
    x1, y1, x2, y2 = rows.T
    x = np.concatenate((x1[1:], np.flip(x2[1:])))
    y = np.concatenate((y1[1:], np.flip(y2[1:])))
    np.testing.assert_array_equal(polygon_from_chords(rows), np.stack([x, y], axis=1))


def test_contour_from_chords_returns_to_the_contour() -> None:
    original = half_ellipse()
    again = contour_from_chords(chords(original))
    assert disc_volume_ml(again, (1.0, 1.0)) == pytest.approx(disc_volume_ml(original, (1.0, 1.0)), rel=5e-3)
    np.testing.assert_allclose(again[[0, -1]], original[[0, -1]], atol=0.3)


def test_a_dented_outline_is_crossed_from_outside_to_outside() -> None:
    box = np.array(
        [[0.0, 20.0], [0.0, 8.0], [10.0, 8.0], [10.0, 6.0], [0.0, 6.0], [0.0, 1.0], [20.0, 0.0], [21.0, 20.0]]
    )
    rows = chords(box, 40)
    lengths = np.hypot(rows[1:, 2] - rows[1:, 0], rows[1:, 3] - rows[1:, 1])
    assert np.isfinite(lengths).all()
    assert lengths.max() > 15


@pytest.mark.parametrize("points", [0, 1, 2])
def test_too_few_points_are_refused(points: int) -> None:
    with pytest.raises(InputError):
        long_axis(np.zeros((points, 2)))


def test_a_contour_without_extent_is_refused() -> None:
    with pytest.raises(InputError):
        long_axis(np.ones((5, 2)))
    with pytest.raises(InputError):
        long_axis(np.array([[0.0, 0.0], [math.nan, 1.0], [2.0, 0.0]]))
    with pytest.raises(InputError):
        chords(np.array([[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]))


@pytest.mark.parametrize("build", [polygon_from_chords, contour_from_chords])
def test_one_chord_is_no_outline(build) -> None:
    with pytest.raises(InputError):
        build(np.zeros((2, 4)))


@pytest.mark.parametrize("degrees", [0, 20, -35, 90, 180, 300])
def test_outline_of_a_mask_finds_apex_and_hinges(degrees: float) -> None:
    contour = turned(half_ellipse() - [0, 40], degrees) + 100.3
    found = outline(filled(contour))
    axis, truth = long_axis(found), long_axis(contour)
    np.testing.assert_allclose(axis.apex, truth.apex, atol=3.5)
    np.testing.assert_allclose(axis.base, truth.base, atol=1.5)
    assert axis.length == pytest.approx(80, abs=1.5)
    assert disc_volume_ml(found, (1.0, 1.0)) == pytest.approx(disc_volume_ml(contour, (1.0, 1.0)), rel=0.025)


def test_outline_encloses_the_area_of_the_pixels() -> None:
    mask = filled(half_ellipse() - [0, 40] + 100)
    ring = outline(mask).astype(np.float32)
    assert cv2.contourArea(ring) == pytest.approx(float(mask.sum()), rel=0.01)


def test_outline_takes_the_largest_piece_and_the_label_asked_for() -> None:
    mask = filled(half_ellipse() - [0, 40] + 100)
    alone = outline(mask)
    mask[2:6, 2:9] = 1
    mask[190:, :] = 2
    np.testing.assert_array_equal(outline(mask), alone)
    np.testing.assert_array_equal(outline(np.where(mask == 1, 3, mask).astype(np.uint8), label=3), alone)


def test_outline_of_an_empty_mask_is_refused() -> None:
    with pytest.raises(InputError) as failure:
        outline(np.zeros((10, 10), np.uint8))
    assert failure.value.code == "EMPTY"


def test_chords_survive_the_way_through_a_table() -> None:
    rows = chords(half_ellipse())
    assert chords_volume_ml(rows.copy(), (1.0, 1.0)) == disc_volume_ml(half_ellipse(), (1.0, 1.0))
