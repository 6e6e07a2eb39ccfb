"""The slices of a stack side by side, from base to apex, with the outlines of what was found on them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, UInt8

from cinecor.clips.labelling import label_of
from cinecor.inference.ensemble import Outlines
from cinecor.inference.stack import Stack
from cinecor.records import Picture

SIDE = 190  # px of a slice
COLUMNS = 6
GAP, GAP_GREY = 3, 110  # px and grey level between two slices
MARGIN_MM = 15.0  # of image around the heart

COLOURS = {"myocardium": (240, 228, 66), "lv": (230, 110, 40), "rv": (86, 180, 233)}
"""RGB after Okabe and Ito: apart for every kind of colour vision. In the order in which they are drawn."""

LEGEND = "right ventricle blue, myocardium yellow, left ventricle orange"

_Corner = tuple[float, float, float]
"""Left, top and side of what is shown of each slice, mm of the recorded frame."""


def draw_stack(
    stack: Stack, outlines: Outlines, phases: Sequence[tuple[str, int]], *, base_first: bool
) -> tuple[Picture, ...]:
    """A picture for each phase.

    Args:
        stack: its slices.
        outlines: what was found on them.
        phases: name and number of each phase to show.
        base_first: whether the stack runs from base to apex; it is shown so anyway.
    """
    places = range(len(stack.cines)) if base_first else range(len(stack.cines) - 1, -1, -1)
    corner = _around(np.stack([outlines.labels[phase] for _, phase in phases]), stack.spacing_mm)
    return tuple(
        Picture(
            title=f"{name}, frame {phase}, from base to apex: {LEGEND}",
            pixels=_tiled([_tile(stack, outlines, place, phase, corner) for place in places]),
            strip=True,
        )
        for name, phase in phases
    )


def _around(labels: UInt8[np.ndarray, "phase slice height width"], spacing_mm: tuple[float, float]) -> _Corner:
    """The square around all that was found; the whole image where nothing was."""
    rows, columns = np.nonzero(labels.any(axis=(0, 1)))
    if not len(rows):
        rows, columns = np.array([0, labels.shape[2] - 1]), np.array([0, labels.shape[3] - 1])
    tall, wide = spacing_mm
    top, bottom, left, right = rows.min() * tall, (rows.max() + 1) * tall, columns.min() * wide, columns.max() * wide
    side = max(bottom - top, right + wide - left) + 2 * MARGIN_MM
    return (left + right + wide - side) / 2, (top + bottom - side) / 2, side


def _tile(
    stack: Stack, outlines: Outlines, place: int, phase: int, corner: _Corner
) -> UInt8[np.ndarray, "tall wide 3"]:
    """One slice as the networks saw it, with its outlines."""
    frames, square = outlines.prepared[place]
    left, top, right, bottom = square
    height, width = frames.shape[2:]
    recorded = _map(corner, stack.spacing_mm)
    # What the network saw is the square of the recorded frame at another number of pixels.
    seen = np.diag([width / (right - left), height / (bottom - top)]) @ (recorded - [[0, 0, left], [0, 0, top]])
    grey = _warp(frames[phase, 0].astype(np.float32), seen)
    tile = np.ascontiguousarray(np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2))
    for structure, colour in COLOURS.items():
        inside = (outlines.labels[phase, place] == label_of(structure)).astype(np.float32)
        covered = (_warp(inside, recorded) >= 0.5).astype(np.uint8)
        lines, _ = cv2.findContours(covered, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(tile, lines, -1, colour, thickness=1, lineType=cv2.LINE_AA)
    where = (6, SIDE - 7)
    cv2.putText(tile, str(stack.indices[place]), where, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 255), 1, cv2.LINE_AA)
    return tile


def _map(corner: _Corner, spacing_mm: tuple[float, float]) -> Float[np.ndarray, "2 3"]:
    """From the middle of a tile's pixel to a place in the recorded frame, pixels counted from its outer corner."""
    left, top, side = corner
    step = side / SIDE
    tall, wide = spacing_mm
    return np.array(
        [[step / wide, 0.0, (left + step / 2) / wide], [0.0, step / tall, (top + step / 2) / tall]], dtype=np.float64
    )


def _warp(picture: np.ndarray, place: Float[np.ndarray, "2 3"]) -> np.ndarray:
    centred = place - np.array([[0.0, 0.0, 0.5]])  # OpenCV counts from the middle of the first pixel
    return cv2.warpAffine(picture, centred, (SIDE, SIDE), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)


def _tiled(tiles: Sequence[UInt8[np.ndarray, "side side 3"]]) -> UInt8[np.ndarray, "tall wide 3"]:
    """The tiles in rows of about the same length."""
    rows = math.ceil(len(tiles) / COLUMNS)
    columns = math.ceil(len(tiles) / rows)
    step = SIDE + GAP
    canvas = np.full((rows * step - GAP, columns * step - GAP, 3), GAP_GREY, dtype=np.uint8)
    for number, tile in enumerate(tiles):
        top, left = number // columns * step, number % columns * step
        canvas[top : top + SIDE, left : left + SIDE] = tile
    return canvas
