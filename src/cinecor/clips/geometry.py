"""All frames of a clip moved alike. Nothing here draws; see ``transforms``."""

from __future__ import annotations

import math

import cv2
import numpy as np
from jaxtyping import Float, Float32, Float64

KNOTS = 5
"""A random displacement is drawn at so many places along each side and smooth between them."""
TURNS = 24
"""Steps that find where a displaced point comes to lie; each leaves so much of the error before it as the displacement
changes from pixel to pixel, which is well below 1."""


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


def make_displacement(
    height: int, width: int, strength_px: float, seed: int
) -> Float32[np.ndarray, "axis height width"]:
    """How far each pixel of the result looks aside, (x, y) in pixels: smooth, of standard deviation ``strength_px`` at
    ``KNOTS`` x ``KNOTS`` places. A function of the arguments alone."""
    generator = np.random.Generator(np.random.Philox(seed))
    knots = generator.standard_normal((2, KNOTS, KNOTS), dtype=np.float32) * np.float32(strength_px)
    return np.stack([cv2.resize(axis, (width, height), interpolation=cv2.INTER_CUBIC) for axis in knots])


def warp(
    clip: Float32[np.ndarray, "channel time height width"],
    matrix: Float64[np.ndarray, "2 3"],
    fill: Float32[np.ndarray, "values 1 1 1"],
    size: tuple[int, int],
    displacement: Float32[np.ndarray, "axis tall wide"] | None = None,
) -> Float32[np.ndarray, "channel time tall wide"]:
    """Every frame through the same map, bilinear, ``fill`` where it comes from outside.

    Args:
        clip: the frames.
        matrix: the affine map, from pixels of the clip to those of the result.
        fill: a grey level for all channels, or one a channel.
        size: height and width of the result.
        displacement: how far each of its pixels looks aside before the affine map.
    """
    tall, wide = size
    result = np.empty((*clip.shape[:2], tall, wide), np.float32)
    levels = np.broadcast_to(fill.ravel(), len(clip)).tolist()
    places = None if displacement is None else _look_from(matrix, displacement)
    for source, target, level in zip(np.ascontiguousarray(clip), result, levels, strict=True):
        for frame, moved in zip(source, target, strict=True):
            if places is None:
                cv2.warpAffine(frame, matrix, (wide, tall), moved, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT, level)
            else:
                cv2.remap(frame, *places, cv2.INTER_LINEAR, moved, cv2.BORDER_CONSTANT, level)
    return result


def move_points(
    points: Float[np.ndarray, "points 2"],
    matrix: Float64[np.ndarray, "2 3"],
    displacement: Float32[np.ndarray, "axis tall wide"] | None = None,
) -> Float64[np.ndarray, "points 2"]:
    """Where points (x, y) come to lie when their frame goes through :func:`warp`.

    A pixel q of the result shows what lies at q + d(q) in the affine map's, so a point p lies at q = p - d(q).
    """
    straight = np.asarray(points @ matrix[:, :2].T + matrix[:, 2], dtype=np.float64)
    if displacement is None:
        return straight
    moved = straight
    for _ in range(TURNS):
        x, y = (moved[None, :, axis].astype(np.float32) for axis in (0, 1))
        aside = [cv2.remap(part, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0] for part in displacement]
        moved = straight - np.stack(aside, axis=1)
    return moved


def _look_from(
    matrix: Float64[np.ndarray, "2 3"], displacement: Float32[np.ndarray, "axis tall wide"]
) -> tuple[Float32[np.ndarray, "tall wide"], Float32[np.ndarray, "tall wide"]]:
    """The place (x, y) in the clip that each pixel of the result shows."""
    back = cv2.invertAffineTransform(matrix).astype(np.float32)
    rows, columns = np.mgrid[: displacement.shape[1], : displacement.shape[2]].astype(np.float32)
    x, y = columns + displacement[0], rows + displacement[1]
    return back[0, 0] * x + back[0, 1] * y + back[0, 2], back[1, 0] * x + back[1, 1] * y + back[1, 2]


def _overlap(size: int, by: int) -> tuple[slice, slice]:
    """Where the moved image lies, and what of the image it is."""
    by = max(-size, min(size, by))
    return slice(max(by, 0), size + min(by, 0)), slice(max(-by, 0), size - max(by, 0))
