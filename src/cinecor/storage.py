"""Bytes to disk, whole or not at all: a temporary file in the same folder, fsync, rename, fsync of the folder."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from cinecor.errors import StorageError

_CODES = {
    errno.ENOSPC: ("NO_SPACE", "no space is left", "free some space or write elsewhere"),
    errno.EDQUOT: ("NO_SPACE", "the quota is used up", "free some space or write elsewhere"),
    errno.EROFS: ("READ_ONLY", "the file system is read-only", "write elsewhere"),
    errno.EACCES: ("PERMISSION", "writing is not permitted", "write elsewhere or change the permissions"),
    errno.EPERM: ("PERMISSION", "writing is not permitted", "write elsewhere or change the permissions"),
    errno.EISDIR: ("PERMISSION", "a folder of this name stands in the way", "choose another name"),
    errno.ENOTDIR: ("PERMISSION", "a file stands where a folder is needed", "choose another folder"),
    errno.EEXIST: ("PERMISSION", "a file stands where a folder is needed", "choose another folder"),
}


@contextmanager
def loud(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write ``path`` into a :class:`StorageError`."""
    try:
        yield
    except OSError as error:
        if error.errno not in _CODES:
            raise
        code, what, cure = _CODES[error.errno]
        raise StorageError(code, what, cure, where=path.name) from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes the place of ``path`` only when the block ends well.

    Until then, and if the block fails, whatever stood at ``path`` stays as it was.

    Raises:
        StorageError: the folder cannot be written, or the disk is full.
    """
    with loud(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            part.chmod(0o666 & ~_umask())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content``, atomically and durably."""
    with replacing(path) as stream:
        stream.write(content)


def write_text(path: Path, content: str) -> None:
    """Replace ``path`` by ``content`` as UTF-8, atomically and durably."""
    write_bytes(path, content.encode("utf-8"))


def make_folder(path: Path) -> Path:
    """Make a folder and those above it; the folder itself is returned."""
    with loud(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def sync_folder(folder: Path) -> None:
    """Make renames in ``folder`` survive a power cut (POSIX; other systems do this by themselves)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
