"""Systoles against scipy and by hand, and the quirk of the published code."""

import numpy as np
import pytest
from scipy.signal import find_peaks

from cinecor.errors import ConfigError, InputError
from cinecor.measures.systole import beat_clips, cavity_areas, find_systoles, trim_places, trimmed_range

CYCLE = 40


def _beating(frames=175, cycle=CYCLE, phase=0.0):
    return 1000.0 + 300.0 * np.cos(2 * np.pi * (np.arange(frames) + phase) / cycle)


def test_the_quirk_takes_powers_for_shares():
    assert trim_places(175, compat=True) == (1, 135)
    assert trim_places(175) == (9, 166)


@pytest.mark.parametrize("compat", [False, True])
def test_places_lie_in_the_curve_whatever_its_length(compat):
    for frames in range(1, 400):
        low, high = trim_places(frames, compat=compat)
        assert 0 <= low <= high < frames


@pytest.mark.parametrize("frames", range(6, 200, 7))
def test_in_compat_places_are_those_of_the_published_expression(frames):
    assert trim_places(frames, compat=True) == (round(frames**0.05), round(frames**0.95))


def test_the_range_is_that_of_the_sorted_areas():
    areas = np.random.default_rng(0).permutation(175).astype(float)
    assert trimmed_range(areas) == 166 - 9
    assert trimmed_range(areas, compat=True) == 135 - 1


def test_minima_of_a_cosine_are_its_systoles():
    assert find_systoles(_beating()) == (20, 60, 100, 140)
    assert find_systoles(_beating(), compat=True) == (20, 60, 100, 140)


@pytest.mark.parametrize("compat", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_they_are_scipys_peaks_written_out(seed, compat):
    rng = np.random.default_rng(seed)
    areas = np.round(_beating(rng.integers(60, 220), rng.integers(15, 60), rng.integers(0, 40)))
    areas += np.round(rng.normal(0, 60, len(areas)))
    count = len(areas)
    low, high = (count**0.05, count**0.95) if compat else (0.05 * count, 0.95 * count)
    spread = sorted(areas)[round(high)] - sorted(areas)[round(low)]
    expected = set(find_peaks(-areas, distance=20, prominence=0.5 * spread)[0].tolist())
    assert set(find_systoles(areas, compat=compat)) == expected


def test_the_quirk_finds_what_the_repaired_range_leaves_out():
    """A seventh of the frames lies at the top: the power 0.95 trims it all off, the share 0.95 does not."""
    areas = _beating()
    areas[150:175] = 2000.0 + np.arange(25)
    assert trimmed_range(areas, compat=True) < trimmed_range(areas)
    assert len(find_systoles(areas, compat=True)) > len(find_systoles(areas))


def test_of_two_that_are_too_close_the_shallower_goes():
    areas = np.full(100, 100.0)
    areas[[40, 50]] = 10.0, 20.0
    assert find_systoles(areas, compat=True) == (40,)
    assert find_systoles(areas, distance=5, compat=True) == (40, 50)


def test_a_flat_minimum_has_its_middle_and_the_ends_have_none():
    areas = np.array([5.0] + [50.0] * 30 + [10.0] * 5 + [50.0] * 30 + [5.0])
    assert find_systoles(areas) == (33,)


@pytest.mark.parametrize("areas", [np.full(80, 7.0), np.arange(80.0), np.array([3.0]), np.array([3.0, 1.0, 3.0])[:2]])
def test_what_does_not_beat_has_no_systole(areas):
    assert find_systoles(areas) == ()
    assert find_systoles(areas, compat=True) == ()


def test_a_blip_in_a_still_curve_is_one_in_compat_alone():
    areas = np.full(200, 9.0)
    areas[100] = 8.0
    assert find_systoles(areas) == ()
    assert find_systoles(areas, compat=True) == (100,)


def test_scale_shift_and_unit_do_not_matter():
    areas = _beating(phase=7)
    assert find_systoles(3.5 * areas + 11.0) == find_systoles(areas)


@pytest.mark.parametrize(("areas", "code"), [(np.empty(0), "EMPTY"), (np.array([1.0, np.nan, 2.0]), "INCONSISTENT")])
def test_no_curve_is_refused(areas, code):
    with pytest.raises(InputError, match=code):
        find_systoles(areas)


def test_no_distance_is_refused():
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        find_systoles(_beating(), distance=0)


def test_areas_are_pixels_at_one_half_and_more():
    maps = np.zeros((2, 4, 4))
    maps[0, :2, :2] = 0.5
    maps[0, 3, 3] = 0.9
    maps[1] = 0.4999
    assert cavity_areas(maps).tolist() == [5.0, 0.0]


def test_clips_begin_before_their_systole_and_inside_the_loop():
    assert beat_clips((20, 60, 100, 170), last_start=112) == ((20, 0), (60, 28), (100, 68), (170, 112))


def test_beats_of_one_clip_count_once():
    assert beat_clips((10, 31), last_start=100) == ((10, 0),)
    assert beat_clips((150, 172), last_start=112) == ((150, 112),)
    assert beat_clips((10, 31, 52), last_start=0) == ((10, 0),)  # a loop that is no longer than a clip


def test_no_systole_has_no_clip_and_one_has_one():
    assert beat_clips((), last_start=10) == ()
    assert beat_clips((50,), last_start=112, lead=8) == ((50, 42),)
