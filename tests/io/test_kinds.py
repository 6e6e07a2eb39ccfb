from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from cinecor.errors import InputError
from cinecor.io.kinds import kind_of, video_format


def nifti(mark: bytes = b"n+1\0") -> bytes:
    return (348).to_bytes(4, "little") + bytes(340) + mark + bytes(100)


CONTENTS = {
    "video": [
        b"RIFF\0\0\0\0AVI LIST",
        b"\0\0\0\x20ftypisom",
        b"\0\0\0\x08wide\0\0\0\0mdat",
        b"\x1a\x45\xdf\xa3" + bytes(40),
        bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(40),
        b"\0\0\x01\xba" + bytes(40),
    ],
    "dicom": [
        bytes(128) + b"DICM" + bytes(20),
        b"RIFF".ljust(128, b"x") + b"DICM",
        b"\x08\x00\x05\x00CS" + bytes(200),
        b"\x08\x00\x08\x00\x1a\0\0\0" + bytes(200),
        b"\x00\x08\x00\x05CS" + bytes(200),
    ],
    "nifti": [
        nifti(),
        nifti(b"ni1\0"),
        gzip.compress(nifti() + bytes(5000), mtime=0),
        (540).to_bytes(4, "little") + b"n+2\0" + bytes(600),
    ],
    "metaimage": [b"ObjectType = Image\nNDims = 3\n", b"NDims=2\nDimSize = 4 4\n"],
    "still": [
        b"\x89PNG\r\n\x1a\n" + bytes(30),
        b"\xff\xd8\xff\xe0" + bytes(30),
        b"II*\0" + bytes(30),
        b"MM\0*" + bytes(30),
        b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(30),
    ],
}


@pytest.mark.parametrize(("kind", "content"), [(kind, content) for kind, all_ in CONTENTS.items() for content in all_])
def test_by_content_not_by_name(tmp_path: Path, kind: str, content: bytes) -> None:
    path = tmp_path / "misleading.txt"
    path.write_bytes(content)
    assert kind_of(path) == kind


@pytest.mark.parametrize(
    "content",
    [
        b"FileName,EF\n0001,55\n",
        b"#EXTM3U\n",
        b"RIFF\0\0\0\0WAVE",
        bytes(2000),
        gzip.compress(b"text" * 1000, mtime=0),
        b"\x1f\x8b" + bytes(50),
        b"\x08",
        b"ffconcat version 1.0\n",
    ],
)
def test_not_recognised(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.avi"
    path.write_bytes(content)
    with pytest.raises(InputError, match="NOT_RECOGNISED"):
        kind_of(path)


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in (
        tmp_path,
        tmp_path / "pipe",
        tmp_path / "absent",
        tmp_path / "nul\0name",
        tmp_path / "loop",
        Path("/dev/null"),
    ):
        with pytest.raises(InputError, match="NOT_REGULAR_FILE"):
            kind_of(path)
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="EMPTY"):
        kind_of(tmp_path / "empty")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_permission(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"RIFF")
    path.chmod(0)
    with pytest.raises(InputError, match="reading is not permitted"):
        kind_of(path)


def test_names_of_containers() -> None:
    assert [video_format(content) for content in CONTENTS["video"]] == ["avi", "mov", "mov", "matroska", "asf", "mpeg"]
    assert video_format(b"") is None
