"""Which recorded frames the clips of a loop are made of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cinecor.clips import cut
from cinecor.clips.interpolation import spread
from cinecor.inference import loop as module
from cinecor.inference.loop import NO_BEATS, open_loop
from cinecor.inference.selection import refusal
from cinecor.measures import Beats
from cinecor.phantom import echo_study
from cinecor.records import Cine, ClipSpec

BEATS = Beats(ed=(3, 10, 19), es=(6, 14), beats=((3, 6, 10), (10, 14, 19)), heart_rate_bpm=60.0)
SPEC = ClipSpec(length=5, height=24, width=24)


@pytest.fixture(scope="module")
def cine() -> Cine:
    return echo_study(0, 1, max_frames=24).cines[0]


@pytest.mark.parametrize(
    ("time", "beats", "starts", "beat_starts", "rows"),
    [
        ("frames", BEATS, (0, 10, 19), (3, 10, 19)[:2], None),
        ("loop", BEATS, (0,), (), [spread(0, 23, 5)]),
        ("cycle", BEATS, (3, 10), (), [spread(3, 10, 5), spread(10, 19, 5)]),
        ("cycle", NO_BEATS, (0,), (), [spread(0, 23, 5)]),
    ],
)
def test_clips_of_frames_of_the_loop_and_of_heartbeats(monkeypatch, cine, time, beats, starts, beat_starts, rows):
    monkeypatch.setattr(module, "_find_beats", lambda frames, cine: (beats, None))
    spec = replace(SPEC, time=time)
    found = open_loop(cine, 0, cine.source, spec, 3)
    assert (found.starts, found.beat_starts) == (starts, beat_starts)
    expected = rows or [np.arange(start, start + 5) for start in (*starts, *beat_starts)]
    np.testing.assert_array_equal([found.row(spec, start) for start in (*found.starts, *found.beat_starts)], expected)
    np.testing.assert_array_equal(found.clips(spec), [cut(found.frames, row, spec) for row in expected])


def test_weights_of_one_view_refuse_the_others(cine: Cine) -> None:
    other = replace(cine, view="A2C")
    assert refusal(other, SPEC) == refusal(cine, SPEC, "A4C") == refusal(replace(cine, view=None), SPEC, "A4C")
    assert refusal(other, SPEC, "A4C") == "the view is A2C; these weights were trained on A4C alone"
