"""End-diastole, end-systole, beats and heart rate from a curve of LV volume, area or length over time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import scipy  # its rooms load when first used: naming a study need not wait two seconds for scipy.signal
from jaxtyping import Float

from cinecor.errors import InputError
from cinecor.measures.ejection_fraction import ejection_fraction

MIN_CYCLE_MS = 250.0  # 240 beats a minute: faster is noise, not a heart
FEWEST_FRAMES = 5  # ED, ES and a frame on either side
SMOOTHING = 0.2  # share of a cycle over which a parabola is fitted: half of a systole
SWING = 0.45  # share of the whole excursion that a turn of the curve must have to count as ED or ES
END_LEVEL = 0.1  # how far below the others, as a share of the excursion, an ED (or ES) at either end may lie


@dataclass(frozen=True, kw_only=True)
class Beats:
    """Where the heart is full (ED) and empty (ES)."""

    ed: tuple[int, ...]
    """Frame indices of end-diastole, ascending."""
    es: tuple[int, ...]
    """Frame indices of end-systole, ascending."""
    beats: tuple[tuple[int, int, int], ...]
    """(ED, ES, next ED) of each complete beat. In a cyclic curve, which is one beat, the next ED is the ED."""
    heart_rate_bpm: float | None
    """Beats a minute from the median interval; None without times or without a whole cycle."""


def find_beats(
    curve: Float[np.ndarray, " time"], times_ms: Float[np.ndarray, " times"] | None = None, *, cyclic: bool = False
) -> Beats:
    """Find every ED (largest) and ES (smallest) of a curve that may start at any phase, drift and hold noise.

    1. The period is the first strong peak of the autocorrelation. 2. A parabola fitted over a fifth of a cycle
    (Savitzky–Golay) takes noise away. 3. Where at least two cycles are there, drift (a polynomial fitted together with
    two harmonics of the period, so that it does not follow the beat) is taken away. 4. ED and ES are the peaks of the
    curve and of its negative, with a prominence of nearly half the excursion. A curve that does not swing beyond its
    noise has none. A peak at the first or last frame counts when it is about as high as the others.

    Args:
        curve: volume, area or any quantity that is largest at ED.
        times_ms: time of each frame, ascending; the frames may be unevenly spaced.
        cyclic: the frames are one gated cycle (cine MRI): the first follows the last, and there is one ED and one ES.

    Raises:
        InputError: EMPTY for fewer than 5 frames; INCONSISTENT for values or times that are not finite, and times that
            do not ascend or are not as many as the values.
    """
    values, frame_ms = _checked(curve, times_ms)
    if cyclic:
        return _one_cycle(values, frame_ms)
    period = _period(values, MIN_CYCLE_MS / frame_ms if frame_ms else float(FEWEST_FRAMES))
    smooth = _smooth(values, period, mode="interp")
    level = smooth - _drift(smooth, period) if period else smooth
    excursion = _excursion(level)
    if excursion <= _noise(values, smooth):
        return Beats(ed=(), es=(), beats=(), heart_rate_bpm=None)
    spread = 0.6 * period if period else 1.0
    ed, es = _alternate(level, _turns(level, excursion, spread), _turns(-level, excursion, spread))
    beats = tuple((a, next(m for m in es if a < m < b), b) for a, b in pairwise(ed))
    return Beats(ed=ed, es=es, beats=beats, heart_rate_bpm=_heart_rate(ed, es, times_ms))


def beat_ejection_fractions(curve: Float[np.ndarray, " time"], beats: Beats) -> tuple[float, ...]:
    """EF in percent of each complete beat of a volume curve, from its ED and its ES.

    Raises:
        InputError: INCONSISTENT where the curve is not a volume at those frames (below 0, or ES above ED).
    """
    return tuple(ejection_fraction(float(curve[ed]), float(curve[es])) for ed, es, _ in beats.beats)


def _checked(curve: np.ndarray, times_ms: np.ndarray | None) -> tuple[np.ndarray, float | None]:
    """The curve as float64, on an even grid of its own frames, and the mean time between frames."""
    if len(curve) < FEWEST_FRAMES:
        raise InputError("EMPTY", f"{len(curve)} frames are too few to find a beat", f"give at least {FEWEST_FRAMES}")
    if not np.isfinite(curve).all():
        raise InputError("INCONSISTENT", "the curve holds values that are not finite")
    if times_ms is None:
        return curve.astype(np.float64), None
    if len(times_ms) != len(curve):
        raise InputError("INCONSISTENT", f"{len(times_ms)} times for {len(curve)} frames")
    if not np.isfinite(times_ms).all() or np.any(np.diff(times_ms) <= 0):
        raise InputError("INCONSISTENT", "the times of the frames do not ascend")
    return curve.astype(np.float64), float(times_ms[-1] - times_ms[0]) / (len(times_ms) - 1)


def _period(values: np.ndarray, shortest: float) -> int | None:
    """Frames in a cycle, None where the curve holds less than about one and a half."""
    count = len(values)
    centred = scipy.signal.detrend(values)
    power = float(centred @ centred)
    if power <= 1e-18 * max(1.0, float(values @ values)):
        return None
    lags = scipy.signal.correlate(centred, centred)[count - 1 :] / power
    lags = lags * count / np.maximum(count - np.arange(count), count / 3)  # fewer products at long lags
    first = max(math.ceil(shortest), 2)
    peaks, _ = scipy.signal.find_peaks(lags[: count * 3 // 4])
    peaks = peaks[(peaks >= first) & (lags[peaks] > 0.3)]
    if not len(peaks):
        return None
    return int(peaks[lags[peaks] >= 0.75 * lags[peaks].max()][0])


def _smooth(values: np.ndarray, period: int | None, mode: Literal["interp", "wrap"]) -> np.ndarray:
    span = int(SMOOTHING * (period or len(values)))
    window = span + 1 - span % 2
    if window < 5:
        return values
    smooth: np.ndarray = scipy.signal.savgol_filter(values, window, 2, mode=mode)
    return smooth


def _drift(values: np.ndarray, period: int) -> np.ndarray:
    """Slow change that is not the beat: fitted together with the beat's first two harmonics."""
    cycles = len(values) / period
    if cycles < 2:
        return np.zeros_like(values)
    time = np.linspace(-1, 1, len(values))
    degree = min(int(cycles) - 1, 5)
    slow = [time**power for power in range(1, degree + 1)]
    turn = 2 * np.pi * np.arange(len(values)) / period
    beat = [wave(order * turn) for order in (1, 2) for wave in (np.cos, np.sin)]
    terms = np.stack([np.ones_like(time), *slow, *beat], axis=1)
    weights, *_ = np.linalg.lstsq(terms, values, rcond=None)
    drift: np.ndarray = terms[:, 1 : degree + 1] @ weights[1 : degree + 1]
    return drift


