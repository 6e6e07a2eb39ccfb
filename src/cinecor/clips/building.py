"""Filling a cache: prepared frames into one more flat file, and the index after them."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import UInt8
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cinecor import storage
from cinecor.clips import cache_index
from cinecor.clips.cache_index import Entry, Key
from cinecor.clips.preparation import Masking
from cinecor.clips.preparing import Outcome, prepare_many
from cinecor.errors import CinecorError, StorageError
from cinecor.records import Cine, ClipSpec

CHECKPOINT_SECONDS = 10.0
"""A build that is killed loses at most so much work."""


class Builder:
    """Adds one frames file to a cache, and the entries of what it holds. The caller holds the lock.

    Args:
        home: the cache's folder.
        spec: how frames are prepared.
        kept: entries to keep; frames files that none of them needs are removed.
        prints: fingerprint of each loop.
        mask: the one that ``spec.mask`` names.
    """

    def __init__(
        self,
        home: Path,
        spec: ClipSpec,
        kept: Mapping[Key, Entry],
        prints: Mapping[Key, str],
        mask: Masking | None = None,
    ) -> None:
        self.entries = dict(kept)
        self._home, self._spec, self._prints, self._mask = home, spec, prints, mask
        # A name that never comes again: a reader of the former cache must not find other frames in its place.
        self._segment = uuid.uuid4().hex[:12]

    def run(self, cines: Mapping[Key, Cine], workers: int, *, progress: bool) -> dict[Key, CinecorError]:
        """Prepare the loops and write them; those that could not be read are returned with the reason.

        Raises:
            StorageError: nothing more can be written; the loops written before stay in the cache.
        """
        self._remove_unused()
        self._check_space(cines.values())
        path = cache_index.segment_path(self._home, self._segment)
        prepared = closing(prepare_many(list(cines.values()), self._spec, workers, self._mask))
        with storage.loud(path), path.open("xb") as stream, prepared as outcomes, _bar(progress) as bar:
            counted = bar.track(outcomes, total=len(cines), description="Caching loops")
            return self._write(stream, zip(cines, counted, strict=True))

    def _write(self, stream: BinaryIO, outcomes: Iterable[tuple[Key, Outcome]]) -> dict[Key, CinecorError]:
        failures: dict[Key, CinecorError] = {}
        end, saved = 0, time.monotonic()
        try:
            for key, outcome in outcomes:
                if isinstance(outcome, CinecorError):
                    failures[key] = outcome
                    continue
                frames = np.ascontiguousarray(_without_copies(outcome.frames))
                stream.write(frames.data)
                stream.flush()
                count, channels = frames.shape[:2]
                place = (self._segment, end, count, channels)
                self.entries[key] = Entry(self._prints[key], *place, *outcome.square)
                end += frames.nbytes
                if time.monotonic() - saved > CHECKPOINT_SECONDS:
                    self._save(stream)
                    saved = time.monotonic()
        finally:
            self._save(stream)
        return failures

    def _save(self, stream: BinaryIO) -> None:
        """The index names only frames that are on the disk, so these go first."""
        os.fsync(stream.fileno())
        cache_index.write(self._home, self._spec, self.entries)

    def _remove_unused(self) -> None:
        used = {cache_index.segment_path(self._home, entry.segment) for entry in self.entries.values()}
        for path in set(self._home.glob("frames-*.u8")) - used:
            with suppress(PermissionError):  # Windows keeps a file that another process has mapped: next time
                path.unlink()

    def _check_space(self, cines: Iterable[Cine]) -> None:
        frame_bytes = self._spec.channels * self._spec.height * self._spec.width
        needed = frame_bytes * sum(cine.frames or 0 for cine in cines)
        free = shutil.disk_usage(self._home).free
        if needed > free:
            what = f"the cache needs {needed / 1e9:.1f} GB and {free / 1e9:.1f} GB are free"
            raise StorageError("NO_SPACE", what, "free some space or put the cache elsewhere", where=self._home.name)


def _without_copies(
    frames: UInt8[np.ndarray, "time channel height width"],
) -> UInt8[np.ndarray, "time _kept height width"]:
    """One channel where all are equal: a grey loop in colour takes a third of the disk, and of a GPU's memory."""
    return frames[:, :1] if (frames == frames[:, :1]).all() else frames


def _bar(progress: bool) -> Progress:
    """A bar that counts the loops, where someone watches."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not (progress and console.is_terminal))
