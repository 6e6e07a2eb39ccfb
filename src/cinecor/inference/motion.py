"""A curve of how full the heart is, from grey levels alone: no outline, no network, so nothing that could be untrained.

Over a beat the walls come together and go apart, and most of what changes in an apical loop changes with that. So the
first component of the blurred frames over time (singular value decomposition, drift removed) rises and falls once a
beat. Which way is full follows from the plane of the atrioventricular valves, which an apical view shows across the
image: in systole it moves towards the apex, that is up.
"""

from __future__ import annotations

import cv2
import numpy as np
import scipy
from jaxtyping import Float, UInt8

GRID = 28  # px, side of the blurred frames
COMPONENTS = 3  # looked at; the one that repeats with the beat most clearly is taken
SLOWEST_MS = 1700.0  # changes slower than this (35 a minute) are drift and breathing
VALVES = (slice(9, 23), slice(4, 24))  # rows and columns of GRID where the valve plane lies in an apical view
HEART_MS = (330.0, 1600.0)  # range of a beat's length
BLUR = 1.2  # sigma in pixels of the small frames: speckle goes, chambers stay


def fullness(frames: UInt8[np.ndarray, "time channel height width"], frame_ms: float) -> Float[np.ndarray, " time"]:
    """Relative fullness of the heart, 0 to 1, highest at end-diastole.

    Args:
        frames: prepared (sector cut out).
        frame_ms: mean time between frames.
    """
    small = np.stack([_shrink(frame[0]) for frame in frames])
    flat = small.reshape(len(small), -1)
    steady = _without_drift(flat, frame_ms)
    left, values, _ = np.linalg.svd(steady, full_matrices=False)
    candidates = [left[:, index] * values[index] for index in range(min(COMPONENTS, len(values)))]
    curve = max(candidates, key=lambda candidate: _beat_strength(candidate, frame_ms) * candidate.std() ** 0.5)
    descent = _without_drift(_valve_plane(small)[:, None], frame_ms)[:, 0]
    curve = curve if float(curve @ descent) >= 0 else -curve
    spread = float(np.ptp(curve))
    return (curve - curve.min()) / spread if spread > 0 else np.zeros(len(curve))


def _shrink(frame: UInt8[np.ndarray, "height width"]) -> Float[np.ndarray, "small small"]:
    blurred = cv2.resize(frame.astype(np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(blurred, (0, 0), BLUR), dtype=np.float64)


def _without_drift(rows: Float[np.ndarray, "time pixel"], frame_ms: float) -> Float[np.ndarray, "time pixel"]:
    """What changes faster than ``SLOWEST_MS``: rows minus their smooth course (a low-order polynomial in time)."""
    count = len(rows)
    order = int(np.clip(2.0 * count * frame_ms / SLOWEST_MS / 2.0, 1, 12))
    time = np.linspace(-1.0, 1.0, count)
    basis = np.polynomial.legendre.legvander(time, min(order, max(count - 2, 0)))
    return np.asarray(rows - basis @ np.linalg.lstsq(basis, rows, rcond=None)[0])


def _beat_strength(curve: Float[np.ndarray, " time"], frame_ms: float) -> float:
    """Highest autocorrelation at the lag of a heartbeat; a loop too short for that counts by its smoothness."""
    centred = curve - curve.mean()
    lags = scipy.signal.correlate(centred, centred)[len(centred) - 1 :]
    lags = lags / max(lags[0], 1e-12)
    first, last = (int(limit / frame_ms) for limit in HEART_MS)
    last = min(last, int(0.7 * len(lags)))
    return max(float(lags[first:last].max()), 0.05) if last > first else max(float(lags[1]), 0.05)


def _valve_plane(small: Float[np.ndarray, "time small small"]) -> Float[np.ndarray, " time"]:
    """How far down the tissue around the valves has moved since the first frame, in pixels of the small frames.

    A translation between neighbouring frames by least squares (Lucas and Kanade's equation over one window).
    """
    window = small[(slice(None), *VALVES)]
    mean = 0.5 * (window[1:] + window[:-1])
    down, across = np.gradient(mean, axis=1), np.gradient(mean, axis=2)
    change = np.diff(window, axis=0)
    products = [(a * b).sum(axis=(1, 2)) for a, b in ((down, down), (down, across), (across, across))]
    towards = [(gradient * change).sum(axis=(1, 2)) for gradient in (down, across)]
    determinant = products[0] * products[2] - products[1] ** 2 + 1e-9
    velocity = -(products[2] * towards[0] - products[1] * towards[1]) / determinant
    return np.concatenate([[0.0], np.cumsum(velocity)])
