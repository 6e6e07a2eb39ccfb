"""Scanners' screens, 600x800: where they put the sector, and what stands around it. Six makes, none of them a real one.

A make decides colours, letters, the place of depth marks, grey bar, ECG and logo, and how the sector's tip is cut; the
rest is drawn anew for every loop. A network that has learned the screens of some makes can be tried on the others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cinecor.errors import ConfigError
from cinecor.phantom.beam import SAMPLES
from cinecor.phantom.display import MARGIN, Screen, make_screen
from cinecor.phantom.imaging import Imaging

HEIGHT, WIDTH = 600, 800
ARC = 24  # points along the far edge of a field of view

Colour = tuple[int, int, int]
Canvas = UInt8[np.ndarray, "height width 3"]
Outline = Float[np.ndarray, "_points 2"]


@dataclass(frozen=True, kw_only=True)
class Style:
    """The screens of one make. Pixels, RGB."""

    name: str
    ground: Colour = (0, 0, 0)
    text: Colour = (215, 215, 215)
    accent: Colour = (60, 180, 200)
    trace: Colour = (40, 220, 60)
    """Of the ECG."""
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """What grey is multiplied by: some makes draw echoes in blue or sepia."""
    font: int = cv2.FONT_HERSHEY_SIMPLEX
    letters: float = 0.38
    tall: tuple[float, float] = (430.0, 520.0)
    """Height of the sector."""
    top: tuple[int, int] = (18, 50)
    """Of the sector's tip."""
    middle: tuple[int, int] = (370, 430)
    """Column of the sector's tip."""
    near: float = 0.015
    """Part of the depth by which the tip is cut off."""
    marks: Literal["left", "right", "edge"] = "right"
    """Depth marks at a side of the screen, or along the sector's right edge."""
    bar: Literal["left", "right", "none"] = "right"
    bar_size: tuple[int, int] = (12, 200)
    ecg: Literal["bottom", "low", "none"] = "bottom"
    words: tuple[str, ...] = ()
    block: Literal["left", "right", "both", "head"] = "left"
    """Where text stands."""
    logo: Literal["bar", "disc", "frame", "stripes", "none"] = "none"
    marker: Literal["disc", "letter", "wedge"] = "disc"
    """What shows the side of the probe's mark."""


STYLES = {
    style.name: style
    for style in (
        Style(
            name="lyra",
            words=("TIS0.7 MI 1.2", "X-1/Adult", "FR 51Hz", "16cm", "2D", "62%", "C 50", "P Low", "HGen"),
            logo="bar",
        ),
        Style(
            name="cygnus",
            ground=(14, 16, 26),
            text=(235, 225, 120),
            accent=(240, 200, 40),
            trace=(60, 230, 230),
            tint=(0.93, 0.97, 1.0),
            letters=0.45,
            tall=(400.0, 480.0),
            top=(60, 90),
            middle=(340, 400),
            near=0.035,
            marks="edge",
            bar="left",
            bar_size=(16, 140),
            block="right",
            words=("MI:1.1", "M5", "1.7/3.4", "51.2 FPS", "Cardiac", "HR 68", "AO% 100", "CF"),
            logo="disc",
            marker="letter",
        ),
        Style(
            name="orion",
            text=(120, 220, 235),
            accent=(250, 250, 250),
            trace=(240, 240, 90),
            font=cv2.FONT_HERSHEY_PLAIN,
            letters=0.85,
            tall=(450.0, 540.0),
            top=(8, 26),
            middle=(400, 470),
            marks="left",
            bar="right",
            bar_size=(18, 300),
            ecg="low",
            block="left",
            words=("4V", "H3.50MHz", "DR60dB", "Cine 2", "T1/ -2/1/V:2", "General", "TIB:1.4", "Store in progress"),
            logo="frame",
            marker="wedge",
        ),
        Style(
            name="vela",
            ground=(30, 30, 30),
            text=(250, 250, 250),
            accent=(90, 230, 120),
            trace=(230, 80, 80),
            tint=(1.0, 0.96, 0.86),
            font=cv2.FONT_HERSHEY_DUPLEX,
            letters=0.42,
            tall=(380.0, 450.0),
            top=(84, 120),
            middle=(400, 440),
            near=0.05,
            marks="right",
            bar="none",
            block="head",
            words=("PV-30", "T5.0", "44 fps", "G:86", "DR:65", "Quick", "Fine", "Adult Heart"),
            logo="stripes",
            marker="letter",
        ),
        Style(
            name="carina",
            ground=(0, 0, 0),
            text=(170, 170, 255),
            accent=(255, 140, 60),
            trace=(255, 255, 255),
            tint=(0.84, 0.94, 1.0),
            font=cv2.FONT_HERSHEY_COMPLEX_SMALL,
            letters=0.55,
            tall=(440.0, 500.0),
            top=(40, 64),
            middle=(310, 360),
            marks="edge",
            bar="left",
            bar_size=(8, 360),
            ecg="bottom",
            block="right",
            words=("S-1", "48Hz", "17cm", "2D HPen", "Gn 55", "230dB/C3", "F/3/1", "Adult Echo"),
            logo="none",
            marker="disc",
        ),
        Style(
            name="hydra",
            ground=(6, 22, 30),
            text=(200, 255, 200),
            accent=(255, 90, 200),
            trace=(120, 200, 255),
            letters=0.34,
            tall=(410.0, 500.0),
            top=(24, 70),
            middle=(430, 490),
            near=0.025,
            marks="left",
            bar="right",
            bar_size=(22, 110),
            ecg="low",
            block="both",
            words=("P4-2", "FPS 38", "D 18.0", "GN 60", "I/P 3/3", "PWR 92", "FRQ Gen", "ZOOM x1.0", "Heart"),
            logo="stripes",
            marker="wedge",
        ),
    )
}


