"""MetaImage (.mhd with .raw, .mha): a text header and plain voxels, as the first edition of CAMUS is published.

The format is a dozen keys and an array, which numpy reads by itself; ITK's Python package is 50 MB and allocates what
a header declares before it looks at the file. A voxel array (x, y, z) becomes frames of height y and width x, one for
each z.

Source: MetaIO, https://itk.org/Wiki/ITK/MetaIO/Documentation.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cinecor.errors import InputError
from cinecor.io.kinds import opened
from cinecor.io.limits import DEFAULT, Limits
from cinecor.records import Cine, Frames, Mask
from cinecor.storage import write_bytes

_TYPES = {
    "MET_UCHAR": "u1",
    "MET_CHAR": "i1",
    "MET_USHORT": "u2",
    "MET_SHORT": "i2",
    "MET_UINT": "u4",
    "MET_INT": "i4",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}
_NAMES = {name: met for met, name in _TYPES.items()}
_MOST_HEADER_BYTES = 64 * 1024
_TRUE = ("true", "1")


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a header declares."""

    width: int
    height: int
    planes: int
    spacing_mm: tuple[float, float]
    dtype: np.dtype
    data: Path
    offset: int | None
    """Where the voxels begin in ``data``; None where they are its last bytes."""
    packed: bool

    @property
    def size(self) -> int:
        """Bytes of all voxels."""
        return self.planes * self.height * self.width * self.dtype.itemsize


def describe(path: Path, limits: Limits = DEFAULT) -> Cine:
    """Read the header of a loop, taken to be ultrasound; its planes are the frames.

    Raises:
        InputError: EMPTY, NOT_REGULAR_FILE, NOT_RECOGNISED, CORRUPT, UNSUPPORTED.
        LimitError: the file asks for more than the limits allow.
    """
    header = read_header(path, limits)
    return Cine(
        source=path,
        modality="US",
        frames=header.planes,
        height=header.height,
        width=header.width,
        spacing_mm=header.spacing_mm,
    )


def load(cine: Cine, limits: Limits = DEFAULT) -> Frames:
    """Frames of a loop, of one file or of a file for each of its frames; uint8 where so stored, else float32.

    Raises:
        InputError: as :func:`describe`; TRUNCATED; CORRUPT for numbers that are not finite; INCONSISTENT for files of
            different sizes.
        LimitError: as :func:`describe`.
    """
    if isinstance(cine.source, np.ndarray):
        return cine.source
    paths = cine.source if isinstance(cine.source, tuple) else (cine.source,)
    loops = [_read_voxels(path, limits) for path in paths]
    if len({loop.shape[1:] for loop in loops}) > 1:
        raise InputError("INCONSISTENT", "the frames of one loop differ in size", where=paths[0].name)
    voxels = np.concatenate(loops)[:, None]
    if voxels.dtype == np.uint8:
        return voxels
    if not np.isfinite(voxels).all():
        raise InputError("CORRUPT", "voxels that are no finite numbers", "export it again", where=paths[0].name)
    return voxels.astype(np.float32)


def load_mask(path: Path, plane: int, limits: Limits = DEFAULT) -> Mask:
    """Labels of one plane.

    Raises:
        InputError: as :func:`load`; INCONSISTENT for a plane that is not there; UNSUPPORTED where voxels are no labels.
        LimitError: as :func:`describe`.
    """
    voxels = _read_voxels(path, limits)
    if not 0 <= plane < len(voxels):
        what = f"there is no plane {plane} among its {len(voxels)}"
        raise InputError("INCONSISTENT", what, "give the files of one loop", where=path.name)
    labels = voxels[plane].clip(0, 255).astype(np.uint8)
    if not np.array_equal(labels, voxels[plane]):
        raise InputError("UNSUPPORTED", "this is no mask: voxels are not labels 0 to 255", where=path.name)
    return labels


def write(path: Path, voxels: np.ndarray, *, spacing_mm: tuple[float, float]) -> None:
    """Write ``plane height width`` as NAME.mhd and, before it, NAME.raw.

    Raises:
        ValueError: a voxel type that the format does not have.
        StorageError: the folder cannot be written.
    """
    name = voxels.dtype.str[1:]
    if name not in _NAMES:
        raise ValueError(f"MetaImage holds no {voxels.dtype}")
    raw = path.with_suffix(".raw")
    planes, height, width = voxels.shape
    lines = {
        "ObjectType": "Image",
        "NDims": 3,
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "TransformMatrix": "1 0 0 0 1 0 0 0 1",
        "Offset": "0 0 0",
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": f"{spacing_mm[1]!r} {spacing_mm[0]!r} 1",
        "DimSize": f"{width} {height} {planes}",
        "ElementType": _NAMES[name],
        "ElementDataFile": raw.name,
    }
    write_bytes(raw, np.ascontiguousarray(voxels, dtype=f"<{name}").tobytes())
    write_bytes(path, "".join(f"{key} = {value}\n" for key, value in lines.items()).encode("ascii"))


