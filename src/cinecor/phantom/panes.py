"""What stands on a scanner's screen: a loop, the same loop twice, or a strip of Doppler or M-mode with or without a
picture above; and where on the screen the truth about it lies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cinecor.phantom.beam import BEAMS
from cinecor.phantom.body import Body
from cinecor.phantom.display import Painter
from cinecor.phantom.doppler import PULSED, PULSED_SHARES, Kind, draw_spectrum, paint_spectrum
from cinecor.phantom.m_mode import LEVELS, beam_through, scan_lines, spread_out
from cinecor.phantom.screens import (
    HEIGHT,
    WIDTH,
    Outline,
    Style,
    bounds,
    draw_ecg,
    draw_marks,
    ecg,
    fit,
    make_canvas,
    put,
    sector_outline,
)
from cinecor.phantom.view_loop import ViewLoop, paint

LOCATOR_PX = (150.0, 215.0)  # height of the picture above a strip
SWEEP_S = (2.2, 4.5)  # that a strip shows
GAP = 6  # px, between the newest column of a strip and the oldest
_LOCATORS: dict[Kind, str] = {"mitral": "A4C", "tissue": "A4C", "outflow": "A5C", "aortic": "A5C"}
_SAMPLE_DEPTH: dict[Kind, float] = {"mitral": 0.60, "tissue": 0.68, "outflow": 0.70, "aortic": 0.75}
"""Of the picture's depth: where a pulsed wave listens."""

Canvases = UInt8[np.ndarray, "time height width 3"]
Rectangle = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True, eq=False)
class Shown:
    """Frames of a screen and the truth about them, in pixels of the screen."""

    frames: Canvases
    fov: Outline
    region: Rectangle
    spacing_mm: float | None
    epicardium: dict[int, Outline]


