"""Thick hearts: as many as promised, graded by their own walls, each pattern where its name says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from cinecor.phantom.anatomy import Heart, endocardium, epicardium, state, stretch
from cinecor.phantom.echo_patient import draw_person
from cinecor.phantom.hypertrophy import LIMITS, SEPTUM, Walls, draw_patient_heart, grade, measure
from cinecor.phantom.walls import LEVEL


@pytest.fixture(scope="module")
def hearts() -> list[tuple[Heart, str, str]]:
    found = []
    for index in range(150):
        person = draw_person(3, index)
        heart, pattern = draw_patient_heart(3, index, person)
        found.append((heart, pattern, grade(measure(heart), person.sex)))
    return found


def test_one_in_five_is_thick_and_every_pattern_comes(hearts: list[tuple[Heart, str, str]]) -> None:
    patterns = Counter(pattern for _, pattern, _ in hearts)
    assert 1.0 - patterns["none"] / len(hearts) == pytest.approx(0.2, abs=0.08)
    assert set(patterns) == {"none", "concentric", "septal", "apical"}
    assert all((pattern == "none") == (how == "none") for _, pattern, how in hearts)


def test_asymmetric_hearts_are_thick_in_one_place(hearts: list[tuple[Heart, str, str]]) -> None:
    for heart, pattern, _ in hearts:
        walls = measure(heart)
        if pattern == "septal":
            assert walls.septum > 1.1 * walls.posterior
        elif pattern == "apical":
            assert walls.apex > 1.1 * walls.septum
        elif pattern == "concentric":
            assert walls.septum == pytest.approx(walls.posterior, rel=0.05)


def test_grades_change_at_the_limits() -> None:
    for sex, limits in LIMITS.items():
        grades = [
            grade(Walls(septum=limit + way, posterior=8.0, apex=6.0), sex) for limit in limits for way in (-0.01, 0)
        ]
        assert grades == ["none", "mild", "mild", "moderate", "moderate", "severe"]


def test_thickness_is_the_hearts_own() -> None:
    heart, _ = draw_patient_heart(3, 5, draw_person(3, 5))
    now, level, angle = state(heart, 0.0), np.array([LEVEL]), np.array([SEPTUM])
    radii = [edge(heart, now, level, angle) * stretch(now, angle) for edge in (epicardium, endocardium)]
    assert measure(heart).septum == pytest.approx(float((radii[0] - radii[1])[0]))


def test_a_wall_leaves_the_cavity_as_it_is() -> None:
    for index in range(4):
        heart, _ = draw_patient_heart(3, index, draw_person(3, index))
        now = state(heart, 0.0)
        cavity = np.pi * now.a * now.b * now.length * heart.shape_factor / 1000.0
        assert cavity == pytest.approx(heart.edv)
