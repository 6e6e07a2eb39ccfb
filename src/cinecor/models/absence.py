"""Saved weights that are named and are not there: whether their folder is missing, or which of its files."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path

from cinecor.errors import CheckpointError

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_SHOWN = 60  # characters of a name


def check_there(folder: Path, names: Sequence[str]) -> None:
    """Stop where a folder of weights, or a file in it, is not there.

    Args:
        folder: as the user named it.
        names: of the files that it has to hold.

    Raises:
        CheckpointError: MISSING_FILE.
        OSError: it cannot be looked into.
    """
    name = folder.name or folder.absolute().name
    where = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
    if not _exists(folder):
        raise CheckpointError("MISSING_FILE", "there is no such folder", "check the path to the weights", where=where)
    if not folder.is_dir():
        what, cure = "it is a file, and weights are named by their folder", f"give a folder of {' and '.join(names)}"
        raise CheckpointError("MISSING_FILE", what, cure, where=where)
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        what = f"the folder has no {' and no '.join(missing)}"
        cure = "give that of a training that has ended, or copy the whole folder again"
        raise CheckpointError("MISSING_FILE", what, cure, where=where)


def is_absent(error: OSError) -> bool:
    """Whether a file could not be opened because it is not there; none has a name that is too long for any."""
    return error.errno in _ABSENT


def is_file(path: Path) -> bool:
    """Whether there is such a file; not where it cannot be looked at, which whoever reads it says."""
    try:
        return path.is_file()
    except OSError:
        return False


def is_folder(path: Path) -> bool:
    """The same of a folder."""
    try:
        return path.is_dir()
    except OSError:
        return False


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError as error:
        if is_absent(error):
            return False
        raise