def show_loop(loop: ViewLoop, style: Style, twice: bool, outlined: bool, rng: np.random.Generator) -> Shown:
    """A loop on a screen; ``twice``: smaller, and again on its right at another moment."""
    canvases = np.repeat(make_canvas(style, rng)[None], len(loop.phases), axis=0)
    tall, widest = float(rng.uniform(*style.tall)), WIDTH - 30.0
    top, middle = int(rng.integers(*style.top)), int(rng.integers(*style.middle))
    if twice:
        tall, widest, middle, top = 0.68 * tall, WIDTH / 2.0 - 16.0, WIDTH // 4, top + int(rng.integers(20, 90))
    screen = fit(loop.imaging, style, min(tall, HEIGHT - 30.0 - top), widest)
    frames = paint(loop, loop.envelopes(rng), screen)
    corner = (middle - screen.size // 2, top)
    draw_ecg(canvases, style, loop.phases, rng)
    if twice:
        later = np.roll(frames, -(len(frames) // 2), axis=0)
        put(canvases, later, screen.inside, (corner[0] + WIDTH // 2, top), style)
    put(canvases, frames, screen.inside, corner, style)
    fov = np.clip(sector_outline(loop.imaging, screen, style) + corner, 0.0, (WIDTH - 1.0, HEIGHT - 1.0))
    draw_marks(canvases, style, fov, loop.imaging.plane.depth)
    found = {frame: loop.epicardium(frame, screen) for frame in range(len(frames))} if outlined else {}
    edges = {frame: np.asarray(line + corner) for frame, line in found.items() if line is not None}
    return Shown(frames=canvases, fov=fov, region=bounds(fov), spacing_mm=screen.spacing_mm, epicardium=edges)


def show_strip(
    body: Body,
    style: Style,
    view: str,
    phases: Float[np.ndarray, " time"],
    look: Callable[[str], ViewLoop],
    picture: bool,
    rng: np.random.Generator,
) -> Shown:
    """A strip of PW, CW or M-mode that is swept as the frames run; ``picture``: below the view that it was taken in.

    Args:
        body: whose heart.
        style: of the screen.
        view: PW, CW or M-mode.
        phases: of the frames.
        look: the loop of a view of the same examination.
        picture: whether that view stands above.
        rng: for everything else.
    """
    canvas = make_canvas(style, rng)
    low = int(rng.integers(536, 566)) if style.ecg != "low" else int(rng.integers(520, 540))
    left, right = int(rng.integers(36, 70)), WIDTH - int(rng.integers(44, 80))
    top = int(rng.integers(250, 290)) if picture else int(rng.integers(70, 150))
    box = (left, top, right, low)
    seconds = float(rng.uniform(*SWEEP_S))
    columns = float(rng.random()) + np.linspace(0.0, seconds * body.heart.heart_rate / 60.0, right - left)
    if view == "M-mode":
        grey = _m_mode(look("PLAX"), canvas, style, columns, box, picture, rng)
    else:
        grey = _doppler(body, look, canvas, style, view, columns, box, picture, rng)
    frames = _sweep(canvas, style, grey, columns, box, phases)
    corners = ((left, top), (right - 1, top), (right - 1, low - 1), (left, low - 1))
    return Shown(frames=frames, fov=np.array(corners, float), region=box, spacing_mm=None, epicardium={})


def _m_mode(
    loop: ViewLoop,
    canvas: UInt8[np.ndarray, "height width 3"],
    style: Style,
    columns: Float[np.ndarray, " column"],
    box: Rectangle,
    picture: bool,
    rng: np.random.Generator,
) -> UInt8[np.ndarray, "rows column"]:
    beam = beam_through(loop, str(rng.choice(list(LEVELS))))
    reflectors = loop.reflectors(rng)
    lines = spread_out(scan_lines(loop, reflectors, beam, rng), columns)
    levels = Painter(loop.imaging.display, fit(loop.imaging, style, 200.0, 300.0)).compress(lines)
    tall = cv2.resize(levels, (box[2] - box[0], box[3] - box[1]), interpolation=cv2.INTER_LINEAR)
    if picture:
        _draw_locator(loop, canvas, style, box, (beam / (BEAMS - 1) - 0.5) * 2.0, None, rng)
    for mark in range(int(loop.imaging.plane.depth / 10.0) + 1):
        y = box[1] + round(mark * 10.0 / loop.imaging.plane.depth * (box[3] - box[1] - 1))
        cv2.line(canvas, (box[2] + 4, y), (box[2] + (14 if mark % 5 == 0 else 9), y), style.text, 1)
    return np.clip(tall * 255.0 + 0.5, 0, 255).astype(np.uint8)


def _doppler(
    body: Body,
    look: Callable[[str], ViewLoop],
    canvas: UInt8[np.ndarray, "height width 3"],
    style: Style,
    view: str,
    columns: Float[np.ndarray, " column"],
    box: Rectangle,
    picture: bool,
    rng: np.random.Generator,
) -> UInt8[np.ndarray, "rows column"]:
    kind: Kind = "aortic" if view == "CW" else PULSED[int(rng.choice(len(PULSED), p=PULSED_SHARES))]
    spectrum = draw_spectrum(body, kind, rng)
    _, top, right, low = box
    if picture:
        depth = _SAMPLE_DEPTH[kind] if view == "PW" else None
        _draw_locator(look(_LOCATORS[kind]), canvas, style, box, float(rng.uniform(0.0, 0.2)), depth, rng)
    grey = paint_spectrum(body, spectrum, columns, low - top, rng)
    span = spectrum.top - spectrum.bottom
    base = int(spectrum.top / span * (low - top - 1))
    grey[base] = np.maximum(grey[base], 200)
    step = next(size for size in (0.05, 0.1, 0.2, 0.5, 1.0, 2.0) if span / size <= 9)
    for mark in np.arange(np.ceil(spectrum.bottom / step), np.floor(spectrum.top / step) + 1):
        y = top + round((spectrum.top - mark * step) / span * (low - top - 1))
        cv2.line(canvas, (right + 4, y), (right + 10, y), style.text, 1)
        cv2.putText(
            canvas, f"{abs(mark * step):g}", (right + 12, y + 4), style.font, 0.8 * style.letters, style.text, 1
        )
    cv2.putText(canvas, "m/s", (right + 10, top - 6), style.font, style.letters, style.text, 1, cv2.LINE_AA)
    return grey


def _draw_locator(
    loop: ViewLoop,
    canvas: UInt8[np.ndarray, "height width 3"],
    style: Style,
    box: Rectangle,
    across: float,
    sample: float | None,
    rng: np.random.Generator,
) -> None:
    """The first frame of a view above a strip, with the line that the strip was taken along (``across`` in
    half-angles), and the place on it (``sample`` in depths) of a pulsed wave."""
    screen = fit(loop.imaging, style, min(float(rng.uniform(*LOCATOR_PX)), box[1] - 24.0), 380.0)
    still = ViewLoop(body=loop.body, aim=loop.aim, imaging=loop.imaging, phases=loop.phases[:1], drift=loop.drift[:1])
    frames = paint(still, still.envelopes(rng), screen)
    corner = (
        int(rng.integers(*style.middle)) - screen.size // 2,
        max(box[1] - 12 - round(screen.size * _tall(loop, screen.side_mm)), 4),
    )
    put(canvas[None], frames, screen.inside, corner, style)
    angle = across * loop.imaging.plane.half_angle
    reach = loop.imaging.plane.depth / screen.side_mm * screen.size
    tip = np.array([corner[0] + 0.5 * screen.size, corner[1] + 0.01 * screen.size])
    way = np.array([np.sin(angle), np.cos(angle)])
    start, stop = (tuple(int(value) for value in tip + share * reach * way) for share in (0.03, 0.98))
    cv2.line(canvas, start, stop, style.accent, 1, cv2.LINE_AA)
    if sample is not None:
        side = np.array([way[1], -way[0]]) * 7.0
        for gate in (-4.0, 4.0):
            at = tip + (sample * reach + gate) * way
            left, right = (tuple(int(value) for value in at + turn * side) for turn in (-1.0, 1.0))
            cv2.line(canvas, left, right, style.accent, 1, cv2.LINE_AA)


def _tall(loop: ViewLoop, side_mm: float) -> float:
    """Height of a sector over the side of its square."""
    return loop.imaging.plane.depth / side_mm + 0.01


def _sweep(
    canvas: UInt8[np.ndarray, "height width 3"],
    style: Style,
    grey: UInt8[np.ndarray, "rows column"],
    columns: Float[np.ndarray, " column"],
    box: Rectangle,
    phases: Float[np.ndarray, " time"],
) -> Canvases:
    """A frame for each phase: the newest column moves on as the heart beats."""
    left, top, right, low = box
    if style.ecg != "none":
        points = np.stack([np.arange(left, right), low + 24 - 18.0 * ecg(columns)], axis=1).astype(np.int32)
        cv2.polylines(canvas, [points], False, style.trace, 1, cv2.LINE_AA)
    ramp = np.clip(np.arange(256)[:, None] * np.array(style.tint), 0, 255).astype(np.uint8)
    canvas[top:low, left:right] = ramp[grey]
    frames = np.repeat(canvas[None], len(phases), axis=0)
    a_beat = (len(columns) - 1) / (columns[-1] - columns[0])
    for frame, phase in zip(frames, phases, strict=True):
        newest = left + int(phase * a_beat + 0.4 * len(columns)) % (right - left - GAP)
        frame[top:low, newest : newest + GAP] = 0
    return frames
