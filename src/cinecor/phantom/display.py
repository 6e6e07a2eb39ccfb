"""From a polar envelope to grey levels in a sector: log compression, grey map, scan conversion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cinecor.phantom.beam import BEAMS, SAMPLES, Envelope
from cinecor.phantom.imaging import Display, Imaging

MARGIN = 0.01  # of the side, above the sector's apex
REFERENCE = 99.0  # percentile of the first frame's envelope that stands for full white at 0 dB


@dataclass(frozen=True, kw_only=True)
class Screen:
    """Where the sector lies in a square picture."""

    size: int
    side_mm: float
    rows: Float32[np.ndarray, "height width"]
    """Sample of depth at each pixel."""
    columns: Float32[np.ndarray, "height width"]
    """Beam at each pixel."""
    inside: np.ndarray
    """Whether a pixel of the final size belongs to the sector."""
    scale: int
    """Pixels are made this many times finer, then averaged, as exports of large screens are."""

    @property
    def spacing_mm(self) -> float:
        """Side of a pixel, mm."""
        return self.side_mm / self.size


def make_screen(imaging: Imaging, size: int) -> Screen:
    """A square picture that holds the sector (cut off at its sides where ``imaging.crop`` says so)."""
    plane = imaging.plane
    side = plane.depth * max(1.0 + MARGIN, imaging.crop * 2.0 * float(np.sin(plane.half_angle)))
    scale = 2 if size < 200 else 1
    rows, columns, inside = _maps(imaging, size * scale, side)
    whole = (
        inside
        if scale == 1
        else cv2.resize(inside.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA) > 0.5
    )
    return Screen(size=size, side_mm=side, rows=rows, columns=columns, inside=whole, scale=scale)


def to_pixels(
    imaging: Imaging, screen: Screen, points: Float[np.ndarray, "points 2"], shift_mm: tuple[float, float]
) -> Float[np.ndarray, "points 2"]:
    """Points (u, w) of the imaging plane as (x, y) in pixels, the centre of the first pixel at 0."""
    plane = imaging.plane
    across = points[:, 0] - plane.probe[0] - shift_mm[0]
    down = points[:, 1] - plane.probe[1] - shift_mm[1]
    cos, sin = np.cos(plane.tilt), np.sin(plane.tilt)
    x = (across * cos - down * sin) / screen.side_mm + 0.5
    y = (across * sin + down * cos) / screen.side_mm + MARGIN
    return np.stack([x, y], axis=1) * screen.size - 0.5


def from_pixels(
    imaging: Imaging, screen: Screen, points: Float[np.ndarray, "points 2"], shift_mm: tuple[float, float]
) -> Float[np.ndarray, "points 2"]:
    """Where pixels (x, y) lie in the imaging plane: what ``to_pixels`` undoes."""
    plane = imaging.plane
    scaled = (points + 0.5) / screen.size
    right, down = (scaled[:, 0] - 0.5) * screen.side_mm, (scaled[:, 1] - MARGIN) * screen.side_mm
    cos, sin = np.cos(plane.tilt), np.sin(plane.tilt)
    across, along = right * cos + down * sin, down * cos - right * sin
    return np.stack([across + plane.probe[0] + shift_mm[0], along + plane.probe[1] + shift_mm[1]], axis=1)


class Painter:
    """Turns envelopes of one recording into frames; the first one sets the level."""

    def __init__(self, display: Display, screen: Screen) -> None:
        self._display, self._screen = display, screen
        self._reference: float | None = None
        self._before: Float32[np.ndarray, "sample beam"] | None = None

    def paint(self, envelope: Envelope) -> UInt8[np.ndarray, "height width"]:
        """One frame, black outside the sector."""
        levels = self._persist(self.compress(envelope))
        screen = self._screen
        picture = cv2.remap(levels, screen.columns, screen.rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        if screen.scale > 1:
            picture = cv2.resize(picture, (screen.size, screen.size), interpolation=cv2.INTER_AREA)
        if self._display.smooth_px > 0.15:
            picture = cv2.GaussianBlur(picture, (0, 0), self._display.smooth_px * screen.size / 112)
        if self._display.sharpen > 0:
            picture = picture + self._display.sharpen * (picture - cv2.GaussianBlur(picture, (0, 0), 1.2))
        return np.where(screen.inside, np.clip(picture * 255.0 + 0.5, 0, 255), 0).astype(np.uint8)

    def compress(self, envelope: Envelope) -> Envelope:
        """Grey levels, 0 to 1, in polar space; the first envelope sets the level."""
        display = self._display
        if self._reference is None:
            self._reference = float(np.percentile(envelope[SAMPLES // 8 :], REFERENCE))
        decibel = 20.0 * np.log10(envelope / np.float32(self._reference) + np.float32(1e-5)) + np.float32(
            display.gain_db
        )
        level = np.clip(decibel / np.float32(display.dynamic_range_db) + np.float32(1.0), 0.0, 1.0)
        level = np.clip((level - np.float32(display.reject)) / np.float32(1.0 - display.reject), 0.0, 1.0)
        return np.power(level, np.float32(display.gamma))

    def _persist(self, levels: Envelope) -> Envelope:
        weight = np.float32(self._display.persistence)
        if weight > 0 and self._before is not None:
            levels = weight * self._before + (np.float32(1.0) - weight) * levels
        self._before = levels
        return levels


def _maps(imaging: Imaging, size: int, side: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    plane = imaging.plane
    step = (np.arange(size, dtype=np.float64) + 0.5) / size
    x, y = np.meshgrid((step - 0.5) * side, (step - MARGIN) * side)
    radius, angle = np.hypot(x, y) / plane.depth, np.arctan2(x, y)
    inside = (radius <= 1.0) & (radius >= 0.015) & (np.abs(angle) <= plane.half_angle) & (y > 0)
    rows = (radius * (SAMPLES - 1)).astype(np.float32)
    columns = ((angle / plane.half_angle * 0.5 + 0.5) * (BEAMS - 1)).astype(np.float32)
    return rows, columns, inside
