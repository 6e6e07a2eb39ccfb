"""Small loops of a disc that beats, with masks and outlines, for tests of layouts."""

from __future__ import annotations

import cv2
import numpy as np

from cinecor.records import Cine


def frames_of(seed: int, count: int, height: int = 48, width: int = 40) -> np.ndarray:
    """Smooth noise around a dark disc, ``time 1 height width``: what a video codec keeps well."""
    noise = np.random.default_rng(seed).gamma(1, 40, (count, height, width)).clip(0, 255).astype(np.uint8)
    frames = np.stack([cv2.GaussianBlur(frame, (5, 5), 0) for frame in noise])
    for index, frame in enumerate(frames):
        frame[disc(radius(index, count), height, width) > 0] = 10
    return frames[:, None]


def radius(index: int, count: int) -> float:
    """From 14 in the first frame to 9 in the last."""
    return 14 - 5 * index / max(count - 1, 1)


def disc(size: float, height: int = 48, width: int = 40) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return (np.hypot(y - height * 0.5, x - width * 0.5) < size).astype(np.uint8)


def rings(size: float, height: int = 48, width: int = 40) -> np.ndarray:
    """Label 1 inside, 2 around it, 3 below: ventricle, myocardium, atrium."""
    mask = 2 * disc(size + 3, height, width)
    mask[disc(size, height, width) > 0] = 1
    mask[-4:] = 3
    return mask.astype(np.uint8)


def outline(size: float, points: int = 25, height: int = 48, width: int = 40) -> np.ndarray:
    angle = np.linspace(0, np.pi, points)
    return np.stack([width * 0.5 - size * np.cos(angle), height * 0.5 - size * np.sin(angle)], axis=1)


def loop(view: str, seed: int, count: int, height: int = 48, width: int = 40, rate: float = 25.0) -> Cine:
    """A loop without masks, ``rate`` frames a second."""
    return Cine(
        source=frames_of(seed, count, height, width),
        modality="US",
        view=view,
        frames=count,
        height=height,
        width=width,
        times_ms=tuple(1000 * index / rate for index in range(count)),
    )
