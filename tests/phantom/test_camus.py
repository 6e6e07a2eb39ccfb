"""CAMUS's half sequences: what is labelled, and that only seed and index decide it."""

from __future__ import annotations

import numpy as np
import pytest

from cinecor.measures import ejection_fraction
from cinecor.phantom import camus_study
from cinecor.phantom.echo_patient import draw_camus_heart, draw_person
from cinecor.records import Study


@pytest.fixture(scope="module")
def study() -> Study:
    return camus_study(2, 5, max_frames=3, size=160)


def test_labels_are_the_hearts(study: Study) -> None:
    heart, person = draw_camus_heart(5, 2), draw_person(5, 2)
    assert study.labels["ef"] == heart.ef == ejection_fraction(heart.edv, heart.esv)
    assert (study.labels["edv_ml"], study.labels["esv_ml"]) == (heart.edv, heart.esv)
    assert (study.labels["age_years"], study.labels["sex"]) == (person.age_years, person.sex)
    assert {study.labels["quality_a2c"], study.labels["quality_a4c"]} <= {"Good", "Medium", "Poor"}


def test_frames_run_from_diastole_to_systole_with_masks(study: Study) -> None:
    assert [cine.view for cine in study.cines] == ["A4C", "A2C"]
    systole_ms = draw_camus_heart(5, 2).timing.systole * 60_000 / study.labels["heart_rate_bpm"]
    for cine in study.cines:
        assert cine.source.shape == (3, 1, cine.height, cine.width)
        assert cine.times_ms == pytest.approx((0.0, systole_ms / 2, systole_ms))
        ends = [study.labels[f"{phase}_frame_{cine.view.lower()}"] for phase in ("ed", "es")]
        assert ends == [0, 2]
        assert set(cine.masks) == {0, 1, 2}
        assert set(cine.contours) == {0, 2}
        areas = [(cine.masks[frame] == 1).sum() for frame in range(3)]
        assert areas[0] > areas[1] > areas[2]
        assert all(mask.shape == (cine.height, cine.width) for mask in cine.masks.values())
        # Cut to the sector: no side of the frames is empty.
        lit = cine.source[:, 0].max(0) > 0
        assert lit.any(0)[[0, -1]].all() or lit.any(0).mean() > 0.95


def test_the_same_arguments_give_the_same_pixels(study: Study) -> None:
    again = camus_study(2, 5, max_frames=3, size=160)
    assert again.labels == study.labels
    assert again.split == study.split
    for one, other in zip(study.cines, again.cines, strict=True):
        np.testing.assert_array_equal(one.source, other.source)
        for frame in one.masks:
            np.testing.assert_array_equal(one.masks[frame], other.masks[frame])


def test_a_wanted_quality_is_labelled_and_the_heart_stays(study: Study) -> None:
    poor = camus_study(2, 5, max_frames=2, size=96, quality="poor")
    assert poor.labels["quality_a2c"] == poor.labels["quality_a4c"] == "Poor"
    assert poor.labels["ef"] == study.labels["ef"]
