"""A slice of a stack together with those beside it: what a network of single slices cannot know of the third dimension.

Where the base of the heart ends is seen on the slice above and below rather than on the slice itself: at end-systole
the right ventricle and the right atrium look alike on one of them. Slices beside it as channels are the usual middle
way between networks of two dimensions and of three, which thick slices (5 to 10 mm) serve badly.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8

from cinecor.clips.cache import Cache
from cinecor.errors import ConfigError
from cinecor.records import ClipSpec, Study


def check_stacks(studies: Sequence[Study]) -> None:
    """Only slices have neighbours.

    Raises:
        ConfigError: CONFLICT for loops that have no place in a stack.
    """
    strange = next((each.id for each in studies for cine in each.cines if cine.position_mm is None), None)
    if strange is not None:
        what = f"the loops of {strange} are no slices of a stack, and have no neighbours"
        raise ConfigError("CONFLICT", what, "choose clip.neighbours 0", where="clip.neighbours")


def read_frames(cache: Cache, study: Study, cine: int, spec: ClipSpec) -> UInt8[np.ndarray, "time plane height width"]:
    """The prepared frames of a cine, with those of its neighbours where the specification asks for them."""
    if spec.neighbours == 0:
        return cache.frames(study.id, cine)
    order = sorted(range(len(study.cines)), key=lambda number: study.cines[number].position_mm or 0.0)
    place, count = order.index(cine), spec.neighbours
    near = range(max(0, place - count), min(len(order), place + count + 1))
    frames = [cache.frames(study.id, order[at]) if (study.id, order[at]) in cache else None for at in near]
    return show_neighbours(frames, place - near.start, count)


def show_neighbours(
    slices: Sequence[UInt8[np.ndarray, "_time channel height width"] | None], place: int, count: int
) -> UInt8[np.ndarray, "time plane height width"]:
    """The frames of one slice between those of ``count`` slices on each side, as channels in the stack's order.

    A neighbour recorded at another number of phases gives the frame nearest in the beat; black where there is none.

    Args:
        slices: frames of each slice, in the order of the stack; None where they are lost.
        place: which slice.
        count: neighbours on each side.
    """
    own = slices[place]
    assert own is not None
    black = np.zeros_like(own)
    near = [slices[at] if 0 <= at < len(slices) else None for at in range(place - count, place + count + 1)]
    return np.concatenate([black if each is None else each[_rows(len(own), len(each))] for each in near], axis=1)


def _rows(frames: int, others: int) -> np.ndarray:
    """The frame of another slice for each of this one's, both over one beat."""
    return ((np.arange(frames) + 0.5) * others / frames).astype(np.int64)
