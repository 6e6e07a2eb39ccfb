"""What an encoded frame says of itself in its first bytes: its size, and the colours that it is in.

The DICOM header and the encoded frames are often written by different programs, and disagree. Believing the header
makes green images; believing a frame's size makes a decoder allocate whatever a hostile file asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cinecor.errors import InputError

Family: TypeAlias = Literal["JPEG", "JPEG-LS", "JPEG 2000"]

_FAMILIES: dict[str, Family] = {
    "1.2.840.10008.1.2.4.50": "JPEG",
    "1.2.840.10008.1.2.4.51": "JPEG",
    "1.2.840.10008.1.2.4.57": "JPEG",
    "1.2.840.10008.1.2.4.70": "JPEG",
    "1.2.840.10008.1.2.4.80": "JPEG-LS",
    "1.2.840.10008.1.2.4.81": "JPEG-LS",
    "1.2.840.10008.1.2.4.90": "JPEG 2000",
    "1.2.840.10008.1.2.4.91": "JPEG 2000",
    "1.2.840.10008.1.2.4.201": "JPEG 2000",
    "1.2.840.10008.1.2.4.202": "JPEG 2000",
    "1.2.840.10008.1.2.4.203": "JPEG 2000",
}
"""By transfer syntax (PS3.5 section 10); HTJ2K shares the headers of JPEG 2000."""

# Markers of JPEG (ITU T.81 table B.1) and JPEG-LS (T.87)
_FRAME_STARTS = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
_APP0, _APP14 = 0xE0, 0xEE
_SCAN_START, _END = 0xDA, 0xD9
_RGB_IDS = (b"RGB", b"rgb")
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "


@dataclass(frozen=True)
class Codestream:
    """What the head of an encoded frame tells."""

    family: Family
    shape: tuple[int, int, int]
    """Height, width, samples a pixel."""
    colours: Literal["RGB", "YBR_FULL"] | None = None
    """Colours by the frame's own marks; None where it has none."""

    def photometric(self, stated: str) -> str:
        """The colours of the decoded samples, where the header states ``stated``.

        The decoder of JPEG 2000 undoes that format's own colour transforms. A JPEG's own marks win over the header.
        """
        if self.family == "JPEG 2000":
            return "RGB" if stated in ("YBR_ICT", "YBR_RCT") else stated
        if self.shape[2] != 3:
            return stated
        return self.colours or ("YBR_FULL" if stated.startswith("YBR") else stated)


def read_codestream(frame: bytes, syntax: str) -> Codestream | None:
    """Size and colours of a JPEG, JPEG-LS or JPEG 2000 frame; None for other encodings.

    Raises:
        InputError: CORRUPT where the frame does not begin as its transfer syntax says, TRUNCATED where its head ends.
    """
    family = _FAMILIES.get(syntax)
    if family is None:
        return None
    try:
        return _read_jpeg_2000(frame) if family == "JPEG 2000" else _read_jpeg(frame, family)
    except IndexError as error:
        raise InputError("TRUNCATED", "an encoded frame ends within its head", "copy the file again") from error


def _read_jpeg(frame: bytes, family: Family) -> Codestream:
    if frame[:2] != b"\xff\xd8":
        raise InputError("CORRUPT", f"an encoded frame is no {family} stream", "copy the file again")
    at, jfif, adobe = 2, False, None
    while True:
        marker, at = _next_marker(frame, at)
        length = _number(frame, at, 2)
        segment = frame[at + 2 : at + length]
        if marker in _FRAME_STARTS:
            break
        if marker in (_SCAN_START, _END) or length < 2:
            raise InputError("CORRUPT", f"an encoded {family} frame has no frame header", "copy the file again")
        jfif = jfif or (marker == _APP0 and segment.startswith(b"JFIF\0"))
        if marker == _APP14 and segment.startswith(b"Adobe") and len(segment) >= 12:
            adobe = segment[11]
        at += length
    shape = (_number(segment, 1, 2), _number(segment, 3, 2), segment[5])
    components = [(segment[6 + 3 * index], segment[7 + 3 * index]) for index in range(shape[2])]
    return Codestream(family, shape, _jpeg_colours(components, jfif, adobe))


def _jpeg_colours(
    components: list[tuple[int, int]], jfif: bool, adobe: int | None
) -> Literal["RGB", "YBR_FULL"] | None:
    """Colours by component names, JFIF, Adobe's transform and subsampled chrominance, in this order.

    Args:
        components: name and sampling factors of each.
        jfif: whether there is a JFIF mark, whose colours are always YCbCr (ITU T.871).
        adobe: transform of Adobe's mark, 0 none, 1 YCbCr (ITU T.872 section 6.5.3); None where there is no mark.
    """
    if bytes(name for name, _ in components) in _RGB_IDS:
        return "RGB"
    if jfif:
        return "YBR_FULL"
    if adobe is not None:
        return "RGB" if adobe == 0 else "YBR_FULL"
    # Nobody halves the resolution of green and blue.
    return "YBR_FULL" if len({factors for _, factors in components}) > 1 else None


def _next_marker(frame: bytes, at: int) -> tuple[int, int]:
    """The marker at ``at``, and where its segment begins; any number of fill bytes may precede it."""
    if frame[at] != 0xFF:
        raise InputError("CORRUPT", "an encoded frame has a damaged head", "copy the file again")
    while frame[at] == 0xFF:
        at += 1
    return frame[at], at + 1


def _read_jpeg_2000(frame: bytes) -> Codestream:
    """The SIZ segment (ITU T.800 section A.5.1), which is always the first; a JP2 file around it is passed over."""
    at = _jp2_content(frame) if frame.startswith(_JP2_SIGNATURE) else 0
    if frame[at : at + 4] != b"\xff\x4f\xff\x51":
        raise InputError("CORRUPT", "an encoded frame is no JPEG 2000 stream", "copy the file again")
    x1, y1, x0, y0 = (_number(frame, at + 8 + 4 * index, 4) for index in range(4))
    return Codestream("JPEG 2000", (y1 - y0, x1 - x0, _number(frame, at + 40, 2)))


def _jp2_content(frame: bytes) -> int:
    at = 0
    while frame[at + 4 : at + 8] != b"jp2c":
        length = _number(frame, at, 4)
        if length < 8:
            raise InputError("CORRUPT", "an encoded frame has a damaged JP2 head", "copy the file again")
        at += length
    return at + 8


def _number(data: bytes, at: int, size: int) -> int:
    if at + size > len(data):
        raise IndexError(at)
    return int.from_bytes(data[at : at + size], "big")
