"""The clip of each beat, by frames and by time."""

import numpy as np
import pytest

from cinecor.clips.beats import choose_beats
from cinecor.errors import InputError
from cinecor.records import ClipSpec

PUBLISHED = ClipSpec(length=32, period=2)


def _areas(frames, cycle):
    return 100.0 + 30.0 * np.cos(2 * np.pi * np.arange(frames) / cycle)


def test_published_clips_begin_32_frames_before_each_systole():
    beats = choose_beats(_areas(175, 50), None, PUBLISHED)
    assert beats == ((25, 0), (75, 43), (125, 93))
    assert choose_beats(_areas(175, 50), None, PUBLISHED, compat=True) == beats


def test_the_last_clip_fits_into_the_loop():
    beats = choose_beats(_areas(175, 50)[:160], None, PUBLISHED)
    assert beats[-1] == (125, 93)
    assert choose_beats(_areas(150, 50), None, PUBLISHED)[-1] == (125, 150 - 63)


@pytest.mark.parametrize("frame_ms", [10.0, 20.0, 40.0])
def test_beats_do_not_depend_on_the_frame_rate_where_it_is_known(frame_ms):
    """75 beats a minute, 800 ms each; at 40 ms a frame the published 20 frames are as long as a beat."""
    frames, cycle = round(4000 / frame_ms), 800 / frame_ms
    times = tuple(frame_ms * np.arange(frames))
    spec = ClipSpec(length=16, step_ms=40.0)
    beats = choose_beats(_areas(frames, cycle), times, spec)
    assert [round(systole * frame_ms) for systole, _ in beats] == [400, 1200, 2000, 2800, 3600]
    assert [round((systole - start) * frame_ms) for systole, start in beats[1:-1]] == [320] * 3


def test_compat_counts_frames_whatever_they_last():
    areas, times = _areas(100, 15), tuple(40.0 * np.arange(100))
    assert len(choose_beats(areas, times, PUBLISHED)) > len(choose_beats(areas, times, PUBLISHED, compat=True))


def test_a_short_loop_has_one_clip_at_most_and_a_still_one_has_none():
    spec = ClipSpec(length=32, step_ms=40.0)
    times = tuple(20.0 * np.arange(30))
    assert choose_beats(_areas(30, 24), times, spec) == ((12, 0),)
    assert choose_beats(np.full(100, 5.0), None, PUBLISHED) == ()


def test_a_clip_by_time_needs_times():
    with pytest.raises(InputError, match="NO_TIMING"):
        choose_beats(_areas(100, 40), None, ClipSpec(length=8, step_ms=40.0))
