"""Frames to valid DICOM: Ultrasound (Multi-frame) Image objects, and classic MR series."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
from jaxtyping import Num, UInt8, UInt16

from cinecor.errors import ConfigError, InputError
from cinecor.io.dicom_geometry import CENTIMETRES, MM_IN_CM, TISSUE, TWO_DIMENSIONAL, Box, Spacing
from cinecor.io.dicom_seam import library
from cinecor.records import Cine, Frames
from cinecor.storage import make_folder, replacing

Syntax: TypeAlias = Literal["explicit", "rle", "jpeg"]
"""Uncompressed explicit little endian, RLE lossless, JPEG baseline (lossy)."""

JPEG_QUALITY = 95  # of 100, cv2's scale
_UINT16 = 65535
# What the standard wants to be there, though it may be empty.
_EMPTY = """PatientName PatientBirthDate PatientSex StudyDate StudyTime StudyID AccessionNumber ReferringPhysicianName
Manufacturer Laterality"""


def write_ultrasound(
    path: Path,
    frames: UInt8[np.ndarray, "time channel height width"],
    *,
    frame_ms: float | None,
    spacing_mm: Spacing | None = None,
    region: Box | None = None,
    patient_id: str = "",
    study_uid: str | None = None,
    series_uid: str | None = None,
    instance_number: int = 1,
    syntax: Syntax = "explicit",
    seed: str | None = None,
) -> None:
    """Write a loop as an Ultrasound Multi-frame Image, one frame as an Ultrasound Image (DICOM PS3.3 A.6, A.7).

    Args:
        path: the file; whatever stood there is replaced when the new one is whole.
        frames: 1 channel (MONOCHROME2) or 3 (RGB).
        frame_ms: time between frames, ms; None writes none.
        spacing_mm: height and width of a pixel, mm.
        region: left, top, right, bottom of the tissue (right and bottom excluded), pixels; the whole image where None.
        patient_id: PatientID.
        study_uid: StudyInstanceUID; made where None.
        series_uid: SeriesInstanceUID; made where None.
        instance_number: InstanceNumber.
        syntax: how the pixels are stored.
        seed: makes the UIDs that are not given a function of it and of ``instance_number``.

    Raises:
        ConfigError: MISSING_EXTRA, OUT_OF_RANGE for a spacing, region or frame time that means nothing.
        StorageError: the file cannot be written.
    """
    _check(frames, frame_ms, spacing_mm, region)
    time, channels, height, width = frames.shape
    uid = library().uid
    multi = time > 1
    sop_class = uid.UltrasoundMultiFrameImageStorage if multi else uid.UltrasoundImageStorage
    dataset = _dataset(sop_class, "US", patient_id, seed, study_uid, series_uid, instance_number)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "", "0001"]
    _set_grid(dataset, height, width, channels, bits=8)
    if multi:
        dataset.NumberOfFrames = time
        dataset.StartTrim, dataset.StopTrim = 1, time
        if frame_ms is not None:
            dataset.FrameIncrementPointer = 0x00181063
            dataset.FrameTime = _decimal(frame_ms)
    if spacing_mm is not None or region is not None:
        dataset.SequenceOfUltrasoundRegions = [_region(region or (0, 0, width, height), spacing_mm)]
    _set_pixels(dataset, np.ascontiguousarray(np.moveaxis(frames, 1, -1)), syntax)
    _save(dataset, path)


def write_mr(
    folder: Path,
    cines: Sequence[tuple[Cine, Frames]],
    *,
    patient_id: str = "",
    study_uid: str | None = None,
    series_uid: str | None = None,
    seed: str | None = None,
) -> tuple[Path, ...]:
    """Write slices as one classic MR series (DICOM PS3.3 A.4): a file for each phase of each slice.

    Slices lie in planes of constant z at their ``position_mm`` (slice after slice 10 mm apart where it is None). Whole
    voxels from 0 to 65535 are stored as they are, others by a rescale slope and intercept of the whole series.

    Args:
        folder: where ``slice-SS-phase-PP.dcm`` files go; it is made where it is missing.
        cines: each slice and its frames of one channel.
        patient_id: PatientID.
        study_uid: StudyInstanceUID; made where None.
        series_uid: SeriesInstanceUID; made where None.
        seed: makes the UIDs that are not given a function of it.

    Returns:
        The files, slice by slice, in the order of time.

    Raises:
        ConfigError: MISSING_EXTRA.
        InputError: UNSUPPORTED for frames of several channels, CORRUPT for voxels that are not finite.
        StorageError: a file cannot be written.
    """
    make_folder(folder)
    slope, intercept = _packing([frames for _, frames in cines])
    study_uid = study_uid or _uid(seed, "study")
    series_uid = series_uid or _uid(seed, "series")
    paths: list[Path] = []
    for index, (cine, frames) in enumerate(cines):
        for phase in range(len(frames)):
            number = len(paths) + 1
            dataset = _dataset(library().uid.MRImageStorage, "MR", patient_id, seed, study_uid, series_uid, number)
            _set_mr(dataset, cine, index, phase)
            stored = _pack(frames[phase, 0], slope, intercept)
            dataset.RescaleSlope, dataset.RescaleIntercept = _decimal(slope), _decimal(intercept)
            dataset.RescaleType = "US"
            _set_grid(dataset, *stored.shape, 1, bits=16)
            _set_pixels(dataset, stored[np.newaxis, :, :, np.newaxis], "explicit")
            path = folder / f"slice-{index:02d}-phase-{phase:02d}.dcm"
            _save(dataset, path)
            paths.append(path)
    return tuple(paths)


def _check(frames: Frames, frame_ms: float | None, spacing_mm: Spacing | None, region: Box | None) -> None:
    time, channels, height, width = frames.shape
    if time < 1 or channels not in (1, 3):
        raise ConfigError(
            "OUT_OF_RANGE", f"{time} frames of {channels} channels", "give 1 or 3 channels", where="frames"
        )
    if frame_ms is not None and not 0 < frame_ms < math.inf:
        raise ConfigError("OUT_OF_RANGE", f"{frame_ms} is no time step", "give ms above 0", where="frame_ms")
    if spacing_mm is not None and not all(0 < value < math.inf for value in spacing_mm):
        raise ConfigError("OUT_OF_RANGE", f"{spacing_mm} is no pixel size", "give mm above 0", where="spacing_mm")
    if region is not None:
        left, top, right, bottom = region
        if not (0 <= left < right <= width and 0 <= top < bottom <= height):
            raise ConfigError("OUT_OF_RANGE", f"{region} is not inside {width} × {height}", where="region")


def _dataset(
    sop_class: str,
    modality: str,
    patient_id: str,
    seed: str | None,
    study_uid: str | None,
    series_uid: str | None,
    instance_number: int,
) -> Any:
    """The modules that every image has: patient, study, series, equipment, SOP common."""
    pydicom = library()
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = _uid(seed, "instance", str(series_uid), str(instance_number))
    dataset.StudyInstanceUID = study_uid or _uid(seed, "study")
    dataset.SeriesInstanceUID = series_uid or _uid(seed, "series")
    dataset.Modality = modality
    dataset.PatientID = patient_id
    for keyword in _EMPTY.split():
        setattr(dataset, keyword, "")
    dataset.PatientOrientation = None
    dataset.SeriesNumber, dataset.InstanceNumber = 1, instance_number
    return dataset


def _uid(seed: str | None, *parts: str) -> str:
    sources = None if seed is None else [seed, *parts]
    return str(library().uid.generate_uid(entropy_srcs=sources))


def _set_grid(dataset: Any, height: int, width: int, channels: int, *, bits: int) -> None:
    dataset.Rows, dataset.Columns = height, width
    dataset.SamplesPerPixel = channels
    dataset.PhotometricInterpretation = "RGB" if channels == 3 else "MONOCHROME2"
    if channels == 3:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = bits
    dataset.HighBit = bits - 1
    dataset.PixelRepresentation = 0


def _region(region: Box, spacing_mm: Spacing | None) -> Any:
    """One tissue region (PS3.3 C.8.5.5); its last column and row belong to it."""
    item = library().Dataset()
    left, top, right, bottom = region
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = TWO_DIMENSIONAL, TISSUE, 0
    item.RegionLocationMinX0, item.RegionLocationMinY0 = left, top
    item.RegionLocationMaxX1, item.RegionLocationMaxY1 = right - 1, bottom - 1
    units = CENTIMETRES if spacing_mm is not None else 0
    item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = units
    row, column = spacing_mm or (0.0, 0.0)
    item.PhysicalDeltaX, item.PhysicalDeltaY = column / MM_IN_CM, row / MM_IN_CM
    return item


def _set_pixels(dataset: Any, pictures: Num[np.ndarray, "time height width channel"], syntax: Syntax) -> None:
    pydicom = library()
    if syntax == "jpeg":
        _set_jpeg(dataset, pictures)
        return
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    content = pictures.astype(f"<u{pictures.dtype.itemsize}").tobytes()
    dataset.PixelData = content + b"\0" * (len(content) % 2)
    dataset["PixelData"].VR = "OB" if dataset.BitsAllocated == 8 else "OW"
    if syntax == "rle":
        dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)


def _set_jpeg(dataset: Any, pictures: UInt8[np.ndarray, "time height width channel"]) -> None:
    """JPEG baseline, its chrominance halved along rows: what DICOM calls YBR_FULL_422."""
    pydicom = library()
    colour = pictures.shape[-1] == 3
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    if colour:
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422]
        dataset.PhotometricInterpretation = "YBR_FULL_422"
    encoded = []
    for picture in pictures:
        _, buffer = cv2.imencode(".jpg", picture[:, :, ::-1] if colour else picture, options)
        encoded.append(buffer.tobytes())
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.JPEGBaseline8Bit
    dataset.PixelData = pydicom.encaps.encapsulate(encoded)
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = _decimal(pictures.size / sum(len(frame) for frame in encoded))
    dataset.LossyImageCompressionMethod = "ISO_10918_1"


def _set_mr(dataset: Any, cine: Cine, index: int, phase: int) -> None:
    position = cine.position_mm if cine.position_mm is not None else index * 10.0
    row, column = cine.spacing_mm or (1.0, 1.0)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
    dataset.ScanningSequence, dataset.SequenceVariant = "GR", "SS"
    dataset.ScanOptions, dataset.MRAcquisitionType = "", "2D"
    dataset.EchoTime = dataset.RepetitionTime = dataset.EchoTrainLength = None
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = _uid(str(dataset.SeriesInstanceUID), "frame"), ""
    dataset.PixelSpacing = [_decimal(row), _decimal(column)]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.ImagePositionPatient = [0, 0, _decimal(position)]
    dataset.SliceThickness = "" if cine.thickness_mm is None else _decimal(cine.thickness_mm)
    if cine.thickness_mm is not None:
        dataset.SpacingBetweenSlices = _decimal(cine.thickness_mm)
    if cine.times_ms is not None:
        dataset.TriggerTime = _decimal(cine.times_ms[phase])
    dataset.CardiacNumberOfImages = cine.frames
    dataset.TemporalPositionIdentifier = phase + 1


def _packing(stack: Sequence[Frames]) -> tuple[float, float]:
    """Slope and intercept that make all voxels fit 16 bits."""
    for frames in stack:
        if frames.shape[1] != 1:
            raise InputError("UNSUPPORTED", f"MR frames of {frames.shape[1]} channels", "give one channel")
        if not np.isfinite(frames).all():
            raise InputError("CORRUPT", "voxels that are not finite", "replace them")
    low = min((float(frames.min()) for frames in stack), default=0.0)
    high = max((float(frames.max()) for frames in stack), default=0.0)
    whole = all(bool(np.all(frames == np.round(frames))) for frames in stack)
    if whole and low >= 0 and high <= _UINT16:
        return 1.0, 0.0
    return float(_decimal((high - low) / _UINT16 or 1.0)), float(_decimal(low))


def _pack(
    picture: Num[np.ndarray, "height width"], slope: float, intercept: float
) -> UInt16[np.ndarray, "height width"]:
    stored = np.round((picture.astype(np.float64) - intercept) / slope)
    return np.clip(stored, 0, _UINT16).astype(np.uint16)


def _decimal(value: float) -> str:
    """A decimal string of at most 16 characters (PS3.5 section 6.2)."""
    return str(library().valuerep.format_number_as_ds(float(value)))


def _save(dataset: Any, path: Path) -> None:
    buffer = io.BytesIO()
    library().dcmwrite(buffer, dataset, enforce_file_format=True)
    with replacing(path) as stream:
        stream.write(buffer.getbuffer())
