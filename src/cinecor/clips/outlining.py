"""Outlines of the left ventricle on the frames of a clip: coverage of each pixel, moved as the frames were."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64, Int64

from cinecor.clips.preparation import Square
from cinecor.clips.transforms import Variation, move_points, size_of
from cinecor.records import ClipSpec, Contour

FINER = 8  # steps a pixel at which an outline is filled
_SHIFT = 4  # binary digits of a step that OpenCV's filling keeps

UNKNOWN = float("nan")
"""Value of every pixel of a frame that nobody outlined."""


def fill_outlines(
    contours: Mapping[int, Contour],
    indices: Int64[np.ndarray, " length"],
    square: Square,
    spec: ClipSpec,
    variation: Variation | None = None,
) -> Float32[np.ndarray, "length tall wide"]:
    """The share of every pixel that lies inside the outline, 0 to 1; NaN for frames without one.

    Args:
        contours: by frame index, (x, y) in pixels of the recorded frame.
        indices: recorded frame of each clip frame.
        square: which part of the recorded frame the clip shows.
        spec: its height and width.
        variation: of the clip.
    """
    size = (spec.height, spec.width) if variation is None else size_of(variation, spec.height, spec.width)
    filled = np.full((len(indices), *size), UNKNOWN, dtype=np.float32)
    for place, index in enumerate(indices.tolist()):
        if index in contours:
            points = to_clip(contours[index], square, spec)
            if variation is not None:
                points = move_points(variation, points, spec.height, spec.width)
            filled[place] = _cover(points, *size)
    return filled


def to_clip(points: Float[np.ndarray, "points 2"], square: Square, spec: ClipSpec) -> Float64[np.ndarray, "points 2"]:
    """Points (x, y) of the recorded frame in pixels of the clip's frames. Pixel centres have whole coordinates."""
    left, top, right, bottom = square
    scale = np.array([spec.width / (right - left), spec.height / (bottom - top)])
    return np.asarray((points + 0.5 - (left, top)) * scale - 0.5, dtype=np.float64)


def to_recorded(
    points: Float[np.ndarray, "points 2"], square: Square, spec: ClipSpec
) -> Float64[np.ndarray, "points 2"]:
    """The inverse of :func:`to_clip`."""
    left, top, right, bottom = square
    scale = np.array([spec.width / (right - left), spec.height / (bottom - top)])
    return np.asarray((points + 0.5) / scale - 0.5 + (left, top), dtype=np.float64)


def _cover(points: Float64[np.ndarray, "points 2"], height: int, width: int) -> Float32[np.ndarray, "height width"]:
    canvas = np.zeros((height * FINER, width * FINER), dtype=np.uint8)
    fine = [np.rint(((points + 0.5) * FINER - 0.5) * 2**_SHIFT).astype(np.int32)]
    cv2.fillPoly(canvas, fine, 255, shift=_SHIFT)
    cv2.polylines(canvas, fine, True, 128, shift=_SHIFT)  # filling takes in the steps that the outline touches
    covered = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(covered, dtype=np.float32) / 255.0