def _excursion(level: np.ndarray) -> float:
    low, high = np.percentile(level, [2, 98])
    return float(high - low)


def _noise(values: np.ndarray, smooth: np.ndarray) -> float:
    """The excursion that noise alone could leave in a smoothed curve: three standard deviations of what was removed."""
    return max(3.0 * float((values - smooth).std()), 1e-9 * float(np.abs(values).max()))


def _turns(level: np.ndarray, excursion: float, spread: float) -> list[int]:
    """Peaks of the curve. One that the loop's end cuts off on one side counts where it is as high as the whole ones."""
    floor = level.min() - 10 * excursion
    framed = np.concatenate([[floor], level, [floor]])
    peaks = scipy.signal.find_peaks(framed, prominence=SWING * excursion, distance=spread)[0] - 1
    whole, _ = scipy.signal.find_peaks(level, prominence=SWING * excursion)
    usual = np.median(level[whole]) if len(whole) else level.max()
    return [int(peak) for peak in peaks if peak in whole or level[peak] >= usual - END_LEVEL * excursion]


def _alternate(level: np.ndarray, ed: list[int], es: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Keep the highest of ED that follow each other without ES between, and the lowest of such ES."""
    turns = sorted([(index, 1) for index in ed] + [(index, -1) for index in es])
    kept: list[tuple[int, int]] = []
    for index, kind in turns:
        if kept and kept[-1][1] == kind:
            if kind * level[index] > kind * level[kept[-1][0]]:
                kept[-1] = (index, kind)
        else:
            kept.append((index, kind))
    return tuple(i for i, kind in kept if kind > 0), tuple(i for i, kind in kept if kind < 0)


def _heart_rate(ed: tuple[int, ...], es: tuple[int, ...], times_ms: np.ndarray | None) -> float | None:
    """From the median of ED–ED and ES–ES intervals; those that touch an end of the loop only for want of others."""
    if times_ms is None:
        return None
    pairs = [*pairwise(ed), *pairwise(es)]
    whole = [(a, b) for a, b in pairs if a > 0 and b < len(times_ms) - 1]
    intervals = [float(times_ms[b] - times_ms[a]) for a, b in whole or pairs]
    return 60_000 / float(np.median(intervals)) if intervals else None


def _one_cycle(values: np.ndarray, frame_ms: float | None) -> Beats:
    smooth = _smooth(values, None, mode="wrap")
    if _excursion(smooth) <= _noise(values, smooth):
        return Beats(ed=(), es=(), beats=(), heart_rate_bpm=None)
    ed, es = int(np.argmax(smooth)), int(np.argmin(smooth))
    rate = 60_000 / (frame_ms * len(values)) if frame_ms else None
    return Beats(ed=(ed,), es=(es,), beats=((ed, es, ed),), heart_rate_bpm=rate)
