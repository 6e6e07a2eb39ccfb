"""Sampling against naive loops, and indices that never leave the loop."""

from __future__ import annotations

import numpy as np
import pytest

from cinecor.clips import sampling
from cinecor.clips.sampling import ABSENT, Sampling
from cinecor.errors import ConfigError, InputError
from cinecor.records import ClipSpec

SPECS = [ClipSpec(length=length, period=period) for length, period in ((1, 1), (28, 1), (32, 2), (36, 4), (5, 7))]
LOOPS = [1, 2, 3, 24, 28, 29, 100, 140, 141, 143, 144, 145, 200]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def reference_clip(frames: int, start: int, spec: ClipSpec) -> list[int]:
    """The references' way, frame by frame: extend a short loop, then walk through it."""
    extended = list(range(frames)) + [ABSENT] * max(0, spec.length * spec.period - frames)
    return [
        extended[start + step * spec.period] if start + step * spec.period < len(extended) else ABSENT
        for step in range(spec.length)
    ]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("frames", LOOPS)
def test_all_starts_are_those_of_the_references(spec: ClipSpec, frames: int) -> None:
    extended = max(frames, spec.length * spec.period)
    starts = [start for start in range(extended - (spec.length - 1) * spec.period) if start < frames]
    assert sampling.count_starts(frames, spec) == len(starts)
    expected = [reference_clip(frames, start, spec) for start in starts]
    assert sampling.choose_all(frames, spec).tolist() == expected


def test_coreecho_draws_from_four_starts_in_a_loop_of_144_frames_and_in_shorter_ones() -> None:
    spec = ClipSpec(length=36, period=4)
    assert [sampling.count_starts(frames, spec) for frames in (100, 143, 144, 145)] == [4, 4, 4, 5]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("frames", LOOPS)
@pytest.mark.parametrize("how", ["first", "random", "even", "all", "listed"])
def test_indices_are_frames_of_the_loop_and_start_with_one(spec: ClipSpec, frames: int, how: sampling.How) -> None:
    chosen = Sampling(how=how, clips=5, starts={"a": (0, frames - 1)}).choose("a", frames, None, spec, rng())
    assert chosen.shape[1] == spec.length
    assert len(chosen) > 0
    assert np.all((chosen == ABSENT) | ((chosen >= 0) & (chosen < frames)))
    assert np.all(chosen[:, 0] >= 0)
    missing = chosen == ABSENT
    assert np.all(missing[:, 1:] >= missing[:, :-1]), "zeros only follow the loop"


def test_random_reaches_every_start_and_no_other() -> None:
    spec = ClipSpec(length=4, period=2)
    starts = sampling.choose_random(12, spec, rng(), clips=500)[:, 0]
    assert set(starts.tolist()) == set(range(12 - 6))
    counts = np.bincount(starts)
    assert counts.min() > 0.5 * counts.mean()


def test_random_is_a_function_of_the_generator() -> None:
    spec = ClipSpec(length=4)
    assert np.array_equal(sampling.choose_random(99, spec, rng(3), 7), sampling.choose_random(99, spec, rng(3), 7))
    assert not np.array_equal(sampling.choose_random(99, spec, rng(3), 7), sampling.choose_random(99, spec, rng(4), 7))


@pytest.mark.parametrize(
    ("clips", "starts"), [(1, [3]), (2, [0, 6]), (3, [0, 3, 6]), (4, [0, 2, 4, 6]), (99, list(range(7)))]
)
def test_even_spreads_from_the_first_start_to_the_last(clips: int, starts: list[int]) -> None:
    assert sampling.choose_even(10, ClipSpec(length=4), clips)[:, 0].tolist() == starts


def test_stride_thins_all_starts() -> None:
    assert sampling.choose_all(10, ClipSpec(length=4), stride=3)[:, 0].tolist() == [0, 3, 6]


def test_listed_starts_must_be_frames_of_the_loop() -> None:
    with pytest.raises(ConfigError, match=r"\[10, -1\]"):
        sampling.choose_listed(10, ClipSpec(length=4), (3, 10, -1))


def test_sampling_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ConfigError, match="clips"):
        Sampling(clips=0)
    with pytest.raises(ConfigError, match="starts"):
        Sampling(how="listed")
    with pytest.raises(ConfigError, match="b: no starts"):
        Sampling(how="listed", starts={"a": (0,)}).choose("b", 9, None, ClipSpec(length=2), rng())


def nearest(times: np.ndarray, wanted: float) -> int:
    """The naive nearest frame, the later of two at equal distance left to rounding: tests avoid ties."""
    return int(np.argmin(np.abs(times - wanted)))


@pytest.mark.parametrize("step_ms", [13.7, 20.0, 33.3, 41.1])
def test_step_takes_the_nearest_frame_in_time(step_ms: float) -> None:
    times = np.cumsum(rng(1).uniform(15, 25, 120))
    times -= times[0]
    spec = ClipSpec(length=16, step_ms=step_ms)
    chosen = sampling.choose_all(120, spec, times.tolist())
    for start, row in enumerate(chosen):
        assert row.tolist() == [nearest(times, times[start] + step * step_ms) for step in range(16)]
    last = times[len(chosen)] + 15 * step_ms  # the first start that was not offered
    assert last > times[-1] + np.median(np.diff(times)) / 2


def test_step_equal_to_the_frame_time_is_period_one() -> None:
    times = [20.0 * frame for frame in range(60)]
    by_time = sampling.choose_all(60, ClipSpec(length=28, step_ms=20.0), times)
    assert np.array_equal(by_time, sampling.choose_all(60, ClipSpec(length=28), times))


def test_step_beyond_the_end_of_a_short_loop_is_zeros() -> None:
    times = [0.0, 20.0, 40.0]
    chosen = sampling.choose_random(3, ClipSpec(length=6, step_ms=10.5), rng(), times_ms=times)
    assert chosen.tolist() == [[0, 1, 1, 2, 2, ABSENT]]


def test_a_single_frame_with_a_time_is_a_clip() -> None:
    assert sampling.choose_first(1, ClipSpec(length=3, step_ms=20.0), [0.0]).tolist() == [[0, ABSENT, ABSENT]]


@pytest.mark.parametrize(
    ("times", "code"),
    [
        (None, "NO_TIMING"),
        ([0.0, 20.0], "INCONSISTENT"),
        ([0.0, 20.0, 20.0], "INCONSISTENT"),
        ([0.0, 30.0, 20.0], "INCONSISTENT"),
    ],
)
def test_step_needs_the_time_of_every_frame(times: list[float] | None, code: str) -> None:
    with pytest.raises(InputError) as caught:
        sampling.choose_first(3, ClipSpec(length=2, step_ms=20.0), times)
    assert caught.value.code == code


def test_a_loop_without_frames_is_refused() -> None:
    with pytest.raises(InputError, match="EMPTY"):
        sampling.choose_random(0, ClipSpec(), rng())


def test_a_clip_of_an_outlined_frame_near_the_end_begins_earlier():
    spec = ClipSpec(length=8)
    generator = np.random.default_rng(0)
    rows = Sampling(how="outlined").choose("s", 20, None, spec, generator, (3, 11, 16, 19))
    assert rows[:, 0].tolist() == [3, 11, 12]
    assert (rows >= 0).all()
    assert {16, 19} <= set(rows[2].tolist())
