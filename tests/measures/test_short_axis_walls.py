from __future__ import annotations

import math

import numpy as np
import pytest

from cinecor.measures.short_axis_walls import regions, septal_angle, trace_walls

SHAPE = (120, 150)


def grid(spacing: tuple[float, float], centre: tuple[float, float] = (78.3, 61.7)) -> tuple[np.ndarray, np.ndarray]:
    """Offsets (x, y) in mm of each pixel's middle from a centre in mm."""
    y, x = np.indices(SHAPE)
    return x * spacing[1] - centre[0], y * spacing[0] - centre[1]


def ring(inner, outer, spacing: tuple[float, float] = (1.0, 1.0), **where) -> np.ndarray:
    """A slice whose cavity and wall have these radii, numbers or functions of the angle."""
    x, y = grid(spacing, **where)
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    inner, outer = (each(angle) if callable(each) else each for each in (inner, outer))
    mask = np.zeros(SHAPE, np.uint8)
    mask[radius < outer] = 2
    mask[radius < inner] = 3
    return mask


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.8, 1.3), (1.5, 1.5)])
@pytest.mark.parametrize(("inner", "outer"), [(24.0, 33.0), (30.0, 36.0), (10.0, 24.0)])
def test_concentric_circles_have_their_radii(spacing, inner, outer) -> None:
    found = trace_walls(ring(inner, outer, spacing, centre=(80.0, 60.0))[None], spacing)
    assert found.inner.mean() == pytest.approx(inner, abs=0.17)
    assert found.thickness.mean() == pytest.approx(outer - inner, abs=0.25)
    assert np.abs(found.inner - inner).max() < 0.8 * max(spacing)
    assert np.abs(found.thickness - (outer - inner)).max() < 1.1 * max(spacing)


def test_a_wall_that_is_thick_on_one_side_is_so_where_it_is() -> None:
    bulge = lambda angle: 32.0 + 4.0 * np.cos(angle - 1.0)  # noqa: E731
    found = trace_walls(ring(22.0, bulge)[None], (1.0, 1.0)).thickness[0]
    middles = (np.arange(24) + 0.5) * 2 * math.pi / 24
    np.testing.assert_allclose(found, bulge(middles) - 22.0, atol=0.9)


def test_turning_the_heart_and_the_start_together_changes_nothing_that_counts() -> None:
    bulge = lambda turn: lambda angle: 32.0 + 5.0 * np.cos(angle - turn)  # noqa: E731
    found = [
        trace_walls(ring(22.0, bulge(turn))[None], (1.0, 1.0), start=turn).thickness[0] for turn in (0.0, 0.7, -2.0)
    ]
    np.testing.assert_allclose(found[1], found[0], atol=0.8)
    np.testing.assert_allclose(found[2], found[0], atol=0.8)


def test_a_cavity_and_wall_of_one_pixel_size_scale_with_it() -> None:
    mask = ring(20.0, 30.0)
    one, twice = (trace_walls(mask[None], (step, step)) for step in (1.0, 2.0))
    np.testing.assert_allclose(twice.thickness, 2 * one.thickness, rtol=1e-9)


def test_segments_beside_a_gap_are_left_out_and_a_half_open_slice_altogether() -> None:
    mask = ring(22.0, 32.0)
    x, y = grid((1.0, 1.0))
    angle = np.arctan2(y, x) % (2 * math.pi)
    cut, torn = mask.copy(), mask.copy()
    cut[(mask == 2) & (angle < math.pi / 4)] = 0  # the first three segments
    torn[(mask == 2) & (angle < 1.2 * math.pi)] = 0
    found = trace_walls(np.stack([cut, torn]), (1.0, 1.0)).thickness
    assert np.isnan(found[0, [23, 0, 1, 2, 3]]).all()
    np.testing.assert_allclose(found[0, 4:23], 10.0, atol=1.1)
    assert np.isnan(found[1]).all()


def test_a_slice_without_a_cavity_or_with_a_speck_has_no_wall() -> None:
    found = trace_walls(np.stack([ring(0.0, 12.0), ring(3.0, 12.0), np.zeros(SHAPE, np.uint8)]), (1.0, 1.0))
    assert np.isnan(found.inner).all()


def test_the_septum_lies_towards_the_right_ventricle() -> None:
    mask = ring(20.0, 28.0)
    x, y = grid((1.0, 1.0))
    mask[(np.hypot(x - 40 * math.cos(2.5), y - 40 * math.sin(2.5)) < 9) & (mask == 0)] = 1
    assert septal_angle(mask[None], (1.0, 1.0)) == pytest.approx(2.5, abs=0.03)
    assert septal_angle(ring(20.0, 28.0)[None], (1.0, 1.0)) == 0.0


def test_regions_are_means_of_what_is_known() -> None:
    values = np.arange(7 * 12, dtype=np.float64).reshape(7, 12)
    values[0] = np.nan  # above the valve
    values[1, 3] = np.nan
    found = regions(values, levels=3, sectors=6)
    assert found.shape == (3, 6)
    assert found[0, 0] == pytest.approx(values[1:3, 0:2].mean())
    assert found[0, 1] == pytest.approx(np.nanmean(values[1:3, 2:4]))
    assert found[2, 5] == pytest.approx(values[5:7, 10:12].mean())
    assert np.isnan(regions(np.full((2, 12), np.nan))).all()
