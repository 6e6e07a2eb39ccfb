from __future__ import annotations

import math

import numpy as np
import pytest

from cinecor.measures.short_axis_shape import measure_shape


def ellipse(major: float, minor: float, turn: float, spacing: tuple[float, float]) -> np.ndarray:
    y, x = np.indices((220, 260))
    x, y = x * spacing[1] - 130 * spacing[1], y * spacing[0] - 110 * spacing[0]
    along, across = math.cos(turn) * x + math.sin(turn) * y, math.cos(turn) * y - math.sin(turn) * x
    return (2 * along / major) ** 2 + (2 * across / minor) ** 2 < 1


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.7, 1.1)])
@pytest.mark.parametrize("turn", [0.0, 0.6, 2.0])
def test_an_ellipse_has_its_axes(turn: float, spacing: tuple[float, float]) -> None:
    found = measure_shape(ellipse(90.0, 50.0, turn, spacing), spacing)
    assert found is not None
    assert found.major_mm == pytest.approx(90.0, rel=5e-3)
    assert found.minor_mm == pytest.approx(50.0, rel=5e-3)
    assert found.area_mm2 == pytest.approx(math.pi / 4 * 90 * 50, rel=5e-3)
    assert found.eccentricity == pytest.approx(math.sqrt(1 - (50 / 90) ** 2), abs=5e-3)
    assert found.circularity == pytest.approx(2 * 90 * 50 / (90**2 + 50**2), abs=5e-3)  # closed form of an ellipse


def test_a_disc_is_round_and_a_rectangle_is_exact() -> None:
    disc = measure_shape(ellipse(80.0, 80.0, 0.0, (1.0, 1.0)), (1.0, 1.0))
    assert disc is not None
    assert disc.circularity == pytest.approx(1.0, abs=1e-3)
    assert disc.eccentricity < 0.08
    region = np.zeros((20, 20), bool)
    region[3:7, 5:15] = True  # 4 by 10 pixels of 3 by 2 mm: 12 by 20 mm
    found = measure_shape(region, (3.0, 2.0))
    assert found is not None
    assert (found.major_mm, found.minor_mm) == pytest.approx((4 * 20 / math.sqrt(12), 4 * 12 / math.sqrt(12)))
    square = measure_shape(region[:, 5:9], (1.0, 1.0))
    assert square is not None
    assert square.circularity == pytest.approx(3 / math.pi)


def test_nothing_has_no_shape_and_one_pixel_has() -> None:
    assert measure_shape(np.zeros((4, 4), bool), (1.0, 1.0)) is None
    one = measure_shape(np.eye(1, dtype=bool), (2.0, 2.0))
    assert one is not None
    assert one.eccentricity == 0.0
