from __future__ import annotations

import numpy as np
import pytest

from cinecor.errors import InputError
from cinecor.measures import beat_ejection_fractions, find_beats

SYSTOLE = 0.36  # share of a cycle


def volume(phase: np.ndarray, ef: float = 0.6, edv: float = 120.0) -> np.ndarray:
    """LV volume over the cycle: ejection, early filling, diastasis, atrial kick. ED at every whole phase."""
    at, stroke = phase % 1, ef * edv

    def rise(start: float, stop: float) -> np.ndarray:
        return (1 - np.cos(np.pi * np.clip((at - start) / (stop - start), 0, 1))) / 2

    return edv - stroke * (rise(0, SYSTOLE) - 0.8 * rise(SYSTOLE, 0.62) - 0.2 * rise(0.85, 1.0))


def loop(start: float = 0.0, cycles: float = 3.0, period: int = 40) -> np.ndarray:
    """Phase of each frame."""
    return start + np.arange(round(cycles * period)) / period


def events(phase: np.ndarray, at: float, margin: float = 0.0) -> list[int]:
    """Frames at which the phase passes ``at``, unless nearer to the ends than a share of a cycle."""
    step = phase[1] - phase[0]
    whole = np.arange(np.floor(phase[0]) - 1, np.ceil(phase[-1]) + 1) + at
    inside = whole[(whole >= phase[0] + margin - 1e-9) & (whole <= phase[-1] - margin + 1e-9)]
    return [round(float(value - phase[0]) / step) for value in inside]


def same(found: tuple[int, ...], truth: list[int], within: int = 1) -> bool:
    return len(found) == len(truth) and all(abs(a - b) <= within for a, b in zip(found, truth, strict=True))


@pytest.mark.parametrize("start", [0.0, 0.2, 0.36, 0.5, 0.7, 0.93])
@pytest.mark.parametrize("cycles", [2.3, 4.0, 7.9])
def test_every_ed_and_es_is_found_from_any_phase(start: float, cycles: float) -> None:
    phase = loop(start, cycles)
    found = find_beats(volume(phase))
    assert set(events(phase, 0, 0.08)) <= {near for f in found.ed for near in (f - 1, f, f + 1)}
    assert set(events(phase, SYSTOLE, 0.08)) <= {near for f in found.es for near in (f - 1, f, f + 1)}
    inner_ed = tuple(f for f in found.ed if 5 < f < len(phase) - 6)
    inner_es = tuple(f for f in found.es if 5 < f < len(phase) - 6)
    assert same(inner_ed, [f for f in events(phase, 0) if 5 < f < len(phase) - 6])
    assert same(inner_es, [f for f in events(phase, SYSTOLE) if 5 < f < len(phase) - 6])


def test_beats_run_from_ed_over_es_to_the_next_ed() -> None:
    found = find_beats(volume(loop(0.0, 4.1)))
    assert len(found.beats) == 4
    assert [beat[0] for beat in found.beats] == list(found.ed[:-1])
    assert all(ed < es < after for ed, es, after in found.beats)
    assert found.heart_rate_bpm is None


@pytest.mark.parametrize("ef", [0.12, 0.35, 0.6, 0.78])
def test_ef_of_each_beat_without_noise(ef: float) -> None:
    curve = volume(loop(0.4, 4.0), ef)
    fractions = beat_ejection_fractions(curve, find_beats(curve))
    assert len(fractions) == 3
    assert fractions == pytest.approx([100 * ef] * 3, abs=0.5)


@pytest.mark.parametrize("offset", [0, 7, 19, 33])
def test_ef_does_not_depend_on_the_first_frame(offset: int) -> None:
    curve = volume(loop(0.1, 5.0))
    fractions = beat_ejection_fractions(curve[offset:], find_beats(curve[offset:]))
    assert np.median(fractions) == pytest.approx(60.0, abs=0.5)


@pytest.mark.parametrize("scale", [0.001, 1.0, 4e4])
def test_unit_of_the_curve_does_not_matter(scale: float) -> None:
    curve = volume(loop(0.3, 3.3))
    assert find_beats(curve * scale) == find_beats(curve)


@pytest.mark.parametrize("bpm", [42.0, 75.0, 140.0])
@pytest.mark.parametrize("fps", [25.0, 51.0, 90.0])
def test_heart_rate_from_the_times(bpm: float, fps: float) -> None:
    times = np.arange(int(4.2 * 60 / bpm * fps)) * 1000 / fps
    found = find_beats(volume(0.15 + times / 60_000 * bpm), times)
    assert found.heart_rate_bpm == pytest.approx(bpm, rel=0.03)


