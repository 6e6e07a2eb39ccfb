"""The box around the heart as an expert's masks have it: the region of interest of paper 003.

The paper thresholds the mask, finds the contour and crops the image to the contour's box. It is reproduced because it
was published; nobody has such masks when a diagnosis is wanted.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import cv2
import numpy as np

from cinecor import io
from cinecor.records import Cine

Box: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels, right and bottom excluded."""


def mark_roi(cine: Cine) -> Cine | None:
    """The cine with the box around all its masks as its ``region``; None where they are empty or there are none.

    Raises:
        InputError, LimitError: a mask cannot be read.
    """
    boxes = [box for frame in sorted(cine.masks) if (box := box_of(io.load_mask(cine, frame))) is not None]
    if not boxes:
        return None
    left, top, right, bottom = np.array(boxes).T
    return replace(cine, region=(int(left.min()), int(top.min()), int(right.max()), int(bottom.max())))


def box_of(mask: np.ndarray) -> Box | None:
    """The box around the contours of what is not background; None where all of it is."""
    contours, _ = cv2.findContours((mask > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not contours:
        return None
    left, top, width, height = cv2.boundingRect(np.concatenate(contours))
    return left, top, left + width, top + height
