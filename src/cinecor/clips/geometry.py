"""All frames of a clip moved alike. Nothing here draws; see ``transforms``."""

from __future__ import annotations

import math

import cv2
import numpy as np
from jaxtyping import Float32, Float64


def offset(
    clip: Float32[np.ndarray, "channel time height width"],
    down: int,
    right: int,
    fill: Float32[np.ndarray, "values 1 1 1"],
) -> Float32[np.ndarray, "channel time height width"]:
    """The clip moved by whole pixels, ``fill`` behind it: what padding and cropping back comes to."""
    if down == 0 and right == 0:
        return np.ascontiguousarray(clip)
    result = np.empty_like(clip, order="C")
    result[:] = fill
    rows, columns = (_overlap(size, by) for size, by in zip(clip.shape[2:], (down, right), strict=True))
    result[:, :, rows[0], columns[0]] = clip[:, :, rows[1], columns[1]]
    return result


def make_matrix(
    height: int, width: int, rotation_deg: float, scale: float, down: float, right: float, *, flip: bool = False
) -> Float64[np.ndarray, "2 3"]:
    """The map (x, y) → (x, y), pixels: flip, scale, rotate (anticlockwise as seen) about the centre, then shift."""
    cosine, sine = scale * math.cos(math.radians(rotation_deg)), scale * math.sin(math.radians(rotation_deg))
    linear = np.array([[cosine, sine], [-sine, cosine]]) @ np.diag([-1.0 if flip else 1.0, 1.0])
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    return np.column_stack([linear, centre + np.array([right, down]) - linear @ centre])


def warp(
    clip: Float32[np.ndarray, "channel time height width"],
    matrix: Float64[np.ndarray, "2 3"],
    fill: Float32[np.ndarray, "values 1 1 1"],
) -> Float32[np.ndarray, "channel time height width"]:
    """Every frame through the same affine map, bilinear, ``fill`` where it comes from outside."""
    clip = np.ascontiguousarray(clip)
    result = np.empty_like(clip)
    levels = np.broadcast_to(fill.ravel(), len(clip)).tolist()
    size = (clip.shape[3], clip.shape[2])
    for source, target, level in zip(clip, result, levels, strict=True):
        for frame, moved in zip(source, target, strict=True):
            cv2.warpAffine(frame, matrix, size, moved, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT, level)
    return result


def _overlap(size: int, by: int) -> tuple[slice, slice]:
    """Where the moved image lies, and what of the image it is."""
    by = max(-size, min(size, by))
    return slice(max(by, 0), size + min(by, 0)), slice(max(-by, 0), size - max(by, 0))