def test_uneven_times_give_the_true_rate() -> None:
    random = np.random.default_rng(1)
    times = np.cumsum(random.uniform(14, 26, 260))
    found = find_beats(volume(times / 60_000 * 68), times)
    assert found.heart_rate_bpm == pytest.approx(68, rel=0.04)


@pytest.mark.parametrize("seed", range(12))
def test_noise_and_drift_are_borne(seed: int) -> None:
    random = np.random.default_rng(seed)
    phase = loop(random.uniform(0, 1), random.uniform(2.5, 6), 45)
    curve, time = volume(phase), np.linspace(0, 1, len(phase))
    stroke = 72.0
    curve += stroke * (random.uniform(-0.6, 0.6) * time + 0.1 * np.sin(5 * time + seed))
    curve += random.normal(0, 0.05 * stroke, len(curve))
    found = find_beats(curve)
    for truth, frames in ((events(phase, 0, 0.1), found.ed), (events(phase, SYSTOLE, 0.1), found.es)):
        assert all(min(abs(frame - event) for frame in frames) <= 6 for event in truth)
        inner = [frame for frame in frames if 5 < frame < len(phase) - 6]
        assert abs(len(inner) - len(truth)) <= 1
    assert len(found.beats) >= len(events(phase, 0, 0.1)) - 1


def test_beats_of_different_length_are_told_apart() -> None:
    lengths = [34, 52, 40, 61, 45]
    phase = np.concatenate([number + np.arange(length) / length for number, length in enumerate(lengths)])
    found = find_beats(volume(phase))
    assert same(tuple(ed for ed in found.ed if 0 < ed < 230), np.cumsum(lengths)[:-1].tolist(), within=2)
    assert len(found.es) == 5


@pytest.mark.parametrize(("start", "cycles"), [(0.0, 1.0), (0.0, 0.42), (0.9, 0.6), (0.1, 0.95)])
def test_a_single_beat_or_less_still_has_its_es(start: float, cycles: float) -> None:
    phase = loop(start, cycles)
    assert same(find_beats(volume(phase)).es, events(phase, SYSTOLE))


def test_half_a_beat_from_ed_to_es() -> None:
    curve = volume(np.linspace(0, SYSTOLE, 18))
    found = find_beats(curve)
    assert (found.ed, found.es, found.beats) == ((0,), (17,), ())


@pytest.mark.parametrize("shift", [0, 3, 11, 24])
def test_a_gated_cycle_closes_on_itself(shift: int) -> None:
    curve = np.roll(volume(np.arange(25) / 25), shift)
    found = find_beats(curve, np.arange(25) * 40.0, cyclic=True)
    assert found.ed == (shift % 25,)
    assert found.es == ((9 + shift) % 25,)
    assert found.beats == ((found.ed[0], found.es[0], found.ed[0]),)
    assert found.heart_rate_bpm == pytest.approx(60.0)
    assert beat_ejection_fractions(curve, found) == pytest.approx([60.0], abs=0.5)


@pytest.mark.parametrize("cyclic", [False, True])
@pytest.mark.parametrize("curve", [np.full(60, 80.0), np.zeros(30)])
def test_a_curve_that_does_not_beat_has_no_beats(curve: np.ndarray, cyclic: bool) -> None:
    found = find_beats(curve, cyclic=cyclic)
    assert (found.ed, found.es, found.beats, found.heart_rate_bpm) == ((), (), (), None)


def test_noise_alone_has_no_beats() -> None:
    for seed in range(10):
        curve = 100 + np.random.default_rng(seed).normal(0, 1, 200)
        assert find_beats(curve, np.arange(200) * 500.0).beats == ()


def test_what_is_no_curve_is_refused() -> None:
    curve = volume(loop())
    cases = [
        (curve[:4], None, "EMPTY"),
        (np.where(np.arange(120) == 7, np.nan, curve), None, "INCONSISTENT"),
        (curve, np.arange(119.0), "INCONSISTENT"),
        (curve, np.zeros(120), "INCONSISTENT"),
        (curve, np.full(120, np.nan), "INCONSISTENT"),
    ]
    for values, times, code in cases:
        with pytest.raises(InputError) as failure:
            find_beats(values, times)
        assert failure.value.code == code
