"""Prepared frames on disk as plain uint8, mapped into memory: a random clip costs no decoding.

    CACHE/112x112-grey-none/index.json          which loop lies where, made from what (cache_index.py)
                            frames-….u8    one flat file of frames for each build that had something to add

A frames file only ever grows, and the index, replaced atomically, names only what is whole on disk. So a build that
is killed leaves what it had finished, and the next one goes on from there. Builds take turns by a lock that ends with
its process; reading needs no lock and no writable folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from jaxtyping import UInt8
from rich.console import Console

from cinecor import storage
from cinecor.clips import cache_index
from cinecor.clips.building import Builder
from cinecor.clips.cache_index import Entry, Key
from cinecor.clips.fingerprint import fingerprint
from cinecor.clips.preparation import Masking, Square, check_mask
from cinecor.clips.preparing import choose_workers
from cinecor.errors import CinecorError, DatasetError, InputError
from cinecor.records import Cine, ClipSpec, Study

LISTED_FAILURES = 20
"""So many bad loops are named in an error; the rest are counted."""


class Cache:
    """Prepared frames of many loops.

    Args:
        home: the folder that ``build`` made for the specification.
        spec: how the frames were prepared.
        entries: what is there.
        failures: loops that could not be read and were left out, by study and cine.
    """

    def __init__(
        self,
        home: Path,
        spec: ClipSpec,
        entries: Mapping[Key, Entry],
        failures: Mapping[Key, CinecorError] | None = None,
    ) -> None:
        self.spec = spec
        self.failures = dict(failures or {})
        self._home = home
        self._entries = dict(entries)
        self._segments: dict[str, np.ndarray] = {}

    @classmethod
    def build(
        cls,
        studies: Sequence[Study],
        spec: ClipSpec,
        folder: Path,
        *,
        workers: int | None = None,
        progress: bool = True,
        skip_damaged: bool = False,
        mask: Masking | None = None,
    ) -> Cache:
        """The cache of these studies in ``folder``; what is missing or out of date is decoded and prepared now.

        Args:
            studies: ids must be unique. Other studies that the cache holds stay.
            spec: size, channels and crop decide; caches of several specifications live in one folder.
            folder: is made where it does not exist.
            workers: processes that decode; None: one for each processor, or only this one for a few loops. In a
                script, more than one needs ``if __name__ == "__main__":``.
            progress: show a bar where the error stream is a terminal.
            skip_damaged: leave loops out that cannot be read (``failures`` lists them) rather than refuse.
            mask: the one that ``spec.mask`` names.

        Raises:
            ConfigError: CONFLICT for another mask than the specification names.
            InputError, DatasetError, LimitError: a loop cannot be read; all of them in one error, after all others
                were cached.
            DatasetError: DUPLICATE_ID.
            StorageError: the folder cannot be written, or the disk is full or too small.
        """
        check_mask(spec, mask)
        home = cache_index.locate(folder, spec)
        cines = _list_cines(studies)
        failures: dict[Key, CinecorError] = {}
        prints = _fingerprint_all(cines, failures)
        entries = cache_index.read(home, spec)
        if _stale(prints, entries):
            storage.make_folder(home)
            with _locked(home, progress):
                entries = cache_index.read(home, spec)  # another process may have built meanwhile
                stale = {key: cines[key] for key in _stale(prints, entries)}
                if stale:
                    kept = {key: entry for key, entry in entries.items() if key not in stale}
                    builder = Builder(home, spec, kept, prints, mask)
                    failures |= builder.run(stale, workers or choose_workers(len(stale)), progress=progress)
                    entries = builder.entries
        if failures and not skip_damaged:
            raise _summarise(failures, len(cines))
        built = cls(home, spec, {key: entry for key, entry in entries.items() if key in prints}, failures)
        built._open()
        return built

    def frames(self, study: str, cine: int = 0) -> UInt8[np.ndarray, "time channel height width"]:
        """All frames of one loop: a read-only view of the file, nothing is copied; equal channels are one in it.

        Raises:
            DatasetError: MISSING_FILE when the cache does not hold the loop.
        """
        entry = self._entry(study, cine)
        plane = (self.spec.height, self.spec.width)
        end = entry.offset + entry.frames * entry.channels * plane[0] * plane[1]
        kept = self._segment(entry.segment)[entry.offset : end].reshape(entry.frames, entry.channels, *plane)
        return np.broadcast_to(kept, (entry.frames, self.spec.channels, *plane))

    def count_frames(self, study: str, cine: int = 0) -> int:
        """Frames of one loop."""
        return self._entry(study, cine).frames

    def count_channels(self, study: str, cine: int = 0) -> int:
        """Channels of one loop that differ: one where all are equal."""
        return self._entry(study, cine).channels

    def square(self, study: str, cine: int = 0) -> Square:
        """Which part of its recorded frames the frames of one loop show."""
        entry = self._entry(study, cine)
        return entry.left, entry.top, entry.right, entry.bottom

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_segments": {}}  # another process maps the files itself

    def _entry(self, study: str, cine: int) -> Entry:
        entry = self._entries.get((study, cine))
        if entry is None:
            raise DatasetError("MISSING_FILE", f"cine {cine} is not in the cache", "build the cache", where=study)
        return entry

    def _open(self) -> None:
        """Map all files now: from here on it is no matter to this process if another one replaces the cache."""
        for name in {entry.segment for entry in self._entries.values()}:
            self._segment(name)

    def _segment(self, name: str) -> np.ndarray:
        if name not in self._segments:
            path = cache_index.segment_path(self._home, name)
            try:
                self._segments[name] = np.asarray(np.memmap(path, dtype=np.uint8, mode="r"))
            except FileNotFoundError as error:
                what = "the cache was rebuilt while it was in use"
                raise DatasetError("MISSING_FILE", what, "start again", where=path.name) from error
        return self._segments[name]


def _list_cines(studies: Sequence[Study]) -> dict[Key, Cine]:
    cines: dict[Key, Cine] = {}
    for study in studies:
        if (study.id, 0) in cines:
            raise DatasetError("DUPLICATE_ID", "two studies have this id", "give each its own", where=study.id)
        cines |= {(study.id, number): cine for number, cine in enumerate(study.cines)}
    return cines


def _fingerprint_all(cines: Mapping[Key, Cine], failures: dict[Key, CinecorError]) -> dict[Key, str]:
    prints: dict[Key, str] = {}
    for key, cine in cines.items():
        try:
            prints[key] = fingerprint(cine)
        except CinecorError as error:
            failures[key] = error
    return prints


def _stale(prints: Mapping[Key, str], entries: Mapping[Key, Entry]) -> list[Key]:
    return [key for key, text in prints.items() if key not in entries or entries[key].fingerprint != text]


@contextmanager
def _locked(home: Path, progress: bool) -> Iterator[None]:
    """Builds take turns; the lock ends with its process, however that ends."""
    lock = FileLock(home / ".lock")
    with storage.loud(home):
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if progress:
                Console(stderr=True).print("Another process is building this cache; waiting for it.")
            lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _summarise(failures: Mapping[Key, CinecorError], loops: int) -> CinecorError:
    """One error that names every loop that failed."""
    named = [_name(key, error) for key, error in failures.items()]
    if len(named) == 1:
        return named[0]
    listed = "; ".join(f"{error.where} ({error.code}: {error.what})" for error in named[:LISTED_FAILURES])
    more = f"; and {len(named) - LISTED_FAILURES} more" if len(named) > LISTED_FAILURES else ""
    families = {type(error) for error in named}
    family, code = (families.pop(), named[0].code) if len(families) == 1 else (InputError, "CORRUPT")
    cure = "repair them or leave them out; the others are cached"
    return family(code, f"{len(named)} of {loops} loops cannot be read: {listed}{more}", cure)


def _name(key: Key, error: CinecorError) -> CinecorError:
    return type(error)(error.code, error.what, error.cure, where=error.where or key[0])
