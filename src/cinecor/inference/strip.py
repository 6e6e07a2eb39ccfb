"""Frames of one loop side by side, as one picture."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import UInt8

SHOWN = 6  # frames of a strip
SIDE = 220  # px of a frame of a strip
GAP, GAP_GREY = 4, 110  # px and grey level between two of them


def side_by_side(frames: Sequence[UInt8[np.ndarray, "height width 3"]]) -> UInt8[np.ndarray, "tall wide 3"]:
    """The frames in one row, each as large as a strip has them."""
    gap = np.full((SIDE, GAP, 3), GAP_GREY, dtype=np.uint8)
    small = [cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA) for frame in frames]
    return np.concatenate([part for each in small for part in (gap, each)][1:], axis=1)


def spread(first: int, last: int) -> tuple[int, ...]:
    """As many whole numbers as a strip shows, evenly from the first to the last; fewer where there are fewer."""
    return tuple(dict.fromkeys(np.rint(np.linspace(first, last, SHOWN)).astype(int).tolist()))
