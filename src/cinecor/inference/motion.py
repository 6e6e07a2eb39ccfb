"""A curve of how full the heart is, from motion alone: no outline, no network, so nothing that could be untrained.

In an apical view the plane of the atrioventricular valves lies across the image and moves like a piston: towards the
apex (up) in systole, away from it in diastole, lowest at end-diastole. Its excursion follows the ventricle's volume
(longitudinal function; MAPSE, TAPSE). Dense optical flow gives how far the tissue of the middle of the image has moved
down; drift of the probe and breathing are slower than a beat and are taken out.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from jaxtyping import Float, UInt8

GRID = 96  # px, side of the frames that flow is computed on
BLUR = 1.0  # sigma, px: speckle noise goes, structures stay
WINDOW = 13  # px, averaging window of the flow
ROWS, COLUMNS = (0.2, 0.8), (0.15, 0.85)  # part of the square that is averaged: ventricles and valve plane
DARK = 8  # grey levels: blood and background do not show motion
LEAST_PX = 0.05  # excursion below which nothing beats
SLOWEST_MS = 1700.0  # changes slower than this (35 a minute) are drift and breathing


def fullness(frames: UInt8[np.ndarray, "time channel height width"], frame_ms: float) -> Float[np.ndarray, " time"]:
    """Relative fullness of the heart, 0 to 1, highest at end-diastole; all 0 where nothing moves.

    Args:
        frames: prepared (sector cut out).
        frame_ms: mean time between frames.
    """
    curve = _without_drift(_descent(frames), frame_ms)
    spread = float(np.ptp(curve))
    return (curve - curve.min()) / spread if spread > LEAST_PX else np.zeros(len(curve))


def _descent(frames: UInt8[np.ndarray, "time channel height width"]) -> Float[np.ndarray, " time"]:
    """How far down the bright tissue has moved since the first frame, px (Farnebäck's flow, weighted by grey level)."""
    small = [_shrink(frame[0]) for frame in frames]
    rows, columns = (slice(*(round(GRID * edge) for edge in part)) for part in (ROWS, COLUMNS))
    steps = [0.0]
    for before, after in pairwise(small):
        flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, WINDOW, 3, 5, 1.1, 0)
        weight = 0.5 * (before[rows, columns].astype(np.float64) + after[rows, columns])
        weight[weight <= DARK] = 0.0
        steps.append(float((flow[rows, columns, 1] * weight).sum() / max(weight.sum(), 1e-6)))
    return np.cumsum(steps)


def _shrink(frame: UInt8[np.ndarray, "height width"]) -> UInt8[np.ndarray, "small small"]:
    if frame.shape != (GRID, GRID):
        frame = cv2.resize(frame, (GRID, GRID), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(frame, (0, 0), BLUR))


def _without_drift(curve: Float[np.ndarray, " time"], frame_ms: float) -> Float[np.ndarray, " time"]:
    """The curve minus its slow course: a polynomial with as many bends as drift can have in this time."""
    count = len(curve)
    order = int(np.clip(count * frame_ms / SLOWEST_MS, 1, max(count - 2, 1)))
    basis = np.polynomial.legendre.legvander(np.linspace(-1.0, 1.0, count), order)
    return np.asarray(curve - basis @ np.linalg.lstsq(basis, curve, rcond=None)[0])
