"""Sentences say what is there, and no more."""

from __future__ import annotations

import pytest

from cinecor.inference.wording import synthetic_warning


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (["the view"], "the view is no more"),
        (["the views"], "the views are no more"),
        (["the value"], "the value is no more"),
        (["the value", "its interval"], "the value and its interval are no more"),
        (["the value", "its interval", "the views"], "the value, its interval and the views are no more"),
        (["the probability of hypertrophy"], "the probability of hypertrophy is no more"),
    ],
)
def test_what_synthetic_weights_are_worth(said: list[str], words: str) -> None:
    assert synthetic_warning(said).endswith(f"of a real heart, {words} than an illustration")
