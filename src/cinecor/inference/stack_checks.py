"""What can be wrong with the masks of a short-axis stack, said in words for the reader of its report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import UInt8

from cinecor.clips.labelling import label_of
from cinecor.clips.preparation import Square
from cinecor.inference.stack import base_is_first

Volume = UInt8[np.ndarray, "slice height width"]

THROWN = 0.1  # part of a structure outside its largest component
CUT = 5  # pixels of the heart on the border of what was seen; a cut heart has more, a stray pixel fewer
OPEN_END = 0.4
"""Part of the largest slice's left ventricle that the last one at the apex may hold; experts' masks of ACDC reach 0.42
at the most (95 % below 0.34)."""

STROKES = (40.0, 0.6)
"""mL, and part of their mean, by which the stroke volumes of both ventricles may differ. Without leaking valves or a
shunt they are equal; experts' masks of ACDC, which place the base slice by slice, stay below both in nine of ten."""

_NAMES = {"rv": "right ventricle", "myocardium": "myocardium", "lv": "left ventricle"}


def check_masks(
    raw: Mapping[str, Volume], kept: Mapping[str, Volume], squares: Sequence[Square], features: Mapping[str, float]
) -> Iterator[str]:
    """Warnings, each a sentence.

    Args:
        raw: masks as the networks gave them, by phase (``ED``, ``ES``).
        kept: the same with the largest component of each structure alone.
        squares: which part of each slice the networks saw.
        features: what was measured.
    """
    for phase, volume in kept.items():
        yield from _thrown(raw[phase], volume, phase)
        yield from _cut(volume, squares, phase)
    yield from _gaps(kept["ED"])
    yield from _ends(kept["ED"])
    yield from _strokes(features)


def _thrown(raw: Volume, kept: Volume, phase: str) -> Iterator[str]:
    for structure, words in _NAMES.items():
        before, after = (np.count_nonzero(each == label_of(structure)) for each in (raw, kept))
        if before and 1 - after / before > THROWN:
            yield f"{100 * (1 - after / before):.0f} % of the {words} at {phase} lay apart from it and was left out"


def _cut(volume: Volume, squares: Sequence[Square], phase: str) -> Iterator[str]:
    """Where the heart reaches the border of the image, or of the part of it that the networks see."""
    height, width = volume.shape[1:]
    touching = 0
    for mask, (left, top, right, bottom) in zip(volume, squares, strict=True):
        seen = mask[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)] > 0
        touching += any(np.count_nonzero(edge) >= CUT for edge in (seen[0], seen[-1], seen[:, 0], seen[:, -1]))
    if touching:
        yield f"the heart reaches the border of {touching} slices at {phase}: it is cut off there"


def _gaps(volume: Volume) -> Iterator[str]:
    filled = (volume == label_of("lv")).any(axis=(1, 2))
    holding = np.flatnonzero(filled)
    missing = int(np.count_nonzero(~filled[holding[0] : holding[-1] + 1])) if len(holding) else 0
    if missing:
        yield f"no left ventricle was found on {missing} slices between others at ED"


def _ends(volume: Volume) -> Iterator[str]:
    areas = np.count_nonzero(volume == label_of("lv"), axis=(1, 2))
    last = areas[-1] if base_is_first(volume) else areas[0]
    if areas.max() and last > OPEN_END * areas.max():
        yield "the stack ends before the apex: volumes are too small"


def _strokes(features: Mapping[str, float]) -> Iterator[str]:
    left, right = (features.get(name) for name in ("sv_ml", "rv_sv_ml"))
    if left is None or right is None:
        return
    apart, mean = abs(left - right), (abs(left) + abs(right)) / 2
    if apart > STROKES[0] and apart > STROKES[1] * mean:
        yield (
            f"the stroke volumes of the left ({left:.0f} mL) and the right ventricle ({right:.0f} mL) differ: "
            "a leaking valve or a shunt, or the base was outlined otherwise at ED than at ES"
        )
