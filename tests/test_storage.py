"""A write is whole or it never happened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from cinecor import storage
from cinecor.errors import StorageError


def leftovers(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.endswith(".part"))


def test_content_arrives_and_nothing_else_stays(tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "result.txt"
    storage.write_text(target, "53 % – ok")
    assert target.read_bytes() == "53 % – ok".encode()
    assert leftovers(target.parent) == []


def test_a_failing_block_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "result.bin"
    target.write_bytes(b"old")

    def write_half() -> None:
        with storage.replacing(target) as stream:
            stream.write(b"new, but only hal")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        write_half()
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    target = tmp_path / "result.bin"
    target.write_bytes(b"old")
    with storage.replacing(target) as stream:
        stream.write(b"new")
        stream.flush()
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new"


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        storage.write_bytes(tmp_path / "shared", b"")
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o640


@pytest.mark.parametrize(
    ("number", "code"),
    [(errno.ENOSPC, "NO_SPACE"), (errno.EROFS, "READ_ONLY"), (errno.EACCES, "PERMISSION"), (errno.EDQUOT, "NO_SPACE")],
)
def test_refusals_of_the_system_get_their_code(tmp_path: Path, number: int, code: str) -> None:
    target = tmp_path / "result.bin"
    target.write_bytes(b"old")
    with pytest.raises(StorageError) as caught, storage.replacing(target):
        raise OSError(number, os.strerror(number))
    assert caught.value.code == code
    assert target.read_bytes() == b"old"
    assert leftovers(tmp_path) == []


def test_other_system_errors_pass_through(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="Interrupted"), storage.replacing(tmp_path / "x"):
        raise OSError(errno.EINTR, os.strerror(errno.EINTR))


def test_a_file_where_a_folder_is_needed(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StorageError) as caught:
        storage.write_bytes(tmp_path / "file" / "result", b"")
    assert caught.value.code == "PERMISSION"
    with pytest.raises(StorageError):
        storage.make_folder(tmp_path / "file")


def test_make_folder_is_idempotent(tmp_path: Path) -> None:
    assert storage.make_folder(tmp_path / "a" / "b").is_dir()
    assert storage.make_folder(tmp_path / "a" / "b").is_dir()
