"""MATLAB's .mat files, version 5 (to 7.2): label masks as an array ``plane height width``. Written by scipy.

They are not read by scipy: its compiled reader trusts the type numbers and sizes of a file, and one changed byte ends
the process with a segmentation fault. What a mask needs of the format is small: elements with a tag, packed by zlib or
not, and in one of them flags, sizes, a name and numbers. Version 7.3 is HDF5 and is refused in plain words.

Source: MathWorks, MAT-File Format, R2023a, chapter 1 (level 5).
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from cinecor.errors import InputError
from cinecor.io.kinds import opened
from cinecor.io.limits import DEFAULT, Limits
from cinecor.records import Mask
from cinecor.storage import write_bytes

_HEADER_BYTES = 128
_MATRIX, _COMPRESSED = 14, 15
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_CLASSES = range(6, 16)  # double, single, int8 … uint64; below are cells, structures, objects, text, sparse arrays
_COMPLEX = 0x0800

Labels = UInt8[np.ndarray, "plane height width"]


@dataclass(frozen=True, kw_only=True)
class _Element:
    """One element: its type number and its bytes."""

    kind: int
    content: memoryview


def recognise(path: Path) -> bool:
    """Whether a file says at its beginning that it is MATLAB's.

    Raises:
        InputError: NOT_REGULAR_FILE.
    """
    with opened(path) as file:
        return file.read(7) == b"MATLAB "


def shape(path: Path, limits: Limits = DEFAULT) -> tuple[int, int, int]:
    """Planes, height and width of the one array of three dimensions in a file.

    Raises:
        InputError, LimitError: as :func:`load_mask`.
    """
    planes, height, width = _read(path, limits).shape
    return planes, height, width


def load_mask(path: Path, plane: int, size: tuple[int | None, int | None], limits: Limits = DEFAULT) -> Mask:
    """Labels of one plane, brought to the height and width of a frame where these are known: nearest neighbour.

    Raises:
        InputError: NOT_REGULAR_FILE, EMPTY, NOT_RECOGNISED, TRUNCATED, CORRUPT; UNSUPPORTED for version 7.3 and where
            numbers are no labels 0 to 255; NO_PIXELS where no array has three dimensions; INCONSISTENT where several
            have, or the plane is not there.
        LimitError: the file asks for more than the limits allow.
    """
    labels = _read(path, limits)
    if not 0 <= plane < len(labels):
        what = f"there is no plane {plane} among its {len(labels)}"
        raise InputError("INCONSISTENT", what, "give the masks of one loop", where=path.name)
    mask, (height, width) = labels[plane], size
    if height is None or width is None or mask.shape == (height, width):
        return mask
    limits.check_frames(1, height, width, where=path.name)
    return resample(mask, (height, width))


def resample(mask: Mask, size: tuple[int, int]) -> UInt8[np.ndarray, "rows columns"]:
    """Labels on another grid of the same picture, by the nearest neighbour; up and down again is where it began."""
    rows, columns = (
        np.floor((np.arange(to) + 0.5) * of / to).astype(int) for to, of in zip(size, mask.shape, strict=True)
    )
    return np.ascontiguousarray(mask[np.ix_(rows, columns)])


def write(path: Path, name: str, array: np.ndarray) -> None:
    """Write one array under a name, packed, whole or not at all.

    Raises:
        StorageError: the folder cannot be written.
    """
    from scipy.io import savemat  # half a second that reading does not need

    buffer: Any = io.BytesIO()
    savemat(buffer, {name: array}, do_compression=True)
    write_bytes(path, buffer.getvalue())


def _read(path: Path, limits: Limits) -> Labels:
    """All planes, read-only; the last files stay in memory, because masks are asked for frame by frame."""
    state = path.stat() if path.is_file() else None
    return _decode(path, limits, None if state is None else (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=2)
def _decode(path: Path, limits: Limits, _state: tuple[int, int] | None) -> Labels:
    with opened(path) as file:
        limits.check_bytes(path.stat().st_size, where=path.name)
        content = file.read()
    order = _byte_order(content, path)
    try:
        found = list(_arrays(memoryview(content)[_HEADER_BYTES:], order, limits, path))
    except zlib.error as error:
        raise InputError("CORRUPT", "the packed array is damaged", "copy it again", where=path.name) from error
    if len(found) != 1:
        code, what = ("INCONSISTENT", f"{len(found)} arrays") if found else ("NO_PIXELS", "no array")
        raise InputError(code, f"{what} of three dimensions, where one was expected", where=path.name)
    labels: Labels = np.clip(np.nan_to_num(found[0]), 0, 255).astype(np.uint8)
    if not np.array_equal(labels, found[0]):
        raise InputError("UNSUPPORTED", "this is no mask: numbers are not labels 0 to 255", where=path.name)
    labels.flags.writeable = False
    return labels


def _byte_order(content: bytes, path: Path) -> str:
    if not content:
        raise InputError("EMPTY", "the file holds no bytes", "copy it again from its source", where=path.name)
    if content.startswith(b"MATLAB 7.3"):
        cure = "save it in MATLAB with save(…, '-v7')"
        raise InputError("UNSUPPORTED", "MATLAB's version 7.3, which is HDF5", cure, where=path.name)
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if not content.startswith(b"MATLAB 5") or order is None:
        raise InputError("NOT_RECOGNISED", "not a .mat file of version 5", "save it again", where=path.name)
    return order


def _arrays(content: memoryview, order: str, limits: Limits, path: Path) -> Iterator[np.ndarray]:
    """The numeric arrays of three dimensions."""
    for element in _elements(content, order, path):
        matrix = _unpacked(element, order, limits, path) if element.kind == _COMPRESSED else element
        array = _array(matrix.content, order, limits, path) if matrix.kind == _MATRIX else None
        if array is not None:
            yield array


def _elements(content: memoryview, order: str, path: Path) -> Iterator[_Element]:
    """The elements one after another; each begins at a multiple of eight bytes unless the one before was packed."""
    place = 0
    while place + 8 <= len(content):
        kind, size = (int(number) for number in np.frombuffer(content[place : place + 8], f"{order}u4"))
        if kind >> 16:  # a small element: type and size share four bytes, the content is the other four
            kind, size, start, following = kind & 0xFFFF, kind >> 16, place + 4, place + 8
        else:
            start = place + 8
            following = start + (size if kind == _COMPRESSED else -(-size // 8) * 8)
        if start + size > min(following, len(content)):
            what = f"an element of {size} bytes, where {len(content) - start} are left"
            raise InputError("TRUNCATED", what, "copy the file again from its source", where=path.name)
        yield _Element(kind=kind, content=content[start : start + size])
        place = following


def _unpacked(element: _Element, order: str, limits: Limits, path: Path) -> _Element:
    """The matrix in a packed element; it is unpacked no further than its own tag says."""
    stream = zlib.decompressobj()
    tag = stream.decompress(element.content, 8)
    if len(tag) < 8:
        raise InputError("TRUNCATED", "a packed array ends early", "copy the file again", where=path.name)
    kind, size = (int(number) for number in np.frombuffer(tag, f"{order}u4"))
    limits.check_decoded(size, where=path.name)
    limits.check_ratio(len(element.content), size, where=path.name)
    content = stream.decompress(stream.unconsumed_tail, size) if size else b""
    stream.decompress(stream.unconsumed_tail, 8)  # up to the checksum, which zlib compares at its end
    if len(content) < size or not stream.eof:
        raise InputError("TRUNCATED", "a packed array ends early", "copy the file again", where=path.name)
    return _Element(kind=kind, content=memoryview(content))


def _array(content: memoryview, order: str, limits: Limits, path: Path) -> np.ndarray | None:
    """A numeric array of three dimensions; None for anything else."""
    parts = [part for _, part in zip(range(4), _elements(content, order, path), strict=False)]
    if len(parts) < 4 or len(parts[0].content) != 8 or len(parts[1].content) % 4:
        return None
    flags = int(np.frombuffer(parts[0].content[:4], f"{order}u4")[0])
    sizes = [int(size) for size in np.frombuffer(parts[1].content, f"{order}i4")]
    if flags & 0xFF not in _CLASSES or len(sizes) != 3 or flags & _COMPLEX:
        return None
    if min(sizes) < 1 or parts[3].kind not in _NUMBERS:
        raise InputError("CORRUPT", f"an array of size {sizes}", "copy the file again", where=path.name)
    dtype = np.dtype(f"{order}{_NUMBERS[parts[3].kind]}")
    limits.check_frames(*sizes, sample_bytes=8, where=path.name)
    if len(parts[3].content) != math.prod(sizes) * dtype.itemsize:
        raise InputError("CORRUPT", "an array's numbers do not fill it", "copy the file again", where=path.name)
    return np.frombuffer(parts[3].content, dtype).reshape(sizes, order="F")
