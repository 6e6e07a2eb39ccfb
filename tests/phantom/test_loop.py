"""The truth about a loop: volumes of both outlines, masks that agree with them, grades that show."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cinecor.measures import biplane_volume_ml, contour_area_mm2, ejection_fraction
from cinecor.phantom.anatomy import Heart, state
from cinecor.phantom.camus import TABLE
from cinecor.phantom.display import from_pixels, make_screen, to_pixels
from cinecor.phantom.echo_patient import draw_camus_heart
from cinecor.phantom.imaging import draw_imaging
from cinecor.phantom.loop import Loop
from cinecor.phantom.population import generator
from cinecor.phantom.quality import GRADES, SHARES, aimed, draw_grades, grade
from cinecor.phantom.views import A2C, A4C, View


def loop_of(heart: Heart, view: View, index: int, quality: str = "good", size: int = 160) -> Loop:
    """End-diastole and end-systole."""
    drawn = draw_imaging(4, index, state(heart, 0.0).mitral_z, view)
    imaging = aimed(grade(drawn, quality, generator(4, index, "test")))
    phases = np.array([0.0, heart.timing.systole])
    drift = np.array([[1.0, -2.0], [0.5, 1.0]])
    return Loop(heart=heart, imaging=imaging, screen=make_screen(imaging, size), phases=phases, drift=drift)


def test_biplane_discs_of_the_two_outlines_are_the_hearts_volumes() -> None:
    errors, shares = [], []
    for index in range(20):
        heart = draw_camus_heart(4, index)
        loops = [loop_of(heart, view, index) for view in (A4C, A2C)]
        spacing = [(loop.screen.spacing_mm,) * 2 for loop in loops]
        edv, esv = (
            biplane_volume_ml(loops[0].outline(frame), spacing[0], loops[1].outline(frame), spacing[1])
            for frame in (0, 1)
        )
        errors.append(ejection_fraction(edv, esv) - heart.ef)
        shares.append(edv / heart.edv)
    assert abs(np.mean(errors)) < 1.5
    assert np.abs(errors).mean() < 3.0
    assert np.mean(shares) == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize("view", [A4C, A2C], ids=["A4C", "A2C"])
def test_masks_agree_with_outlines(view: View) -> None:
    for index in (0, 5):
        loop = loop_of(draw_camus_heart(4, index), view, index, size=240)
        for frame in (0, 1):
            mask, outline = loop.labels(frame, TABLE), loop.outline(frame)
            inside = np.zeros_like(mask)
            cv2.fillPoly(inside, [outline.round().astype(np.int32)], 1)
            inside &= loop.screen.inside
            both = ((mask == 1) & (inside > 0)).sum()
            assert 2 * both / ((mask == 1).sum() + inside.sum()) > 0.95
            spacing = (loop.screen.spacing_mm,) * 2
            assert (mask == 1).sum() * spacing[0] ** 2 == pytest.approx(contour_area_mm2(outline, spacing), rel=0.06)
            assert set(np.unique(mask)) == {0, 1, 2, 3}
        assert (loop.labels(0, TABLE) == 1).sum() > (loop.labels(1, TABLE) == 1).sum()


def test_pixels_and_the_plane_are_each_others_inverse() -> None:
    loop = loop_of(draw_camus_heart(4, 0), A2C, 0)
    points = np.random.default_rng(0).uniform(-60, 120, (50, 2))
    pixels = to_pixels(loop.imaging, loop.screen, points, (3.0, -2.0))
    np.testing.assert_allclose(from_pixels(loop.imaging, loop.screen, pixels, (3.0, -2.0)), points, atol=1e-9)


def contrast_to_noise(loop: Loop, rng: np.random.Generator) -> float:
    """Difference of wall and cavity over the spread of both, at end-diastole."""
    picture, mask = loop.render(rng)[0].astype(float), loop.labels(0, TABLE)
    wall, cavity = picture[mask == 2], picture[mask == 1]
    return float((wall.mean() - cavity.mean()) / np.sqrt(wall.var() + cavity.var() + 1.0))


def test_grades_order_the_contrast_of_wall_and_cavity() -> None:
    found = {
        quality: np.mean(
            [
                contrast_to_noise(loop_of(draw_camus_heart(4, index), view, index, quality), generator(4, index, "cnr"))
                for index, view in ((0, A4C), (1, A2C), (2, A4C))
            ]
        )
        for quality in GRADES
    }
    assert found["good"] > found["medium"] > 1.5 * found["poor"]


def test_grades_are_drawn_as_often_as_in_camus() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_grades(rng, 2) for _ in range(2000)]
    for quality, share in zip(GRADES, SHARES, strict=True):
        for view in (0, 1):
            assert np.mean([each[view] == quality for each in drawn]) == pytest.approx(share, abs=0.035)
    assert np.mean([each[0] == each[1] for each in drawn]) > 0.6
