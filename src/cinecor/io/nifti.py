"""NIfTI volumes: 3-D and 4-D, any real voxel type, plain or gzipped. Read by nibabel from bytes that were checked.

nibabel does not check the CRC of a gzip stream, and allocates what a header declares. So the header is compared with
the limits first, and the stream is read to its end, where gzip compares the CRC.

A voxel array (i, j, k) becomes frames of height j and width i, one cine for each k, for images and masks alike. Some
data sets put time where the slices stand: a cine without ``slice_index`` takes the planes for its frames.
"""

from __future__ import annotations

import gzip
import math
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from jaxtyping import Float32
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from nibabel.wrapstruct import WrapStructError

from cinecor import storage
from cinecor.errors import InputError
from cinecor.io.kinds import opened
from cinecor.io.limits import DEFAULT, Limits
from cinecor.records import Cine, Directions, Frames, Mask

KEPT = 2
"""Volumes kept in memory: an image and its mask."""

_CHUNK = 1 << 20
_MS = {"sec": 1000.0, "msec": 1.0, "usec": 0.001}
_ALONG = 0.999  # cosine from which on a direction is that of an axis
_HEADER_BYTES = 540  # NIfTI-2; NIfTI-1 has 348

Volume = Float32[np.ndarray, "i j k phase"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What the header declares."""

    columns: int
    rows: int
    slices: int
    phases: int
    spacing_mm: tuple[float, float]
    thickness_mm: float
    times_ms: tuple[float, ...] | None
    directions: Directions | None


def describe(path: Path, limits: Limits = DEFAULT) -> Cine:
    """The volume as one cine: its first slice; :func:`slice_cines` gives them all. Reads the header alone.

    Raises:
        InputError: EMPTY, NOT_REGULAR_FILE, NOT_RECOGNISED, CORRUPT, TRUNCATED, UNSUPPORTED.
        LimitError: the file asks for more than the limits allow.
    """
    return slice_cines(path, limits)[0]


def slice_cines(path: Path, limits: Limits = DEFAULT) -> tuple[Cine, ...]:
    """One cine for each slice (k) of a volume, in order. Reads the header alone.

    Raises:
        InputError, LimitError: as :func:`describe`.
    """
    shape = _shape(_read_header(path, limits), path)
    first = Cine(
        source=path,
        modality="MR",
        frames=shape.phases,
        height=shape.rows,
        width=shape.columns,
        spacing_mm=shape.spacing_mm,
        times_ms=shape.times_ms,
        thickness_mm=shape.thickness_mm,
        directions=shape.directions,
    )
    return tuple(
        replace(first, slice_index=index, position_mm=index * shape.thickness_mm) for index in range(shape.slices)
    )


def loop_cine(path: Path, limits: Limits = DEFAULT) -> Cine:
    """An ultrasound loop: the planes of a 2-D or 3-D file are its frames. Reads the header alone.

    Raises:
        InputError: as :func:`describe`; UNSUPPORTED for a volume of both slices and phases.
        LimitError: as :func:`describe`.
    """
    shape = _shape(_read_header(path, limits), path)
    if min(shape.slices, shape.phases) > 1:
        what = f"{shape.slices} slices at {shape.phases} times are no loop"
        raise InputError("UNSUPPORTED", what, "give a volume of one slice", where=path.name)
    return Cine(
        source=path,
        modality="US",
        frames=shape.slices * shape.phases,
        height=shape.rows,
        width=shape.columns,
        spacing_mm=shape.spacing_mm,
    )


def load(cine: Cine, limits: Limits = DEFAULT) -> Frames:
    """Frames of one slice: of a 4-D file, or of a 3-D file for each phase in the order given; or the planes of a loop.

    MRI is float32; an ultrasound loop is uint8 where its voxels are whole numbers from 0 to 255.

    Raises:
        InputError: as :func:`describe`; INCONSISTENT for a slice that a file does not have, or phases of other sizes.
        LimitError: as :func:`describe`.
    """
    if isinstance(cine.source, np.ndarray):
        return cine.source
    paths = cine.source if isinstance(cine.source, tuple) else (cine.source,)
    slices = [_frames(_read_volume(path, limits), cine.slice_index, path) for path in paths]
    if len({frames.shape[1:] for frames in slices}) > 1:
        raise InputError("INCONSISTENT", "the phases of one slice differ in size", where=paths[0].name)
    frames = np.concatenate(slices)
    return as_stored(frames) if cine.modality == "US" else frames


def as_stored(frames: Frames) -> Frames:
    """Ultrasound as uint8 where nothing is lost by it."""
    whole = frames.clip(0, 255).astype(np.uint8)
    return whole if np.array_equal(whole, frames) else frames


def load_mask(path: Path, slice_index: int, limits: Limits = DEFAULT) -> Mask:
    """Labels of one plane of a 2-D or 3-D mask.

    Raises:
        InputError: as :func:`load`; UNSUPPORTED where voxels are no labels 0 to 255.
        LimitError: as :func:`describe`.
    """
    frames = _slice(_read_volume(path, limits), slice_index, path)
    labels = frames[0, 0].astype(np.uint8)
    if len(frames) != 1 or not np.array_equal(labels, frames[0, 0]):
        raise InputError("UNSUPPORTED", "this is no mask: voxels are not single labels 0 to 255", where=path.name)
    return labels


def write(
    path: Path,
    voxels: np.ndarray,
    *,
    spacing_mm: tuple[float, float],
    thickness_mm: float,
    frame_ms: float | None = None,
) -> None:
    """Write ``height width``, ``slice height width`` or ``time slice height width`` as .nii or .nii.gz, by its name.

    Raises:
        StorageError: the folder cannot be written.
    """
    affine = np.diag([spacing_mm[1], spacing_mm[0], thickness_mm, 1.0])
    image = nib.Nifti1Image(voxels.transpose(tuple(reversed(range(voxels.ndim)))), affine)
    zooms = (spacing_mm[1], spacing_mm[0], thickness_mm, *([frame_ms or 0.0] * (voxels.ndim - 3)))
    image.header.set_zooms(zooms[: voxels.ndim])
    image.header.set_xyzt_units("mm", "msec")
    content = image.to_bytes()
    packed = gzip.compress(content, compresslevel=4, mtime=0) if path.name.endswith(".gz") else content
    storage.write_bytes(path, packed)


def _read_header(path: Path, limits: Limits) -> Any:
    """The header, its declared size within the limits and a voxel type that has numbers."""
    with opened(path) as file, _typed(path):
        start = file.read(2)
        file.seek(0)
        head = gzip.GzipFile(fileobj=file).read(_HEADER_BYTES) if start == b"\x1f\x8b" else file.read(_HEADER_BYTES)
        if head[344:347] == b"ni1" or head[4:7] == b"ni2":
            raise InputError("UNSUPPORTED", "a header apart from its image", "convert it to .nii", where=path.name)
        kind = nib.Nifti2Header if head[4:7] == b"n+2" else nib.Nifti1Header
        header = kind.from_fileobj(BytesIO(head), check=False)
        dtype = header.get_data_dtype()
    if dtype.kind not in "iuf":
        raise InputError("UNSUPPORTED", f"voxels of type {dtype}", "convert them to real numbers", where=path.name)
    shape = header.get_data_shape()
    if not 2 <= len(shape) <= 4 or min(shape) < 1:
        raise InputError("UNSUPPORTED", f"a volume of shape {shape}", "give a 3-D or 4-D volume", where=path.name)
    wide = (*shape, 1, 1)[:4]
    limits.check_bytes(path.stat().st_size, where=path.name)
    limits.check_frames(wide[2] * wide[3], wide[1], wide[0], dtype.itemsize, where=path.name)
    return header


def _read_volume(path: Path, limits: Limits) -> Volume:
    """All voxels, read-only. Slice by slice a volume is asked for again and again, so the last ones stay in memory."""
    state = path.stat() if path.is_file() else None
    return _decode(path, limits, None if state is None else (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=KEPT)
def _decode(path: Path, limits: Limits, _state: tuple[int, int] | None) -> Volume:
    header = _read_header(path, limits)
    declared = int(header.get_data_offset()) + math.prod(header.get_data_shape()) * header.get_data_dtype().itemsize
    with opened(path) as file, _typed(path):
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        content = _drain(gzip.GzipFile(fileobj=file), path, declared, limits) if zipped else file.read()
    if len(content) < declared:
        what = f"{len(content)} of {declared} bytes are there"
        raise InputError("TRUNCATED", what, "copy the file again from its source", where=path.name)
    with _typed(path):
        kind = nib.Nifti2Image if isinstance(header, nib.Nifti2Header) else nib.Nifti1Image
        voxels = np.asarray(kind.from_bytes(content).dataobj, dtype=np.float32)
    if not np.isfinite(voxels).all():
        raise InputError("CORRUPT", "voxels that are no finite numbers", "export the volume again", where=path.name)
    volume: Volume = voxels.reshape((*voxels.shape, 1, 1)[:4])
    volume.flags.writeable = False
    return volume


def _drain(stream: gzip.GzipFile, path: Path, declared: int, limits: Limits) -> bytes:
    """The declared bytes; what follows is read too, and thrown away, because the CRC stands at the end."""
    content, size = BytesIO(), 0
    while chunk := stream.read(_CHUNK):
        size += len(chunk)
        limits.check_decoded(size, where=path.name)
        limits.check_ratio(path.stat().st_size, size, where=path.name)
        if content.tell() < declared:
            content.write(chunk)
    return content.getvalue()


@contextmanager
def _typed(path: Path) -> Iterator[None]:
    """Every failure of gzip and nibabel as one of ours."""
    try:
        yield
    except EOFError as error:
        raise InputError("TRUNCATED", "the gzip stream ends early", "copy the file again", where=path.name) from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise InputError("CORRUPT", "the gzip stream is damaged", "copy the file again", where=path.name) from error
    except (HeaderDataError, ImageFileError) as error:
        raise InputError(
            "CORRUPT", "the NIfTI header is damaged", "export the volume again", where=path.name
        ) from error
    except (ValueError, TypeError, OverflowError, KeyError, WrapStructError) as error:
        raise InputError("CORRUPT", "the volume is damaged", "export the volume again", where=path.name) from error


def _shape(header: Any, path: Path) -> Shape:
    columns, rows, slices, phases = (*header.get_data_shape(), 1, 1)[:4]
    zooms = [float(zoom) for zoom in header.get_zooms()]
    if not all(math.isfinite(zoom) and zoom > 0 for zoom in zooms[:3]):
        raise InputError("CORRUPT", "voxels without a size", "export the volume again", where=path.name)
    thickness = zooms[2] if len(zooms) > 2 else 0.0
    return Shape(
        columns=columns,
        rows=rows,
        slices=slices,
        phases=phases,
        spacing_mm=(zooms[1], zooms[0]),
        thickness_mm=thickness,
        times_ms=_times(header, zooms, phases),
        directions=_directions(header),
    )


def _directions(header: Any) -> Directions | None:
    """How planes lie, where the header knows the patient: not where axes are the scanner's, as in ACDC's files.

    A plane across the long axis of a heart lies along no axis of the scanner, so that such a header was made up.
    """
    with _typed(Path("header")):
        across, down = (np.asarray(header.get_best_affine(), np.float64)[:3, :2] * [[-1.0], [-1.0], [1.0]]).T
    lengths = np.linalg.norm(across), np.linalg.norm(down)
    if not all(math.isfinite(length) and length > 0 for length in lengths):
        return None
    row, column = across / lengths[0], down / lengths[1]
    if min(np.abs(row).max(), np.abs(column).max()) > _ALONG:
        return None
    return (*map(float, row), *map(float, column))  # type: ignore[return-value]


def _times(header: Any, zooms: list[float], phases: int) -> tuple[float, ...] | None:
    """Time of each phase where the header says how long a step is, in a unit of time."""
    with _typed(Path("header")):
        unit = header.get_xyzt_units()[1]
    step = zooms[3] * _MS.get(unit, 0.0) if phases > 1 and len(zooms) > 3 else 0.0
    if not 0.0 < step < 10_000.0:
        return None
    return tuple(index * step for index in range(phases))


def _frames(volume: Volume, index: int | None, path: Path) -> Frames:
    """A slice over time, or all planes where no slice is named."""
    if index is not None:
        return _slice(volume, index, path)
    if min(volume.shape[2:]) > 1:
        raise InputError("INCONSISTENT", "a loop was expected, the file holds slices at several times", where=path.name)
    planes: Frames = np.ascontiguousarray(volume.reshape((*volume.shape[:2], -1)).transpose(2, 1, 0)[:, None])
    return planes


def _slice(volume: Volume, index: int, path: Path) -> Frames:
    if not 0 <= index < volume.shape[2]:
        what = f"there is no slice {index} among its {volume.shape[2]}"
        raise InputError("INCONSISTENT", what, "give the files of one stack", where=path.name)
    return np.ascontiguousarray(volume[:, :, index, :].transpose(2, 1, 0)[:, None])
