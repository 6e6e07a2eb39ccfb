from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from cinecor.io.dicom_timing import read_times

ALL = {"FrameTimeVector": [0, 20, 30], "FrameTime": 40, "CineRate": 20, "RecommendedDisplayFrameRate": 10}


def header(**attributes: Any) -> Dataset:
    dataset = Dataset()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("left_out", "source", "times"),
    [
        ((), "FrameTimeVector", (0, 20, 50)),
        (("FrameTimeVector",), "FrameTime", (0, 40, 80)),
        (("FrameTimeVector", "FrameTime"), "CineRate", (0, 50, 100)),
        (("FrameTimeVector", "FrameTime", "CineRate"), "RecommendedDisplayFrameRate", (0, 100, 200)),
    ],
)
def test_order_of_sources(left_out: tuple[str, ...], source: str, times: tuple[float, ...]) -> None:
    dataset = header(**{keyword: value for keyword, value in ALL.items() if keyword not in left_out})
    assert read_times(dataset, 3) == (times, (f"frame times from {source}",))


def test_nothing_said() -> None:
    assert read_times(header(), 3) == (None, ("no frame times",))


def test_a_still_has_no_times() -> None:
    assert read_times(header(**ALL), 1) == (None, ())


def test_vector_without_the_first_zero() -> None:
    times, _ = read_times(header(FrameTimeVector=[20, 30]), 3)
    assert times == (0, 20, 50)


def test_first_increment_of_a_vector_does_not_count() -> None:
    times, _ = read_times(header(FrameTimeVector=[33, 20, 30]), 3)
    assert times == (0, 20, 50)


def test_vector_of_one_increment_for_two_frames() -> None:
    times, _ = read_times(header(FrameTimeVector=25), 2)
    assert times == (0, 25)


@pytest.mark.parametrize(
    "vector", [[0, 20], [0, 20, 30, 40, 50], [0, 20, 0], [0, -20, 30], [0, 0.02, 0.03], [0, 20, 9e9]]
)
def test_vector_of_nonsense_gives_way_to_frame_time(vector: list[float]) -> None:
    count = 4 if vector == [0, 20] else 3
    times, notes = read_times(header(FrameTimeVector=vector, FrameTime=40), count)
    assert times == tuple(40.0 * index for index in range(count))
    assert notes == ("FrameTimeVector is not plausible and was not used", "frame times from FrameTime")


@pytest.mark.parametrize("step", [0, -33, 0.033, 0.99, 1001, 1e9])
def test_frame_time_of_nonsense_gives_way_to_cine_rate(step: float) -> None:
    times, notes = read_times(header(FrameTime=step, CineRate=50), 3)
    assert times == (0, 20, 40)
    assert notes == ("FrameTime is not plausible and was not used", "frame times from CineRate")


@pytest.mark.parametrize("rate", [0, -25, 100_000])
def test_rate_of_nonsense_gives_way_to_the_display_rate(rate: int) -> None:
    times, notes = read_times(header(CineRate=rate, RecommendedDisplayFrameRate=25), 3)
    assert times == (0, 40, 80)
    assert notes[0] == "CineRate is not plausible and was not used"


def test_every_source_nonsense() -> None:
    times, notes = read_times(
        header(FrameTimeVector=[0, 0, 0], FrameTime=0, CineRate=0, RecommendedDisplayFrameRate=0), 3
    )
    assert times is None
    assert len(notes) == 5
    assert notes[-1] == "no frame times"


def test_empty_values_are_as_good_as_none() -> None:
    times, notes = read_times(header(FrameTime=None, FrameTimeVector="", CineRate=""), 2)
    assert (times, notes) == (None, ("no frame times",))


@pytest.mark.parametrize("step", [1.0, 1000.0])
def test_bounds_are_plausible(step: float) -> None:
    times, _ = read_times(header(FrameTime=step), 3)
    assert times == (0, step, 2 * step)


def test_vector_adds_up_like_numpy() -> None:
    steps = np.random.default_rng(3).uniform(5, 60, 40).round(3)
    times, _ = read_times(header(FrameTimeVector=[0, *steps.tolist()]), 41)
    assert times is not None
    np.testing.assert_allclose(times, np.concatenate([[0], np.cumsum(steps)]), rtol=1e-12)