def get_style(name: str) -> Style:
    """A make by name.

    Raises:
        ConfigError: UNKNOWN_KEY for a make that there is not.
    """
    if name not in STYLES:
        raise ConfigError("UNKNOWN_KEY", f"there are no screens of {name!r}", f"choose of {', '.join(STYLES)}")
    return STYLES[name]


def fit(imaging: Imaging, style: Style, tall: float, widest: float) -> Screen:
    """A square around a sector ``tall`` px high and at most ``widest`` px wide, its tip cut as the make does."""
    plane = imaging.plane
    side_mm = plane.depth * max(1.0 + MARGIN, 2.0 * float(np.sin(plane.half_angle)))
    per_mm = min(tall / (plane.depth * (1.0 + MARGIN)), widest / side_mm)
    screen = make_screen(imaging, max(200, round(per_mm * side_mm)))
    return replace(screen, inside=screen.inside & (screen.rows >= style.near * (SAMPLES - 1)))


def sector_outline(imaging: Imaging, screen: Screen, style: Style) -> Outline:
    """The field of view as a polygon, (x, y) in px of the sector's square."""
    plane = imaging.plane
    angles = np.linspace(-plane.half_angle, plane.half_angle, ARC)
    tip = max(style.near, 0.015)
    near, far = ((radius * plane.depth, angles[::way]) for radius, way in ((tip, -1), (1.0, 1)))
    points = np.concatenate(
        [np.stack([radius * np.sin(turns), radius * np.cos(turns)], axis=1) for radius, turns in (far, near)]
    )
    scaled = points / screen.side_mm + np.array([0.5, MARGIN])
    return np.asarray(scaled * screen.size - 0.5)


def bounds(outline: Outline) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of an outline inside the screen, px; right and bottom excluded."""
    low = np.floor(outline.min(0) + 0.5).astype(int)
    high = np.ceil(outline.max(0) + 0.5).astype(int)
    return max(int(low[0]), 0), max(int(low[1]), 0), min(int(high[0]), WIDTH), min(int(high[1]), HEIGHT)


def make_canvas(style: Style, rng: np.random.Generator) -> Canvas:
    """All of a screen that stands still and does not depend on the picture."""
    canvas = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    canvas[:] = style.ground
    _write(canvas, style, rng)
    _draw_logo(canvas, style, rng)
    if style.bar != "none":
        wide, long = style.bar_size
        left, top = (WIDTH - 10 - wide if style.bar == "right" else 8), int(rng.integers(24, 60))
        ramp = np.linspace(1.0, 0.0, long)[:, None, None] * 255.0 * np.array(style.tint)
        canvas[top : top + long, left : left + wide] = np.broadcast_to(ramp, (long, wide, 3)).astype(np.uint8)
    return canvas


def put(
    canvases: UInt8[np.ndarray, "time height width 3"],
    frames: UInt8[np.ndarray, "time rows columns"],
    inside: np.ndarray,
    corner: tuple[int, int],
    style: Style,
) -> None:
    """Lay grey frames into screens where they are ``inside``; what passes the screen's edge is cut."""
    left, top = corner
    low, skip = max(left, 0), max(-left, 0)
    rows, columns = min(frames.shape[1], HEIGHT - top), min(frames.shape[2] - skip, WIDTH - low)
    place = canvases[:, top : top + rows, low : low + columns]
    grey = frames[:, :rows, skip : skip + columns]
    ramp = np.clip(np.arange(256)[:, None] * np.array(style.tint), 0, 255).astype(np.uint8)
    seen = inside[:rows, skip : skip + columns]
    place[:, seen] = ramp[grey[:, seen]]


