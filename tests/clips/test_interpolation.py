"""Whole loops and heartbeats in another number of frames, against scipy pixel by pixel."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from tests.clips.loops import make_frames, make_study

from cinecor.clips import Cache, ClipDataset, Sampling, cut
from cinecor.clips.interpolation import marked_cycle, resample, spline_weights, spread
from cinecor.clips.sampling import choose_even, choose_random, count_starts
from cinecor.clips.transforms import AUGMENTATIONS
from cinecor.errors import ConfigError
from cinecor.records import ClipSpec

WHOLE = ClipSpec(length=7, height=16, width=20, time="loop", mean=(40.9,), std=(54.7,))


@pytest.mark.parametrize("frames", [5, 11, 30])
def test_every_pixel_follows_scipys_cubic_spline(frames: int) -> None:
    loop = np.random.default_rng(frames).integers(60, 200, (frames, 2, 3, 4), dtype=np.uint8)
    wanted = np.linspace(1, frames - 2, 7)
    found = resample(loop, 1, frames - 2, 7)
    expected = CubicSpline(np.arange(1, frames - 1), loop[1:-1])(wanted) if frames > 5 else None
    if expected is None:  # three frames: the parabola through them
        expected = np.polynomial.polynomial.polyval(
            wanted, np.polynomial.polynomial.polyfit([1, 2, 3], loop[1:4].reshape(3, -1), 2)
        ).T.reshape(7, 2, 3, 4)
    np.testing.assert_allclose(found.swapaxes(0, 1), np.clip(expected, 0, 255), atol=1e-3)


def test_ends_stay_and_as_many_frames_change_nothing() -> None:
    loop = make_frames(0, frames=9)
    np.testing.assert_allclose(resample(loop, 0, 8, 9)[0], loop[:, 0], atol=1e-3)
    few = resample(loop, 0, 8, 4)[0]
    np.testing.assert_allclose(few[[0, -1]], loop[[0, -1], 0], atol=1e-3)
    np.testing.assert_allclose(spline_weights(9, 4).sum(1), 1.0, atol=1e-6)
    assert np.all(resample(loop[:1], 0, 0, 3)[0] == loop[0, 0])
    edge = np.zeros((8, 1, 1, 1), np.uint8)
    edge[4:] = 255
    assert resample(edge, 0, 7, 50).min() == 0
    assert resample(edge, 0, 7, 50).max() == 255


def test_a_whole_loop_has_one_clip_whatever_is_asked() -> None:
    assert count_starts(30, WHOLE) == 1
    expected = [[0, 5, 10, 14, 19, 24, 29]]
    assert choose_even(30, WHOLE, 3).tolist() == expected
    assert choose_random(30, WHOLE, np.random.default_rng(0)).tolist() == expected
    assert spread(4, 6, 5).tolist() == [4, 4, 5, 6, 6]  # halves to the even frame


def test_a_dataset_cuts_the_loop_or_the_marked_heartbeat(tmp_path) -> None:
    study = make_study(4, frames=20)
    four = replace(study.cines[0], view="A4C")
    study = replace(study, cines=(four,), labels={"ef": 50.0, "reference_frame_a4c": 3.0, "end_of_cycle_a4c": 15.0})
    cache = Cache.build([study], WHOLE, tmp_path, workers=1)
    frames = cache.frames(study.id)
    for time, first, last in (("loop", 0, 19), ("cycle", 3, 15)):
        spec = replace(WHOLE, time=time)
        for how in ("random", "even"):
            clips = ClipDataset([study], cache, spec, sampling=Sampling(how=how, clips=3))
            clip = clips[0]
            assert len(clips) == (3 if how == "random" else 1)
            assert (clip.start, clip.indices[-1], len(clip.indices)) == (first, last, 7)
            expected = (resample(frames, first, last, 7) - 40.9) / 54.7
            np.testing.assert_allclose(clip.inputs["rgb"], expected, atol=1e-4)
    varied = ClipDataset([study], cache, WHOLE, transform=AUGMENTATIONS["transfer"])[0].inputs["rgb"]
    assert varied.shape == (1, 7, 16, 20)
    assert not np.allclose(varied, cut(frames, spread(0, 19, 7), WHOLE))


def test_a_heartbeat_that_is_not_marked_is_the_loop() -> None:
    study = replace(make_study(0), cines=(replace(make_study(0).cines[0], view="A4C"),))
    assert marked_cycle(study, 0, 8) == (0, 7)
    for start, end in ((3.0, 8.0), (4.0, 4.0), (-1.0, 5.0), (5.0, "x")):
        marked = replace(study, labels={"reference_frame_a4c": start, "end_of_cycle_a4c": end})
        assert marked_cycle(marked, 0, 8) == (0, 7)
    other = replace(study, labels={"reference_frame_a2c": 1.0, "end_of_cycle_a2c": 5.0})
    assert marked_cycle(other, 0, 8) == (0, 7)


def test_old_specifications_are_read_and_a_step_contradicts() -> None:
    old = {name: value for name, value in ClipSpec(length=9).as_dict().items() if name != "time"}
    assert ClipSpec.from_dict(old) == ClipSpec(length=9)
    assert ClipSpec.from_dict(WHOLE.as_dict()) == WHOLE
    with pytest.raises(ConfigError, match="CONFLICT: step_ms"):
        ClipSpec(time="loop", step_ms=20.0)
