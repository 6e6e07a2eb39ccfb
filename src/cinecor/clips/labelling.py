"""Label masks and the pixels of a clip: from a recorded mask to shares of each pixel, and from probabilities back.

A structure is known by its name (``records.STRUCTURES``), and its label in a mask is its place there, from 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float, Float32, UInt8

from cinecor.clips.preparation import Square, resize
from cinecor.records import STRUCTURES, ClipSpec, Mask

HALF = 0.5  # a pixel belongs to a structure from this probability on


def label_of(structure: str) -> int:
    """The label of a structure in a mask.

    Raises:
        ValueError: the name is none of ``records.STRUCTURES``.
    """
    return STRUCTURES.index(structure) + 1


def cut_labels(mask: Mask, square: Square) -> UInt8[np.ndarray, "rows columns"]:
    """What of a mask a square shows, recorded pixels; 0 beyond the frame."""
    left, top, right, bottom = square
    height, width = mask.shape
    labels = np.zeros((bottom - top, right - left), np.uint8)
    inner = mask[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    rows, columns = max(-top, 0), max(-left, 0)
    labels[rows : rows + inner.shape[0], columns : columns + inner.shape[1]] = inner
    return labels


def share_pixels(
    mask: Mask, structures: Sequence[str], square: Square, spec: ClipSpec
) -> Float32[np.ndarray, "structure tall wide"]:
    """The share of every pixel of a clip's frame that each structure covers, 0 to 1.

    Resized as the frames themselves are (``preparation``), so that both stay together; what a variation does to the
    frames is done to the shares by ``transforms.move``.

    Args:
        mask: labels on the recorded grid.
        structures: their names, in the order wanted.
        square: which part of the recorded frame the clip shows; beyond the frame there is no structure.
        spec: height and width of the clip.
    """
    labels = cut_labels(mask, square)
    one_hot = np.stack([labels == label_of(name) for name in structures], axis=2).astype(np.float32)
    return np.ascontiguousarray(resize(one_hot, spec))


def restore(
    probabilities: Float[np.ndarray, "structure tall wide"], square: Square, height: int, width: int
) -> Float32[np.ndarray, "structure height width"]:
    """Probabilities of a clip's frame on the recorded grid, bilinear; 0 where the clip did not look.

    Args:
        probabilities: of each structure, as the network gives them.
        square: which part of the recorded frame the clip shows.
        height: of the recorded frame.
        width: of the recorded frame.
    """
    left, top, right, bottom = square
    size = (right - left, bottom - top)
    restored = np.zeros((len(probabilities), height, width), np.float32)
    inner = (slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width)))
    seen = (slice(inner[0].start - top, inner[0].stop - top), slice(inner[1].start - left, inner[1].stop - left))
    for plane, target in zip(probabilities.astype(np.float32), restored, strict=True):
        target[inner] = cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR)[seen]
    return restored


def choose_labels(
    probabilities: Float[np.ndarray, "structure height width"], structures: Sequence[str]
) -> UInt8[np.ndarray, "height width"]:
    """The label of every pixel: that of the most probable structure where it is as probable as not, else 0.

    Args:
        probabilities: of each structure, on any grid.
        structures: their names.
    """
    labels = np.array([label_of(name) for name in structures], np.uint8)
    chosen = labels[probabilities.argmax(axis=0)]
    return np.where(probabilities.max(axis=0) >= HALF, chosen, np.uint8(0))
