from __future__ import annotations

from pathlib import Path

import pytest

from cinecor.io.containers import declared_bytes


def box(kind: bytes, size: int) -> bytes:
    return size.to_bytes(4, "big") + kind + bytes(size - 8)


def declared(folder: Path, content: bytes) -> int:
    path = folder / "file"
    path.write_bytes(content)
    with path.open("rb") as file:
        return declared_bytes(file)


MOVIE = box(b"ftyp", 24) + box(b"moov", 40) + box(b"mdat", 100)
EBML = b"\x1a\x45\xdf\xa3\x80"


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (b"RIFF" + (500).to_bytes(4, "little") + b"AVI LIST", 508),
        (MOVIE, len(MOVIE)),
        (MOVIE[:-30], len(MOVIE)),
        (box(b"ftyp", 24) + box(b"mdat", 100), 125),  # no index: longer than it is
        (box(b"ftyp", 24) + box(b"moov", 40) + b"\0\0\0\0mdat" + bytes(50), 122),  # to the end of the file
        (box(b"ftyp", 24) + box(b"moov", 40) + b"\0\0\0\1mdat" + (99).to_bytes(8, "big"), 163),  # 64-bit length
        (box(b"ftyp", 24) + b"\0\0\0\3oops" + bytes(20), 24),  # damage, not a cut
        (EBML + b"\x18\x53\x80\x67" + b"\x01" + (77).to_bytes(7, "big"), 5 + 4 + 8 + 77),
        (EBML + b"\x18\x53\x80\x67" + b"\x85", 5 + 4 + 1 + 5),
        (EBML + b"\x18\x53\x80\x67" + b"\x01" + b"\xff" * 7, 0),  # a live stream
        (EBML, 0),
        (b"\0\0\x01\xba" + bytes(30), 0),
        (b"text", 0),
    ],
)
def test_declared_bytes(tmp_path: Path, content: bytes, size: int) -> None:
    assert declared(tmp_path, content) == size


def test_asf(tmp_path: Path) -> None:
    start = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(14)
    properties = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365") + bytes(8 + 16) + (4321).to_bytes(8, "little")
    assert declared(tmp_path, start + properties) == 4321
    assert declared(tmp_path, start) == 0
