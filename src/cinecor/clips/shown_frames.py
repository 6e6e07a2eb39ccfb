"""Clips of a loop of which only those frames are prepared that the clips show.

A loop has a hundred frames and five vote on its view: masking and resizing the others would cost twenty times as much
as asking; of a DICOM file the others are not even decoded. What a frame looks like must not depend on which others are
prepared, so a sector is found on all of them.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float32, Int64

from cinecor import io
from cinecor.clips.cutting import cut
from cinecor.clips.preparation import Masking, prepare
from cinecor.clips.randomness import make_generator
from cinecor.clips.sampling import ABSENT, Sampling
from cinecor.clips.sector import Sector, find_sector
from cinecor.records import Cine, ClipSpec, Frames


def cut_shown(
    recorded: Frames | None, cine: Cine, spec: ClipSpec, sampling: Sampling, mask: Masking | None = None
) -> tuple[Float32[np.ndarray, "clip planes length tall wide"], tuple[int, ...]]:
    """The clips that ``sampling`` chooses, and the first frame of each.

    Args:
        recorded: all frames of an echo loop, as bytes; None: the cine is read, as far as it is needed.
        cine: for its times, region and size of pixels.
        spec: of the weights.
        sampling: ``first``, ``even`` or ``all``.
        mask: the one that ``spec.mask`` names.

    Raises:
        InputError: EMPTY, NO_TIMING, INCONSISTENT as in ``sampling``; NOT_RECOGNISED where a sector is wanted and
            there is none; where the cine is read, as ``io.load``.
    """
    if recorded is None and (cine.frames is None or _wants_all(spec, mask)):
        recorded = io.load(cine)
    count = (cine.frames or 0) if recorded is None else len(recorded)
    rows = sampling.choose("", count, cine.times_ms, spec, make_generator(0, 0, 0))
    places = np.arange(count) if spec.time != "frames" else np.unique(rows[rows != ABSENT])
    shown = io.load(cine, only=places.tolist()) if recorded is None else recorded[places]
    prepared = prepare(shown, cine, spec, _sector(recorded, cine, spec, mask), mask)
    moved = rows if spec.time != "frames" else _moved(rows, places)
    return np.stack([cut(prepared, row, spec) for row in moved]), tuple(rows[:, 0].tolist())


def _wants_all(spec: ClipSpec, mask: Masking | None) -> bool:
    """Whether more is looked at than what clips show: a sector, or the course of time."""
    return spec.time != "frames" or _wants_sector(spec, mask)


def _wants_sector(spec: ClipSpec, mask: Masking | None) -> bool:
    return "sector" in (spec.crop, "none" if mask is None else mask.spec.crop)


def _sector(recorded: Frames | None, cine: Cine, spec: ClipSpec, mask: Masking | None) -> Sector | None:
    """Where a clip or its mask is cut out of a sector, that of the whole loop."""
    return find_sector(recorded, cine.region) if recorded is not None and _wants_sector(spec, mask) else None


def _moved(
    rows: Int64[np.ndarray, "clip length"], places: Int64[np.ndarray, " kept"]
) -> Int64[np.ndarray, "clip length"]:
    """Rows of recorded frames as places among the frames that were kept."""
    return np.where(rows == ABSENT, ABSENT, np.searchsorted(places, rows))
