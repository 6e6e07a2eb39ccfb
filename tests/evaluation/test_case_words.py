"""Words for what a row of a table is."""

from __future__ import annotations

import pytest

from cinecor.evaluation.case_words import STUDIES, CaseWords, count, words_of


@pytest.mark.parametrize(
    ("case", "length", "one", "three", "mean"),
    [
        ("study", 16, "1 study", "3 studies", "each study, the mean over its clips"),
        ("study", 1, "1 study", "3 studies", "each study, the mean over its frames"),
        ("loop", 1, "1 loop", "3 loops", "each loop, the mean over its frames"),
        ("loop", 16, "1 loop", "3 loops", "each loop, the mean over its clips"),
        ("frame", 1, "1 frame", "3 frames", "each frame"),
        ("masked", 1, "1 frame", "3 frames", "each frame"),
    ],
)
def test_a_manifest_says_what_they_are(case: str, length: int, one: str, three: str, mean: str) -> None:
    words = words_of({"extra": {"case": case}, "clip": {"length": length}})
    assert (words.count(1), words.count(3)) == (one, three)
    assert words.level("studies", 5) == mean


def test_what_nobody_says_is_a_study_of_clips() -> None:
    assert words_of({}) == STUDIES == CaseWords(case="study", part="clip")


def test_rows_of_levels() -> None:
    words = CaseWords(case="loop", part="frame")
    assert [words.rows(name, 1) for name in ("clips", "studies", "patients")] == ["1 frame", "1 loop", "1 patient"]
    assert words.level("studies", 1) == "each loop, one frame"
    assert words.level("patients", 9) == "each patient, the mean over their frames"
    assert (count(0, "study"), count(2, "patient")) == ("0 studies", "2 patients")
