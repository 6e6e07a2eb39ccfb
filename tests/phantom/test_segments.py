"""Segments: they tile the wall, lie where their views cut it, and their labels follow from how the wall moves."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cinecor.phantom.anatomy import Region, endocardium, epicardium, state, stretch
from cinecor.phantom.echo_patient import INFARCTS, VISIBLE, draw_camus_heart, draw_infarct_heart
from cinecor.phantom.segments import IN_A2C, IN_A4C, LAZY, SEGMENTS, infarcted, inward_mm, motions
from cinecor.phantom.views import A2C, A4C


def test_segments_tile_the_wall() -> None:
    rng = np.random.default_rng(0)
    for level, angle in zip(rng.uniform(0, 1, 300), rng.uniform(-math.pi, math.pi, 300), strict=True):
        hits = [
            number
            for number, each in SEGMENTS.items()
            if each.levels[0] <= level < each.levels[1]
            and abs((angle - each.angle + math.pi) % (2 * math.pi) - math.pi) < each.half_width
        ]
        assert len(hits) == 1
    assert sorted(SEGMENTS) == list(range(1, 17))


@pytest.mark.parametrize(("view", "numbers"), [(A4C, IN_A4C), (A2C, IN_A2C)], ids=["A4C", "A2C"])
def test_views_cut_their_segments(view, numbers) -> None:
    right = math.atan2(view.right[1], view.right[0])
    sides = [right + math.pi] * 3 + [right] * 3
    for number, side in zip(numbers, sides, strict=True):
        each = SEGMENTS[number]
        assert abs((side - each.angle + math.pi) % (2 * math.pi) - math.pi) < each.half_width
    thirds = [round(3 * SEGMENTS[number].levels[0]) for number in numbers]
    assert thirds == [0, 1, 2, 2, 1, 0]


def test_an_even_wall_has_no_infarct() -> None:
    for index in range(10):
        heart = replace(draw_camus_heart(1, index), lazy=None)
        assert not any(infarcted(heart).values())
        assert list(motions(heart).values()) == [1.0] * 16
        assert min(inward_mm(heart).values()) > 0


def thickening_mm(heart, number: int) -> float:
    """In the middle of a segment."""
    each = SEGMENTS[number]
    level, angle = np.array([sum(each.levels) / 2]), np.array([each.angle])
    thick = []
    for phase in (0.0, heart.timing.systole):
        now = state(heart, phase)
        both = (outline(heart, now, level, angle) for outline in (epicardium, endocardium))
        thick.append(float(((next(both) - next(both)) * stretch(now, angle))[0]))
    return thick[1] - thick[0]


@pytest.mark.parametrize("number", [9, 12, 10, 7])
def test_the_segment_that_is_made_lazy_is_the_one_that_is_found(number: int) -> None:
    each = SEGMENTS[number]
    lazy = Region(angle=each.angle, width=0.9, level=sum(each.levels) / 2, height=0.4)
    heart = replace(draw_camus_heart(1, 3), lazy=lazy, laziness=1.0)
    moved = motions(heart)
    assert infarcted(heart)[number]
    assert min(moved, key=moved.get) == number
    assert thickening_mm(heart, number) < min(
        thickening_mm(heart, other) for other in SEGMENTS if other % 6 != number % 6
    )


def test_infarcts_are_hmc_qus() -> None:
    hearts = [draw_infarct_heart(3, index) for index in range(60)]
    labels = [infarcted(heart) for heart in hearts]
    ill = np.array([any(each[number] for number in VISIBLE) for each in labels])
    assert ill.mean() == pytest.approx(INFARCTS, abs=0.15)
    counts = np.array([sum(each[number] for number in VISIBLE) for each in labels])
    assert (counts == 1).sum() > 5
    assert (counts >= 3).sum() > 2
    # Of those without an infarct some have a wall that is slow all the same, and none has a segment below the mark.
    well = [motions(heart) for heart, found in zip(hearts, ill, strict=True) if not found]
    assert min(min(each.values()) for each in well) >= LAZY
    assert 0 < np.mean([min(each.values()) < 0.9 for each in well]) < 0.5
    in_four = np.mean([any(each[number] for number in IN_A4C) for each in labels])
    assert 0.85 * ill.mean() < in_four <= ill.mean()


def test_camus_has_its_ejection_fractions() -> None:
    ef = np.array([draw_camus_heart(0, index).ef for index in range(600)])
    assert (ef <= 45).mean() == pytest.approx(0.49, abs=0.06)
    assert (ef >= 55).mean() == pytest.approx(0.20, abs=0.05)
