"""Clips of a loop of which only those frames are prepared that the clips show.

A loop has a hundred frames and five vote on its view: masking and resizing the others would cost twenty times as much
as asking. What a frame looks like must not depend on which others are prepared, so a sector is found on all of them.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64

from cinecor.clips.cutting import cut
from cinecor.clips.preparation import Masking, prepare
from cinecor.clips.randomness import make_generator
from cinecor.clips.sampling import ABSENT, Sampling
from cinecor.clips.sector import Sector, find_sector
from cinecor.records import Cine, ClipSpec, Frames


def cut_shown(
    recorded: Frames, cine: Cine, spec: ClipSpec, sampling: Sampling, mask: Masking | None = None
) -> tuple[Float32[np.ndarray, "clip planes length tall wide"], tuple[int, ...]]:
    """The clips that ``sampling`` chooses, and the first frame of each.

    Args:
        recorded: all frames of an echo loop, as bytes.
        cine: for its times, region and size of pixels.
        spec: of the weights.
        sampling: ``first``, ``even`` or ``all``.
        mask: the one that ``spec.mask`` names.

    Raises:
        InputError: EMPTY, NO_TIMING, INCONSISTENT as in ``sampling``; NOT_RECOGNISED where a sector is wanted and
            there is none.
    """
    rows = sampling.choose("", len(recorded), cine.times_ms, spec, make_generator(0, 0, 0))
    places = np.arange(len(recorded)) if spec.time != "frames" else np.unique(rows[rows != ABSENT])
    prepared = prepare(recorded[places], cine, spec, _sector(recorded, cine, spec, mask), mask)
    moved = rows if spec.time != "frames" else _moved(rows, places)
    return np.stack([cut(prepared, row, spec) for row in moved]), tuple(rows[:, 0].tolist())


def _sector(recorded: Frames, cine: Cine, spec: ClipSpec, mask: Masking | None) -> Sector | None:
    """Where a clip or its mask is cut out of a sector, that of the whole loop."""
    wanted = {spec.crop, "none" if mask is None else mask.spec.crop}
    return find_sector(recorded, cine.region) if "sector" in wanted else None


def _moved(
    rows: Int64[np.ndarray, "clip length"], places: Int64[np.ndarray, " kept"]
) -> Int64[np.ndarray, "clip length"]:
    """Rows of recorded frames as places among the frames that were kept."""
    return np.where(rows == ABSENT, ABSENT, np.searchsorted(places, rows))
