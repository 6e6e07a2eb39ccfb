"""How long a video container says its own file is, so that a file cut short can be told from a damaged one."""

from __future__ import annotations

from typing import BinaryIO

from cinecor.io.kinds import video_format

_EBML_SEGMENT = b"\x18\x53\x80\x67"
_ASF_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")


def declared_bytes(file: BinaryIO) -> int:
    """The size that the container declares for the whole file; 0 where it says nothing.

    An MP4 without its index (``moov``), which is written last, counts as one that is longer than it is.
    """
    file.seek(0)
    start = file.read(4096)
    form = video_format(start)
    if form == "avi":
        return 8 + int.from_bytes(start[4:8], "little")
    if form == "mov":
        return _boxes_end(file)
    if form == "matroska":
        return _segment_end(start)
    if form == "asf":
        place = start.find(_ASF_FILE_PROPERTIES)
        return int.from_bytes(start[place + 40 : place + 48], "little") if place >= 0 else 0
    return 0


def _boxes_end(file: BinaryIO) -> int:
    """Where the last top-level box of an ISO media file ends (ISO/IEC 14496-12, 4.2)."""
    size, place, indexed = file.seek(0, 2), 0, False
    while place + 8 <= size:
        file.seek(place)
        header = file.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        elif length == 0:  # reaches to the end of the file
            length = size - place
        indexed = indexed or header[4:8] == b"moov"
        if length < 8:  # not a box: damage, not a cut
            return place
        place += length
    return place if indexed else max(place, size + 1)


def _segment_end(start: bytes) -> int:
    """Where the segment of a Matroska file ends (RFC 8794, 6); 0 where its size is left open, as in a live stream."""
    place = start.find(_EBML_SEGMENT)
    if place < 0 or place + 5 > len(start):
        return 0
    place += 4
    width = 9 - start[place].bit_length()  # the length of the number is the count of its leading zero bits
    number = int.from_bytes(start[place : place + width], "big") & ((1 << 7 * width) - 1)
    return 0 if number == (1 << 7 * width) - 1 else place + width + number
