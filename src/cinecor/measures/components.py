"""Connected parts of a label volume: of each structure of the heart there is one."""

from __future__ import annotations

import numpy as np
import scipy
from jaxtyping import UInt8


def largest_components(labels: UInt8[np.ndarray, "slice height width"]) -> UInt8[np.ndarray, "slice height width"]:
    """The volume with only the largest connected part of each label; the rest becomes background.

    Voxels that share a face, an edge or a corner are connected: slices are thick, and a ventricle may lie beside
    itself in the next one. Of parts of the same size the first in the order of voxels is kept.

    Args:
        labels: 0 is background; the slices are in the order of the stack.
    """
    kept = np.zeros_like(labels)
    around = np.ones((3, 3, 3), np.bool_)
    for label in np.unique(labels[labels > 0]).tolist():
        parts, count = scipy.ndimage.label(labels == label, structure=around)
        sizes = np.bincount(parts.ravel(), minlength=count + 1)[1:]
        kept[parts == int(np.argmax(sizes)) + 1] = label
    return kept
