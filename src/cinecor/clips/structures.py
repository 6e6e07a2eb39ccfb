"""Structures on the frames of a clip: from label masks, or from outlines.

Cine MRI comes with label masks (``records.STRUCTURES``); the masks of echo layouts have labels of their own and are not
read here. Outlines are of the left ventricle's cavity (``Cine.contours``), or of what has no label in a mask
(``records.OUTLINED``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32, Int64, UInt8

from cinecor import io
from cinecor.clips.cache import Cache
from cinecor.clips.labelling import cut_labels, share_pixels
from cinecor.clips.outlining import UNKNOWN, fill_outlines
from cinecor.clips.preparation import Square
from cinecor.clips.transforms import Variation, move, size_of
from cinecor.records import LV, STRUCTURES, Cine, ClipSpec, Contour, MaskSource, Study


def label_masks(cine: Cine) -> Mapping[int, MaskSource]:
    """The masks of a cine whose labels are ``records.STRUCTURES``, by frame."""
    return cine.masks if cine.modality == "MR" else {}


def outlines_of(cine: Cine, structure: str) -> Mapping[int, Contour]:
    """The outlines of one structure by frame; empty where nobody drew any."""
    return cine.contours if structure == LV else cine.outlines.get(structure, {})


def known_frames(cine: Cine, structures: Sequence[str]) -> tuple[int, ...]:
    """The frames on which one of these structures at least is known, ascending."""
    labelled = label_masks(cine) if set(structures) & set(STRUCTURES) else {}
    outlined = {frame for name in structures for frame in outlines_of(cine, name)}
    return tuple(sorted({*labelled, *outlined}))


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


def cover_all(
    cine: Cine,
    labels: Mapping[int, UInt8[np.ndarray, "rows columns"]],
    structures: Sequence[str],
    indices: Int64[np.ndarray, " length"],
    square: Square,
    spec: ClipSpec,
    variation: Variation | None = None,
) -> dict[str, Float32[np.ndarray, "length tall wide"]]:
    """The share of every pixel that each structure covers, by name: of a frame's mask where it has one, else of an
    outline; NaN where neither is there.

    Args:
        cine: whose outlines they are.
        labels: its masks by frame index, inside its square.
        structures: their names.
        indices: recorded frame of each clip frame.
        square: which part of the recorded frame the clip shows.
        spec: its height and width.
        variation: of the clip.
    """
    in_masks = [name for name in structures if name in STRUCTURES]
    covered = dict(zip(in_masks, cover(labels, in_masks, indices, spec, variation), strict=True)) if in_masks else {}
    for name in structures:
        outlines = outlines_of(cine, name)
        lines = {at: line for at, line in outlines.items() if name not in in_masks or at not in labels}
        if lines or name not in covered:
            outlined = fill_outlines(lines, indices, square, spec, variation)
            covered[name] = np.where(np.isnan(covered[name]), outlined, covered[name]) if name in covered else outlined
    return {name: covered[name] for name in structures}


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
