"""Which layout a data folder has, and its studies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from cinecor import datasets
from cinecor.errors import DatasetError
from cinecor.phantom import MARK
from cinecor.records import Cine, Study

_known: ContextVar[dict[Path, tuple[str, list[Study]]] | None] = ContextVar("known", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """Within it this process reads a data folder when it is first asked for, and remembers it: many trainings of one
    cohort, which takes a minute to read, see it as it was at the first."""
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def read_folder(root: Path) -> tuple[str, list[Study]]:
    """Layout and studies of a data folder; within :func:`read_once` as it was when it was first read.

    Raises:
        DatasetError: the folder is missing, its layout is unknown, or it is not what the layout promises.
    """
    known = _known.get()
    if known is None:
        return _read(root)
    place = root.resolve()
    if place not in known:
        known[place] = _read(root)
    layout, studies = known[place]
    return layout, list(studies)


def _read(root: Path) -> tuple[str, list[Study]]:
    if not root.is_dir():
        raise DatasetError("MISSING_FILE", "there is no such folder", where=root.name)
    layout = datasets.recognise(root)
    return layout, datasets.get(layout).read(root)


def is_synthetic(studies: Sequence[Study], root: Path | None) -> bool:
    """Whether all these hearts are known to be simulated: by the folder's mark or by their notes.

    No public layout has a place to say so, and a real cohort must never be called synthetic: what is not known to be
    is not.
    """
    if root is not None and (root / MARK).exists():
        return True
    return all(_says_synthetic(cine) for study in studies for cine in study.cines)


def _says_synthetic(cine: Cine) -> bool:
    return any("synthetic" in note for note in cine.notes)