def read_header(path: Path, limits: Limits = DEFAULT) -> Header:
    """The header of a file, within the limits; the voxels are not looked at.

    Raises:
        InputError, LimitError: as :func:`describe`.
    """
    pairs, end = _pairs(path)
    dimensions = _numbers(pairs, "DimSize", path)
    sizes = [int(number) for number in dimensions]
    if not 2 <= len(sizes) <= 3 or min(sizes) < 1 or sizes != dimensions:
        what = f"an image of size {pairs['DimSize'][:40]!r}"
        raise InputError("UNSUPPORTED", what, "give a 2-D or 3-D image", where=path.name)
    name = _TYPES.get(pairs.get("ElementType", ""))
    if name is None or pairs.get("ElementNumberOfChannels", "1") != "1":
        what = f"voxels of type {pairs.get('ElementType', '')[:20]!r}"
        raise InputError("UNSUPPORTED", what, "convert them to one real number each", where=path.name)
    if pairs.get("BinaryData", "True").lower() not in _TRUE:
        raise InputError("UNSUPPORTED", "voxels written as text", "export them as binary", where=path.name)
    swapped = pairs.get("BinaryDataByteOrderMSB", pairs.get("ElementByteOrderMSB", "False")).lower() in _TRUE
    data, offset = _place(pairs, path, end)
    header = Header(
        width=sizes[0],
        height=sizes[1],
        planes=sizes[2] if len(sizes) > 2 else 1,
        spacing_mm=_spacing(pairs, path),
        dtype=np.dtype(f"{'>' if swapped else '<'}{name}"),
        data=data,
        offset=offset,
        packed=pairs.get("CompressedData", "False").lower() in _TRUE,
    )
    limits.check_frames(header.planes, header.height, header.width, header.dtype.itemsize, where=path.name)
    return header


def _pairs(path: Path) -> tuple[dict[str, str], int]:
    """The keys and values of a header, and where it ends: ElementDataFile is the last key by definition."""
    pairs: dict[str, str] = {}
    end = 0
    with opened(path) as file:
        content = file.read(_MOST_HEADER_BYTES)
    if not content:
        raise InputError("EMPTY", "the file holds no bytes", "copy it again from its source", where=path.name)
    for line in content.splitlines(keepends=True):
        end += len(line)
        key, equals, value = line.decode("latin-1").partition("=")
        if not equals or key.strip() in pairs:
            break
        pairs[key.strip()] = value.strip()
        if key.strip() == "ElementDataFile":
            return pairs, end
    what = "the header has a line without '=', a key twice, or no ElementDataFile"
    raise InputError("CORRUPT", what, "copy it again from its source", where=path.name)


def _place(pairs: Mapping[str, str], path: Path, end: int) -> tuple[Path, int | None]:
    """The file of the voxels, which must lie beside the header, and where they begin in it."""
    name = pairs["ElementDataFile"]
    if name.upper() == "LOCAL":
        return path, end
    if not name or name in (".", "..") or any(mark in name for mark in '/\\:\0%*?"<>|') or name.upper() == "LIST":
        what = f"the voxels are said to lie in {name[:40]!r}"
        raise InputError("UNSUPPORTED", what, "keep one .raw file beside the header", where=path.name)
    skipped = int(_numbers(pairs, "HeaderSize", path, default="0")[0])
    return path.with_name(name), None if skipped == -1 else max(skipped, 0)


def _spacing(pairs: Mapping[str, str], path: Path) -> tuple[float, float]:
    """Height and width of a pixel, mm: ElementSpacing, or where it is missing ElementSize (both are x, y, z)."""
    name = "ElementSpacing" if "ElementSpacing" in pairs else "ElementSize"
    found = _numbers(pairs, name, path, default="1 1")
    if len(found) < 2 or not all(0 < size < 1000 for size in found[:2]):
        raise InputError("CORRUPT", "pixels without a size", "export it again", where=path.name)
    return found[1], found[0]


def _numbers(pairs: Mapping[str, str], key: str, path: Path, default: str = "") -> list[float]:
    try:
        numbers = [float(text) for text in pairs.get(key, default).split()]
    except ValueError:
        numbers = []
    if not numbers or not all(math.isfinite(number) for number in numbers):
        raise InputError("CORRUPT", f"{key} is missing or no numbers", "copy it again from its source", where=path.name)
    return numbers


def _read_voxels(path: Path, limits: Limits) -> np.ndarray:
    """All voxels, ``plane height width``, in the byte order of this machine."""
    header = read_header(path, limits)
    with opened(header.data) as file:
        stored = header.data.stat().st_size
        limits.check_bytes(stored, where=header.data.name)
        file.seek(max(0, stored - header.size) if header.offset is None else header.offset)
        content = _unpacked(file.read(), header, stored, limits) if header.packed else file.read(header.size)
    if len(content) < header.size:
        what = f"{len(content)} of {header.size} bytes are there"
        raise InputError("TRUNCATED", what, "copy the file again from its source", where=header.data.name)
    voxels = np.frombuffer(content, header.dtype).reshape(header.planes, header.height, header.width)
    return voxels.astype(header.dtype.newbyteorder("="))


def _unpacked(content: bytes, header: Header, stored: int, limits: Limits) -> bytes:
    """The voxels of a deflated file, no more of them than the header declares."""
    limits.check_ratio(stored, header.size, where=header.data.name)
    stream, where = zlib.decompressobj(), header.data.name
    try:
        voxels = stream.decompress(content, header.size)
        stream.decompress(stream.unconsumed_tail, 8)  # up to the checksum, which zlib compares at its end
    except zlib.error as error:
        raise InputError("CORRUPT", "the packed voxels are damaged", "copy it again", where=where) from error
    if not stream.eof:
        raise InputError("TRUNCATED", "the packed voxels end elsewhere than said", "copy it again", where=where)
    return voxels
