"""What a file is, by its first bytes; its name says nothing that can be relied on."""

from __future__ import annotations

import errno
import os
import re
import stat
import zlib
from pathlib import Path
from typing import BinaryIO, Literal, TypeAlias

from cinecor.errors import InputError

Kind: TypeAlias = Literal["video", "dicom", "nifti", "metaimage", "still"]

_HEAD = 352  # bytes: a whole NIfTI-1 header with its extension flag; DICOM's mark lies at 128
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # how an ISO or QuickTime file may begin
_METAIMAGE = re.compile(rb"(ObjectType *= *Image|NDims *= *\d)")  # the keys that may stand first
_BITMAP_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes, by version
_NIFTI_MARKS = (b"n+1\0", b"ni1\0", b"n+2\0", b"ni2\0")


def kind_of(path: Path) -> Kind:
    """Recognise a file by its content.

    Raises:
        InputError: NOT_REGULAR_FILE (a folder, a pipe, not there, not readable), EMPTY, NOT_RECOGNISED.
    """
    start = head_of(path)
    if video_format(start) is not None:
        return "video"
    if _is_dicom(start):
        return "dicom"
    if _is_nifti(start) or _is_nifti(_unzipped(start)):
        return "nifti"
    if start.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*")) or _is_bitmap(start):
        return "still"
    if _METAIMAGE.match(start):
        return "metaimage"
    what = "neither a video, DICOM, NIfTI, MetaImage, PNG, JPEG, TIFF nor BMP"
    raise InputError("NOT_RECOGNISED", what, "give an image file, or a folder of them", where=path.name)


def head_of(path: Path) -> bytes:
    """The first bytes of a regular file that is not empty.

    Raises:
        InputError: NOT_REGULAR_FILE, EMPTY.
    """
    with opened(path) as file:
        start = file.read(_HEAD * 4)
    if not start:
        raise InputError("EMPTY", "the file holds no bytes", "copy it again from its source", where=path.name)
    return start


def opened(path: Path) -> BinaryIO:
    """Open a regular file for reading; a pipe without a writer does not hang it.

    Raises:
        InputError: NOT_REGULAR_FILE.
    """
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:  # ValueError: a name with a NUL character
        raise _not_regular(path, error) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise InputError("NOT_REGULAR_FILE", "not a regular file", "give the name of a file", where=path.name)
    return os.fdopen(handle, "rb")


def video_format(start: bytes) -> str | None:
    """FFmpeg's name of the container that begins so, None where it is no video that is read here.

    Naming it keeps FFmpeg from guessing, so that no playlist can make it open other files or addresses.
    """
    if start[:4] == b"RIFF" and start[8:12] == b"AVI ":
        return "avi"
    if start[4:8] in _BOXES:
        return "mov"
    if start.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if start.startswith(_ASF):
        return "asf"
    if start.startswith(b"\0\0\x01\xba"):
        return "mpeg"
    return None


def _is_dicom(start: bytes) -> bool:
    if start[128:132] == b"DICM":
        return True
    # Without preamble: a first element of group 2 or 8, in either byte order, with a small element number.
    little, big = start[:2] in (b"\x02\x00", b"\x08\x00"), start[:2] in (b"\x00\x02", b"\x00\x08")
    return len(start) >= 132 and ((little and start[3] == 0) or (big and start[2] == 0))


def _is_bitmap(start: bytes) -> bool:
    """Whether a Windows bitmap begins so: two letters may be any text's, the size of the second header is not."""
    return start[:2] == b"BM" and len(start) >= 18 and int.from_bytes(start[14:18], "little") in _BITMAP_HEADERS


def _is_nifti(start: bytes) -> bool:
    return start[344:348] in _NIFTI_MARKS[:2] or start[4:8] in _NIFTI_MARKS[2:]


def _unzipped(start: bytes) -> bytes:
    """The beginning of what a gzip stream holds; nothing where it is none."""
    if not start.startswith(b"\x1f\x8b"):
        return b""
    try:
        return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(start, _HEAD)
    except zlib.error:
        return b""


def _not_regular(path: Path, error: OSError | ValueError) -> InputError:
    number = error.errno if isinstance(error, OSError) else None
    reasons = {
        errno.ENOENT: ("there is no such file", "check the name"),
        errno.EACCES: ("reading is not permitted", "change the permissions"),
        errno.ENXIO: ("not a regular file", "give the name of a file"),
    }
    what, cure = reasons.get(number or 0, ("the file cannot be opened", "check the name and the disk"))
    return InputError("NOT_REGULAR_FILE", what, cure, where=path.name)
