"""What tells whether a source is still what it was when its frames were cached, and whether two hold the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np

from cinecor.errors import DatasetError
from cinecor.records import Cine, Source

EDGE_BYTES = 4096
"""Of a file, so much of its start and of its end is hashed: header and index, at the cost of one disk access."""
PLACES = 9
"""Of a file, edges of so many places, evenly from its start to its end, tell it from all others: raw frames may begin
and end with black."""


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
    with _opened(path) as (stream, status):
        start = stream.read(EDGE_BYTES)
        stream.seek(max(0, status.st_size - EDGE_BYTES))
        end = stream.read(EDGE_BYTES)
    return repr((path.name, status.st_size, status.st_mtime_ns)).encode() + start + end


def content(source: Source) -> str:
    """A short text of what a source holds: the same for a copy, wherever it lies, whatever it is called and whenever it
    was made.

    A file counts by its size and by the bytes at some of its places, a small one by all of them; of several files the
    order counts; frames in memory count by all their bytes, and are never the same as a file.

    Raises:
        DatasetError: MISSING_FILE when a file cannot be opened.
    """
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(source, np.ndarray):
        digest.update(repr((source.shape, source.dtype.str)).encode())
        digest.update(np.ascontiguousarray(source).data)
        return digest.hexdigest()
    for path in (source,) if isinstance(source, Path) else source:
        with _opened(path) as (stream, status):
            digest.update(b"%d " % status.st_size)
            for place in range(PLACES):
                stream.seek(max(0, status.st_size - EDGE_BYTES) * place // (PLACES - 1))
                digest.update(stream.read(EDGE_BYTES))
    return digest.hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, os.stat_result]]:
    try:
        with path.open("rb") as stream:
            yield stream, os.fstat(stream.fileno())
    except OSError as error:
        reason = (error.strerror or "it cannot be opened").lower()
        raise DatasetError(
            "MISSING_FILE", reason, "restore the file or leave its study out", where=path.name
        ) from error
