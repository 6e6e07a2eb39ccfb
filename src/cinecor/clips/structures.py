"""Structures of the heart on the frames of a clip: from label masks, or from the outline of the left ventricle.

Cine MRI comes with label masks (``records.STRUCTURES``); the masks of echo layouts have labels of their own and are not
read here. An outline is of the left ventricle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from cinecor import io
from cinecor.clips.cache import Cache
from cinecor.clips.labelling import cut_labels, share_pixels
from cinecor.clips.outlining import UNKNOWN
from cinecor.clips.transforms import Variation, move, size_of
from cinecor.records import LV, Cine, ClipSpec, MaskSource, Study


def label_masks(cine: Cine) -> Mapping[int, MaskSource]:
    """The masks of a cine whose labels are ``records.STRUCTURES``, by frame."""
    return cine.masks if cine.modality == "MR" else {}


def known_frames(cine: Cine, structures: Sequence[str]) -> tuple[int, ...]:
    """The frames on which one of these structures at least is known, ascending."""
    outlined = cine.contours if LV in structures else {}
    return tuple(sorted({*label_masks(cine), *outlined}))


class MaskStore:
    """Label masks of many studies, cut to what clips show; those of a study are decoded when one of them is wanted.

    Args:
        studies: whose masks.
        cache: knows what the clips of a cine show.
    """

    def __init__(self, studies: Sequence[Study], cache: Cache) -> None:
        self._studies, self._cache = studies, cache
        self._labels: dict[int, dict[tuple[int, int], UInt8[np.ndarray, "rows columns"]]] = {}

    def get(self, number: int, cine: int) -> dict[int, UInt8[np.ndarray, "rows columns"]]:
        """The masks of a cine by frame, inside its square.

        Raises:
            InputError: a mask of the study cannot be read.
        """
        if number not in self._labels:
            self._labels[number] = self._decode(self._studies[number])
        return {frame: labels for (index, frame), labels in self._labels[number].items() if index == cine}

    def _decode(self, study: Study) -> dict[tuple[int, int], np.ndarray]:
        """All of a study's: slice by slice of one frame, which is how they lie in its files."""
        frames = sorted({frame for cine in study.cines for frame in label_masks(cine)})
        return {
            (index, frame): cut_labels(io.load_mask(cine, frame), self._cache.square(study.id, index))
            for frame in frames
            for index, cine in enumerate(study.cines)
            if frame in label_masks(cine) and (study.id, index) in self._cache
        }


def cover(
    labels: Mapping[int, UInt8[np.ndarray, "rows columns"]],
    structures: Sequence[str],
    indices: Int64[np.ndarray, " length"],
    spec: ClipSpec,
    variation: Variation | None = None,
) -> Float32[np.ndarray, "structure length tall wide"]:
    """The share of every pixel that each structure covers, 0 to 1; NaN for frames without labels.

    Args:
        labels: by frame index, inside the square of the cine.
        structures: their names, in the order wanted.
        indices: recorded frame of each clip frame.
        spec: its height and width.
        variation: of the clip.
    """
    size = (spec.height, spec.width) if variation is None else size_of(variation, spec.height, spec.width)
    covered = np.full((len(structures), len(indices), *size), UNKNOWN, dtype=np.float32)
    places = [place for place, index in enumerate(indices.tolist()) if index in labels]
    if places:
        shares = np.stack([_share(labels[int(indices[place])], structures, spec) for place in places], axis=1)
        covered[:, places] = shares if variation is None else move(variation, shares)
    return covered


def _share(
    labels: UInt8[np.ndarray, "rows columns"], structures: Sequence[str], spec: ClipSpec
) -> Float32[np.ndarray, "structure height width"]:
    height, width = labels.shape
    return share_pixels(labels, structures, (0, 0, width, height), spec)
