from __future__ import annotations

import pytest

from cinecor.measures.hypertrophy import GRADES, grade_walls


@pytest.mark.parametrize(
    ("thickness", "woman", "man"),
    [
        (6.0, "none", "none"),
        (9.4, "none", "none"),
        (9.5, "mild", "none"),
        (10.5, "mild", "mild"),
        (12.4, "mild", "mild"),
        (12.5, "moderate", "mild"),
        (13.5, "moderate", "moderate"),
        (15.5, "severe", "moderate"),
        (16.4, "severe", "moderate"),
        (16.5, "severe", "severe"),
        (30.0, "severe", "severe"),
    ],
)
def test_grades_are_those_of_the_table(thickness: float, woman: str, man: str) -> None:
    for wall in ((thickness, 6.0), (6.0, thickness)):
        assert grade_walls(*wall, "F")["lvh_grade"] == woman
        for other in ("M", None, "unknown"):
            found = grade_walls(*wall, other)
            assert found["lvh_grade"] == man
            assert found["lvh"] == float(man != "none")


def test_a_thicker_wall_is_never_a_lower_grade() -> None:
    for sex in ("F", "M"):
        grades = [GRADES.index(grade_walls(tenth / 10, 7.0, sex)["lvh_grade"]) for tenth in range(50, 300)]
        assert grades == sorted(grades)
        assert set(grades) == {0, 1, 2, 3}


def test_patterns() -> None:
    assert grade_walls(14.0, 13.0)["lvh_pattern"] == "concentric"
    assert grade_walls(18.2, 14.0)["lvh_pattern"] == "asymmetric"
    assert grade_walls(9.0, 6.0)["lvh_pattern"] == "none"
    assert grade_walls(10.0, 16.0)["lvh_pattern"] == "concentric"


def test_one_wall_says_only_that_it_is_thick() -> None:
    assert grade_walls(None, None) == {}
    assert grade_walls(9.0, None) == {}
    assert grade_walls(None, 12.0) == {"lvh": 1.0, "lvh_grade": "mild"}
