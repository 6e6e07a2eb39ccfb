"""HMC-QU's loops: screens, one masked cycle, infarcts by segment."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cinecor.phantom import infarct_study
from cinecor.phantom.echo_patient import VISIBLE, draw_infarct_heart
from cinecor.phantom.hmc_qu import SCREENS
from cinecor.phantom.segments import IN_A2C, IN_A4C, infarcted
from cinecor.records import Study


@pytest.fixture(scope="module")
def study() -> Study:
    return infarct_study(1, 2)


def test_labels_follow_from_the_heart(study: Study) -> None:
    positive = infarcted(draw_infarct_heart(2, 1))
    assert {f"seg{number}" for number in VISIBLE} == {name for name in study.labels if name.startswith("seg")}
    for number in VISIBLE:
        assert study.labels[f"seg{number}"] == int(positive[number])
    for name, numbers in (("infarct", VISIBLE), ("infarct_a4c", IN_A4C), ("infarct_a2c", IN_A2C)):
        assert study.labels[name] == int(any(positive[number] for number in numbers))


def test_two_views_on_one_screen(study: Study) -> None:
    assert [cine.view for cine in study.cines] == ["A4C", "A2C"]
    for cine in study.cines:
        assert (cine.height, cine.width) in SCREENS
        assert cine.source.shape == (cine.frames, 3, cine.height, cine.width)
        assert cine.frame_ms == pytest.approx(40.0)
        left, top, right, bottom = cine.region
        assert 0 <= left < right <= cine.width
        assert 0 <= top < bottom <= cine.height


def test_the_masks_are_one_cycle_of_the_wall(study: Study) -> None:
    four, two = study.cines
    frames = sorted(four.masks)
    assert not two.masks
    assert frames == list(range(frames[0], frames[-1] + 1))
    assert frames[0] == study.labels["ed_frame"]
    for view in ("a4c", "a2c"):
        ends = [study.labels[f"{name}_{view}"] for name in ("reference_frame", "end_of_cycle")]
        assert ends == [frames[0], frames[-1]]
    assert frames[0] < study.labels["es_frame"] < frames[-1]
    cycle_ms = (frames[-1] - frames[0]) * 40.0
    assert cycle_ms == pytest.approx(60_000 / study.labels["heart_rate_bpm"], rel=0.15)
    for frame in (study.labels["ed_frame"], study.labels["es_frame"]):
        mask = four.masks[frame]
        assert mask.shape == (four.height, four.width)
        assert set(np.unique(mask)) == {0, 1}
        # The wall surrounds the outline: the cavity is next to it, not in it.
        outline = four.contours[frame]
        cavity = np.zeros(mask.shape, np.uint8)
        cv2.fillPoly(cavity, [outline.round().astype(np.int32)], 1)
        inner = cv2.erode(cavity, np.ones((5, 5), np.uint8)) > 0
        assert mask[inner].mean() < 0.02
        ring = (cv2.dilate(cavity, np.ones((5, 5), np.uint8)) - cavity) > 0
        assert mask[ring].mean() > 0.4


def test_a_loop_shorter_than_a_cycle_has_no_masks() -> None:
    short = infarct_study(1, 2, max_frames=3, quality="medium")
    assert short.cines[0].frames == 3
    assert not short.cines[0].masks
    assert short.labels["quality_a4c"] == "Medium"
    again = infarct_study(1, 2, max_frames=3, quality="medium")
    np.testing.assert_array_equal(short.cines[1].source, again.cines[1].source)
