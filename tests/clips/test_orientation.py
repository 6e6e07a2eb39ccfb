"""Which way short-axis slices lie, and that turning is undone."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from cinecor.clips.orientation import AS_IT_IS, Turn, find_turn

SUNNYBROOK = np.array([[0.693, 0.674, 0.256], [0.022, 0.335, -0.942]])
"""Directions of a row and of a column of a study whose right ventricle lies on the left, the liver below."""
TURNS = [Turn(*each) for each in product((False, True), repeat=3)]


def directions(vectors: np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in vectors.ravel())


def stored(turn: Turn) -> tuple[float, ...]:
    """Directions of that study, had it been stored so that ``turn`` makes it usual again."""
    right, down = SUNNYBROOK
    right, down = (-right if turn.mirrored else right), (-down if turn.upside_down else down)
    return directions(np.stack([down, right] if turn.exchange else [right, down]))


def test_the_usual_way_is_left_alone() -> None:
    assert find_turn(directions(SUNNYBROOK)) == AS_IT_IS
    assert find_turn(None) == AS_IT_IS


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.title)
def test_each_of_the_eight_ways_is_found(turn: Turn) -> None:
    assert find_turn(stored(turn)) == turn


@pytest.mark.parametrize("degrees", [-50, -30, 30, 50])
def test_a_picture_that_is_somewhat_turned_is_left_as_it_is(degrees: float) -> None:
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    assert find_turn(directions(np.array([[cosine, sine], [-sine, cosine]]) @ SUNNYBROOK)) == AS_IT_IS


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.title)
def test_turning_keeps_every_pixel_with_its_place_in_the_patient(turn: Turn) -> None:
    rows, columns = np.mgrid[:3, :4].astype(float)
    row, column = np.reshape(stored(turn), (2, 3))
    places = columns[..., None] * row + rows[..., None] * column  # of every recorded pixel
    usual = turn.apply(np.moveaxis(places, -1, 0))
    np.testing.assert_allclose(usual[:, 0, 1] - usual[:, 0, 0], SUNNYBROOK[0])
    np.testing.assert_allclose(usual[:, 1, 0] - usual[:, 0, 0], SUNNYBROOK[1])
    np.testing.assert_array_equal(turn.undo(usual), np.moveaxis(places, -1, 0))


def test_titles_tell_the_ways_apart_where_a_user_can() -> None:
    assert [turn.title for turn in TURNS[:4]] == ["as usual", "mirrored", "upside down", "turned by 180°"]
    assert Turn(exchange=True, mirrored=True).title == "turned by 90°"
    assert Turn(exchange=True).title == "turned by 90° and mirrored"
