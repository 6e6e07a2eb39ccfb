"""A scanner's screen around the sector: text, ECG, depth marks, grey bar, logo. All of it must be cropped away."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cinecor.phantom.display import Screen
from cinecor.records import Cine

HEIGHT, WIDTH = 600, 800
_WORDS = (
    "SYNTHETIC",
    "TIS0.7 MI 1.2",
    "X5-1/Adult",
    "FR 51Hz",
    "16cm",
    "2D 62% C 50",
    "P Low HGen",
    "Not for clinical use",
)
_ECG = (40, 220, 60)
_TEXT = (215, 215, 215)


def dress(
    cine: Cine,
    screen: Screen,
    phases: Float[np.ndarray, " time"],
    rng: np.random.Generator,
    shape: tuple[int, int] = (HEIGHT, WIDTH),
) -> Cine:
    """The cine on a colour screen of that height and width, which has 70 rows and 150 columns more than the sector's
    square at least; contours move with it, masks do not, and ``region`` is the sector's true bounding box."""
    height, width = shape
    frames = cine.source
    assert isinstance(frames, np.ndarray)
    size = screen.size
    left = int(rng.integers(60, width - size - 90))
    top = int(rng.integers(20, height - size - 70))
    canvas = np.broadcast_to(_background(shape, rng), (len(frames), height, width, 3)).copy()
    canvas[:, top : top + size, left : left + size] = np.maximum(
        canvas[:, top : top + size, left : left + size], frames[:, 0, :, :, None]
    )
    if rng.random() < 0.85:
        _draw_ecg(canvas, phases, rng)
    rows, columns = np.flatnonzero(screen.inside.any(1)), np.flatnonzero(screen.inside.any(0))
    box = (left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1)
    return replace(
        cine,
        source=np.ascontiguousarray(canvas.transpose(0, 3, 1, 2)),
        height=height,
        width=width,
        region=box,
        contours={frame: outline + np.array([left, top]) for frame, outline in cine.contours.items()},
    )


def _background(shape: tuple[int, int], rng: np.random.Generator) -> UInt8[np.ndarray, "height width 3"]:
    """All that stands still, around the place of the sector."""
    height, width = shape
    canvas = np.zeros((height, width, 3), np.uint8)
    for line, word in enumerate(rng.permutation(_WORDS)[: int(rng.integers(3, 8))]):
        place = (6, 24 + 22 * line) if rng.random() < 0.8 else (width - 150, 60 + 24 * line)
        cv2.putText(
            canvas, str(word), place, cv2.FONT_HERSHEY_SIMPLEX, float(rng.uniform(0.32, 0.45)), _TEXT, 1, cv2.LINE_AA
        )
    ramp = np.linspace(255, 0, 200).astype(np.uint8)[:, None, None]
    canvas[30:230, width - 24 : width - 12] = ramp
    for mark in range(17):
        row = 30 + mark * 30
        cv2.line(canvas, (width - 50, row), (width - (38 if mark % 5 == 0 else 44), row), _TEXT, 1)
    cv2.circle(canvas, (width // 2 + int(rng.integers(-40, 40)), 10), 6, (60, 180, 200), -1)
    return canvas


def _draw_ecg(
    canvas: UInt8[np.ndarray, "time height width 3"], phases: Float[np.ndarray, " time"], rng: np.random.Generator
) -> None:
    """An ECG that is swept along the bottom as the loop runs."""
    height, width = canvas.shape[1:3]
    base, first, last = height - int(rng.integers(18, 40)), 70, width - 90
    columns = first + (np.arange(len(phases)) / max(len(phases) - 1, 1) * (last - first)).astype(int)
    beat = phases % 1.0
    spike = 30.0 * np.exp(-(((beat - 0.02) / 0.015) ** 2)) + 30.0 * np.exp(-(((beat - 1.02) / 0.015) ** 2))
    wave = 6.0 * np.exp(-(((beat - 0.30) / 0.05) ** 2)) + 3.0 * np.exp(-(((beat - 0.88) / 0.03) ** 2))
    rows = (base - spike - wave).astype(int)
    trace = np.stack([columns, rows], axis=1).astype(np.int32)
    for frame in range(len(phases)):
        cv2.polylines(canvas[frame], [trace[: frame + 1]], False, _ECG, 1, cv2.LINE_AA)
        cv2.line(canvas[frame], (int(columns[frame]), base - 34), (int(columns[frame]), base + 6), (200, 200, 40), 1)
