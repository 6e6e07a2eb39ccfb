"""Children: small hearts, fast beats, two views."""

from __future__ import annotations

import numpy as np
import pytest

from cinecor.measures import contour_area_mm2
from cinecor.phantom import pediatric_study
from cinecor.phantom.anatomy import Heart, scaled, state
from cinecor.phantom.pediatric import draw_child
from cinecor.phantom.population import fold_of
from cinecor.records import Study


@pytest.fixture(scope="module")
def study() -> Study:
    return pediatric_study(0, 2, max_frames=24)


def test_hearts_grow_and_slow_down_with_age() -> None:
    drawn = [draw_child(0, index) for index in range(250)]
    age = np.array([child.age_years for child, _ in drawn])
    volume, rate = (np.array([getattr(heart, name) for _, heart in drawn]) for name in ("edv", "heart_rate"))
    assert age.min() >= 0
    assert age.max() <= 18
    assert np.corrcoef(age, volume)[0, 1] > 0.7
    assert np.corrcoef(age, rate)[0, 1] < -0.6
    assert np.median(volume[age < 2]) < 25 < 60 < np.median(volume[age > 15])
    assert np.median([heart.ef for _, heart in drawn]) == pytest.approx(61.0, abs=2.0)


def test_scaling_keeps_the_shape() -> None:
    heart = Heart(edv=100.0, esv=40.0)
    small = scaled(heart, 0.5)
    assert small.ef == pytest.approx(heart.ef)
    assert small.edv == pytest.approx(12.5)
    for phase in (0.0, 0.3, 0.7):
        before, after = state(heart, phase), state(small, phase)
        for name in ("a", "b", "length", "mitral_z", "tricuspid_z", "rv_width", "la_a", "ra_length"):
            assert getattr(after, name) == pytest.approx(0.5 * getattr(before, name)), name


def test_both_views_have_the_same_times_and_their_outlines(study: Study) -> None:
    four, short = study.cines
    assert [four.view, short.view] == ["A4C", "PSAX"]
    assert four.times_ms == short.times_ms
    ed, es = (int(study.labels[name]) for name in ("ed_frame", "es_frame"))
    for cine in study.cines:
        assert cine.source.shape == (24, 1, 112, 112)
        areas = [contour_area_mm2(cine.contours[frame], cine.spacing_mm) for frame in (ed, es)]
        assert areas[0] > areas[1]
    assert study.split is None


def test_the_short_axis_outline_closes_around_a_dark_cavity(study: Study) -> None:
    short = study.cines[1]
    outline = short.contours[int(study.labels["ed_frame"])]
    np.testing.assert_allclose(outline[0], outline[-1], atol=0.5)
    spokes = np.linalg.norm(outline - outline[:-1].mean(0), axis=1)
    assert spokes.std() / spokes.mean() < 0.12


def test_folds_are_even_and_pixels_repeat(study: Study) -> None:
    assert [fold_of(index) for index in (0, 1, 9, 10, 23)] == [0, 1, 9, 0, 3]
    assert study.labels["fold"] == 0
    np.testing.assert_array_equal(pediatric_study(0, 2, max_frames=24).cines[1].source, study.cines[1].source)
