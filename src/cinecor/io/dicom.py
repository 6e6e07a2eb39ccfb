"""DICOM: ultrasound loops and stills, enhanced and classic cine MR. Read by pydicom with pylibjpeg's decoders."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cinecor.errors import InputError
from cinecor.io.dicom_geometry import read_geometry
from cinecor.io.dicom_header import Header, read_header, read_image
from cinecor.io.dicom_pixels import decode
from cinecor.io.dicom_seam import reading
from cinecor.io.dicom_series import Assembly, assemble, frames_of_slice
from cinecor.io.dicom_slices import SlicePicture, read_pictures
from cinecor.io.dicom_timing import read_times
from cinecor.io.dicom_writing import write_mr, write_ultrasound
from cinecor.io.limits import DEFAULT, Limits
from cinecor.records import Cine, Frames

__all__ = ["Assembly", "Instance", "assemble", "describe", "load", "read_instance", "write_mr", "write_ultrasound"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Instance:
    """What grouping needs to know of one file: whose it is, and its loop (ultrasound) or its pictures (MR)."""

    path: Path
    study: str
    """StudyInstanceUID; empty where the file has none."""
    patient: str | None
    order: tuple[int, int]
    """SeriesNumber and InstanceNumber."""
    cine: Cine | None
    pictures: tuple[SlicePicture, ...] = ()
    body: Mapping[str, float] = field(default_factory=dict)
    """``height_cm`` and ``weight_kg`` of the patient, where the file says them."""


def describe(path: Path, limits: Limits = DEFAULT) -> Cine:
    """One DICOM file as a cine, by its header alone.

    An MR file of several slices is described as it is stored, all frames in their order; ``read_instance`` and
    ``assemble`` make a cine of each slice.

    Raises:
        InputError: NOT_REGULAR_FILE, EMPTY, NOT_RECOGNISED, TRUNCATED, CORRUPT, UNSUPPORTED, NO_PIXELS, WRONG_MODALITY.
        LimitError: BYTES, PIXELS, FRAMES, RATIO, NESTING.
    """
    header = read_header(path, limits)
    with reading(path):
        if header.modality == "US":
            return _ultrasound(header)
        assembly = assemble(read_pictures(header))
    cines = assembly.cines
    if assembly.failures:
        raise assembly.failures[0][1]
    if len(cines) == 1:
        return cines[0]
    return Cine(
        source=path,
        modality="MR",
        frames=header.frames,
        height=header.height,
        width=header.width,
        spacing_mm=cines[0].spacing_mm,
        notes=(f"{len(cines)} slices in one file",),
    )


def read_instance(path: Path, limits: Limits = DEFAULT) -> Instance:
    """What is needed to group one file with others into studies, by its header alone.

    Raises:
        InputError, LimitError: as ``describe``.
    """
    header = read_header(path, limits)
    with reading(path):
        dataset = header.dataset
        return Instance(
            path=path,
            study=str(dataset.get("StudyInstanceUID") or ""),
            patient=str(dataset.get("PatientID") or "") or None,
            order=(int(dataset.get("SeriesNumber") or 0), int(dataset.get("InstanceNumber") or 0)),
            cine=_ultrasound(header) if header.modality == "US" else None,
            pictures=read_pictures(header) if header.modality == "MR" else (),
            body=_body(dataset),
        )


def _body(dataset: Any) -> dict[str, float]:
    """PatientSize (m) and PatientWeight (kg); a zero is how scanners say that nobody asked."""
    sizes = {"height_cm": ("PatientSize", 100.0), "weight_kg": ("PatientWeight", 1.0)}
    values = {name: (dataset.get(key), unit) for name, (key, unit) in sizes.items()}
    known = {name: value * unit for name, (value, unit) in values.items() if isinstance(value, float)}
    return {name: float(value) for name, value in known.items() if 0.0 < value < math.inf}


def load(cine: Cine, limits: Limits = DEFAULT, *, only: Sequence[int] | None = None) -> Frames:
    """Decode a cine of one DICOM file, of one slice of a multi-frame MR file, or of a file for each phase.

    Args:
        cine: what is to be read.
        limits: on its size.
        only: of a file that is one loop: these frames, in ascending order; no other is decoded.

    Returns:
        uint8 for ultrasound and colour, float32 for MR; one channel, or red, green and blue.

    Raises:
        InputError: as ``describe``; INCONSISTENT where the files of a slice differ in size, or a frame is not there.
        LimitError: as ``describe``.
    """
    if isinstance(cine.source, tuple):
        return _load_files(cine.source, limits)
    if isinstance(cine.source, Path):
        return _load_file(cine.source, cine.slice_index, limits, only)
    return cine.source


def _load_file(path: Path, slice_index: int | None, limits: Limits, only: Sequence[int] | None) -> Frames:
    header = read_image(path, limits)
    frames = decode(header, only if slice_index is None else None)
    if slice_index is None:
        return frames
    with reading(path):
        chosen = frames_of_slice(read_pictures(header), slice_index)
    return np.ascontiguousarray(frames[list(chosen)])


def _load_files(paths: tuple[Path, ...], limits: Limits) -> Frames:
    first = read_header(paths[0], limits)
    limits.check_frames(len(paths), first.height, first.width, first.pixel_bytes, where=paths[0].name)
    phases: list[Frames] = []
    for path in paths:
        frames = decode(read_image(path, limits))
        if len(frames) != 1:
            what = f"{len(frames)} frames, where one phase of a slice is one"
            raise InputError("INCONSISTENT", what, "give the files of one series", where=path.name)
        if phases and (frames.shape, frames.dtype) != (phases[0].shape, phases[0].dtype):
            what = f"{frames.shape[2]} × {frames.shape[3]} pixels, unlike the first phase of its slice"
            raise InputError("INCONSISTENT", what, "give the files of one series", where=path.name)
        phases.append(frames)
    return np.concatenate(phases)


def _ultrasound(header: Header) -> Cine:
    times_ms, timing_notes = read_times(header.dataset, header.frames)
    geometry = read_geometry(header.dataset, header.height, header.width)
    return Cine(
        source=header.path,
        modality="US",
        frames=header.frames,
        height=header.height,
        width=header.width,
        spacing_mm=geometry.spacing_mm,
        times_ms=times_ms,
        region=geometry.region,
        notes=(*timing_notes, *geometry.notes),
    )
