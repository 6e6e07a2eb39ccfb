"""What tells whether a source is still what it was when its frames were cached."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np

from cinecor.errors import DatasetError
from cinecor.records import Cine

EDGE_BYTES = 4096
"""Of a file, so much of its start and of its end is hashed: header and index, at the cost of one disk access."""


def fingerprint(cine: Cine) -> str:
    """A short text that changes with the source of a cine, or with what of its header the preparation uses.

    A file counts by name, size, time of change and the bytes at its two ends; frames in memory by all their bytes.

    Raises:
        DatasetError: MISSING_FILE when a file of the source cannot be opened.
    """
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr((cine.modality, cine.region, cine.slice_index, cine.spacing_mm)).encode())
    if cine.frame_index is not None:
        digest.update(b"frame %d" % cine.frame_index)
    if isinstance(cine.source, np.ndarray):
        digest.update(repr((cine.source.shape, cine.source.dtype.str)).encode())
        digest.update(np.ascontiguousarray(cine.source).data)
    else:
        for path in (cine.source,) if isinstance(cine.source, Path) else cine.source:
            digest.update(_describe(path))
    return digest.hexdigest()


def _describe(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            status = os.fstat(stream.fileno())
            start = stream.read(EDGE_BYTES)
            stream.seek(max(0, status.st_size - EDGE_BYTES))
            end = stream.read(EDGE_BYTES)
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise DatasetError(
            "MISSING_FILE", reason, "restore the file or leave its study out", where=path.name
        ) from error
    return repr((path.name, status.st_size, status.st_mtime_ns)).encode() + start + end