def draw_marks(
    canvases: UInt8[np.ndarray, "time height width 3"], style: Style, outline: Outline, depth_mm: float
) -> None:
    """Depth marks a centimetre apart, and the mark of the probe's side, around a sector on the screen."""
    top, bottom = float(outline[:, 1].min()), float(outline[:, 1].max())
    step = (bottom - top) / depth_mm * 10.0
    right, tip = float(outline[:, 0].max()), float(outline[ARC:, 0].mean())
    count = int(depth_mm / 10.0)
    for canvas in canvases:
        for mark in range(count + 1):
            y, long = round(top + mark * step), 8 if mark % 5 == 0 else 4
            x = {"left": 30, "right": WIDTH - 52, "edge": min(round(right) + 6, WIDTH - 10)}[style.marks]
            cv2.line(canvas, (x, y), (x + long, y), style.text, 1)
        where = (round(tip) + (26 if style.marker != "wedge" else -26), max(round(top) - 2, 8))
        if style.marker == "disc":
            cv2.circle(canvas, where, 6, style.accent, -1)
        elif style.marker == "letter":
            cv2.putText(canvas, "V", where, cv2.FONT_HERSHEY_DUPLEX, 0.6, style.accent, 1, cv2.LINE_AA)
        else:
            corners = np.array([where, (where[0] + 12, where[1]), (where[0] + 6, where[1] + 10)], np.int32)
            cv2.fillPoly(canvas, [corners], style.accent)


def draw_ecg(
    canvases: UInt8[np.ndarray, "time height width 3"],
    style: Style,
    phases: Float[np.ndarray, " time"],
    rng: np.random.Generator,
) -> None:
    """Some three beats of an ECG; a line shows where each frame is."""
    if style.ecg == "none":
        return
    base = HEIGHT - (int(rng.integers(10, 22)) if style.ecg == "bottom" else int(rng.integers(34, 52)))
    first, last = 60, WIDTH - 80
    columns = np.arange(first, last)
    start = float(rng.uniform(0.3, 0.9))
    trace = ecg(start + (columns - first) / (last - first) * 3.0)
    points = np.stack([columns, base - 26.0 * trace], axis=1).astype(np.int32)
    for canvas, phase in zip(canvases, phases, strict=True):
        cv2.polylines(canvas, [points], False, style.trace, 1, cv2.LINE_AA)
        x = first + round((float(phase) % 1.0 + 1.0 - start % 1.0) / 3.0 * (last - first))
        cv2.line(canvas, (x, base - 30), (x, base + 6), style.accent, 1)


def ecg(phase: Float[np.ndarray, " time"]) -> Float[np.ndarray, " time"]:
    """Height of the trace at phases of the cycle: P, QRS at end-diastole, T."""
    beat = np.mod(phase, 1.0)
    waves = ((0.0, 0.012, 1.0), (1.0, 0.012, 1.0), (0.03, 0.01, -0.25), (0.3, 0.05, 0.22), (0.87, 0.03, 0.12))
    return np.asarray(sum(height * np.exp(-(((beat - at) / wide) ** 2)) for at, wide, height in waves))


def _write(canvas: Canvas, style: Style, rng: np.random.Generator) -> None:
    words = rng.permutation(style.words)[: int(rng.integers(3, len(style.words) + 1))]
    line = round(34 * style.letters) + 8 if style.font != cv2.FONT_HERSHEY_PLAIN else 18
    for number, word in enumerate(words):
        column = style.block == "right" or (style.block == "both" and number % 2)
        place = (WIDTH - 124, 250 + line * number) if column else (12, 70 + line * number)
        if style.block == "head":
            place = (12 + 190 * (number % 4), 44 + line * (number // 4))
        _text(canvas, style, str(word), place)
    _text(canvas, style, "SYNTHETIC", (12, 22) if style.block != "head" else (WIDTH - 130, 20))


def _text(canvas: Canvas, style: Style, word: str, place: tuple[int, int]) -> None:
    cv2.putText(canvas, word, place, style.font, style.letters, style.text, 1, cv2.LINE_AA)


def _draw_logo(canvas: Canvas, style: Style, rng: np.random.Generator) -> None:
    slip = int(rng.integers(0, 12))
    if style.logo == "bar":
        cv2.rectangle(canvas, (WIDTH - 150, 4), (WIDTH - 60, 18), style.accent, -1)
    elif style.logo == "disc":
        cv2.circle(canvas, (30 + slip, 34), 16, style.accent, 2)
        cv2.circle(canvas, (30 + slip, 34), 7, style.accent, -1)
    elif style.logo == "frame":
        cv2.rectangle(canvas, (2, 2), (WIDTH - 3, HEIGHT - 3), style.accent, 1)
        cv2.rectangle(canvas, (WIDTH - 100, HEIGHT - 30), (WIDTH - 12, HEIGHT - 12), style.accent, -1)
    elif style.logo == "stripes":
        for number in range(4):
            cv2.rectangle(
                canvas, (12 + 14 * number, HEIGHT - 26 - slip), (20 + 14 * number, HEIGHT - 14 - slip), style.accent, -1
            )
        canvas[24:27] = style.accent
