"""The part of a DICOM file before its pixels: read with bounds, checked, and boiled down to what cinecor needs."""

from __future__ import annotations

import io
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from cinecor.errors import InputError, LimitError
from cinecor.io.dicom_seam import library, reading
from cinecor.io.kinds import opened
from cinecor.io.limits import DEFAULT, Limits
from cinecor.records import Modality

DEFLATED = "1.2.840.10008.1.2.1.99"
UNDEFINED_LENGTH = 0xFFFFFFFF
MAX_READS = 2_000_000  # pieces of a header; an enhanced MR of 1,000 frames has some 100,000
MAX_VALUE = 16 * 1024 * 1024  # bytes of one header value; a longer one (private raw data) stays on the disk

_PIXEL_TAGS = (0x7FE00010, 0x7FE00009, 0x7FE00008)
_IMAGE = """Rows Columns NumberOfFrames SamplesPerPixel PhotometricInterpretation PlanarConfiguration BitsAllocated
BitsStored HighBit PixelRepresentation RescaleSlope RescaleIntercept ExtendedOffsetTable ExtendedOffsetTableLengths
RedPaletteColorLookupTableDescriptor GreenPaletteColorLookupTableDescriptor BluePaletteColorLookupTableDescriptor
RedPaletteColorLookupTableData GreenPaletteColorLookupTableData BluePaletteColorLookupTableData
SegmentedRedPaletteColorLookupTableData SegmentedGreenPaletteColorLookupTableData
SegmentedBluePaletteColorLookupTableData"""
_OTHER = """SOPClassUID SOPInstanceUID StudyInstanceUID SeriesInstanceUID Modality ImageType PatientID PatientSize
PatientWeight InstanceNumber SeriesNumber FrameTime FrameTimeVector CineRate RecommendedDisplayFrameRate
SequenceOfUltrasoundRegions PixelSpacing ImagerPixelSpacing UltrasoundColorDataPresent ImagePositionPatient
ImageOrientationPatient SliceThickness SpacingBetweenSlices TriggerTime NominalInterval CardiacNumberOfImages
TemporalPositionIdentifier FrameOfReferenceUID ViewCodeSequence SharedFunctionalGroupsSequence
PerFrameFunctionalGroupsSequence"""

# PS3.4 B.5: storage classes, where the modality is not enough.
ULTRASOUND_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.3": "Ultrasound Multi-frame (retired)",
    "1.2.840.10008.5.1.4.1.1.3.1": "Ultrasound Multi-frame",
    "1.2.840.10008.5.1.4.1.1.6": "Ultrasound (retired)",
    "1.2.840.10008.5.1.4.1.1.6.1": "Ultrasound",
}
ULTRASOUND_VOLUME = "1.2.840.10008.5.1.4.1.1.6.2"
MR_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.4.1": "Enhanced MR",
    "1.2.840.10008.5.1.4.1.1.4.4": "Legacy Converted Enhanced MR",
}


@dataclass(frozen=True, kw_only=True, eq=False)
class Header:
    """What a DICOM image says of itself. ``dataset`` is pydicom's; it stays inside ``io``."""

    path: Path
    dataset: Any
    modality: Modality
    frames: int
    height: int
    width: int
    samples: int
    bits_allocated: int
    bits_stored: int
    signed: bool
    photometric: str
    encapsulated: bool

    @property
    def pixel_bytes(self) -> int:
        """Bytes of one decoded pixel: uint8 samples for ultrasound and colour, float32 for MR."""
        if self.photometric == "PALETTE COLOR":
            return 3
        return self.samples if self.modality == "US" or self.samples > 1 else 4


def read_header(path: Path, limits: Limits = DEFAULT) -> Header:
    """Read a DICOM file up to its pixels, and refuse what could not be loaded.

    Raises:
        InputError: NOT_REGULAR_FILE, EMPTY, NOT_RECOGNISED, TRUNCATED, CORRUPT, UNSUPPORTED, NO_PIXELS, WRONG_MODALITY.
        LimitError: BYTES, PIXELS, FRAMES, RATIO, NESTING.
    """
    return _read(path, limits, pixels=False)


def read_image(path: Path, limits: Limits = DEFAULT) -> Header:
    """Read a DICOM file whole; ``dataset.PixelData`` are the stored bytes.

    Raises:
        InputError, LimitError: as ``read_header``.
    """
    return _read(path, limits, pixels=True)


def _read(path: Path, limits: Limits, *, pixels: bool) -> Header:
    pydicom = library()
    with opened(path) as file, reading(path):
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise InputError("EMPTY", "the file holds no bytes", "copy it again from its source", where=path.name)
        limits.check_bytes(size, where=path.name)
        stream = _Bounded(_inflated(path, file, limits) or file, path.name)
        tags = [*_IMAGE.split(), *_OTHER.split(), *(_PIXEL_TAGS if pixels else ())]
        has_preamble = _has_preamble(file)
        defer = None if pixels else MAX_VALUE
        dataset = pydicom.dcmread(
            stream, defer_size=defer, stop_before_pixels=not pixels, force=not has_preamble, specific_tags=tags
        )
        if not has_preamble and not len(dataset):
            raise InputError("NOT_RECOGNISED", "not a DICOM file", "give a DICOM file", where=path.name)
        if pixels:
            stored = len(dataset.PixelData) if "PixelData" in dataset else None
        else:
            stored = _stored_pixels(stream, dataset, path.name)
        header = _checked(path, dataset, limits)
        _check_stored(header, stored)
        return header


def _has_preamble(file: BinaryIO) -> bool:
    file.seek(0)
    start = file.read(132)
    file.seek(0)
    return start[128:] == b"DICM"


class _Bounded(io.BufferedIOBase):
    """A stream that never allocates past its end, whatever length an element claims, and is not read without end."""

    def __init__(self, stream: BinaryIO | io.BytesIO, name: str) -> None:
        self._stream, self._where, self._reads = stream, name, 0
        self._size = stream.seek(0, os.SEEK_END)
        stream.seek(0)

    def read(self, size: int | None = -1, /) -> bytes:
        self._reads += 1
        if self._reads > MAX_READS:
            what = f"the header is made of more than {MAX_READS} pieces"
            raise LimitError("NESTING", what, "copy the file again from its source", where=self._where)
        left = max(self._size - self._stream.tell(), 0)
        return self._stream.read(left if size is None or size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        return self._stream.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _inflated(path: Path, file: BinaryIO, limits: Limits) -> io.BytesIO | None:
    """A deflated file as if it had never been deflated, None for any other; pydicom would inflate without bounds."""
    pydicom = library()
    if not _has_preamble(file):
        return None
    meta = pydicom.filereader.read_file_meta_info(os.fspath(path))
    if meta.get("TransferSyntaxUID") != DEFLATED:
        return None
    if "FileMetaInformationGroupLength" not in meta:
        raise InputError("CORRUPT", "the length of the file meta information is missing", where=path.name)
    # Preamble 128, "DICM" 4, the group length element itself 12 bytes (PS3.10 section 7.1).
    file.seek(144 + int(meta.FileMetaInformationGroupLength))
    content = _inflate(file.read(), limits, path.name)
    meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    plain = io.BytesIO()
    plain.write(b"\0" * 128 + b"DICM")
    pydicom.filewriter.write_file_meta_info(plain, meta, enforce_standard=False)
    plain.write(content)
    plain.seek(0)
    return plain


def _inflate(packed: bytes, limits: Limits, name: str) -> bytes:
    engine = zlib.decompressobj(-zlib.MAX_WBITS)
    pieces: list[bytes] = []
    size, rest = 0, packed
    while not engine.eof:
        piece = engine.decompress(rest, 1 << 20)
        if not piece and not engine.unconsumed_tail and not engine.eof:
            again = "copy the file again from its source"
            raise InputError("TRUNCATED", "the deflated data end too early", again, where=name)
        pieces.append(piece)
        size += len(piece)
        rest = engine.unconsumed_tail
        limits.check_ratio(len(packed), size, where=name)
        limits.check_decoded(size, where=name)
    return b"".join(pieces)


def _stored_pixels(stream: _Bounded, dataset: Any, name: str) -> int | None:
    """Bytes of the pixel data element that begins where the header ended; None where nothing more comes.

    Raises:
        InputError: TRUNCATED where the file is shorter than the element says.
    """
    implicit, little = dataset.original_encoding
    order = "little" if little else "big"
    start = stream.read(12)
    if len(start) < 8 + (0 if implicit else 4):
        return None
    length = int.from_bytes(start[4:8] if implicit else start[8:12], order)  # type: ignore[arg-type]
    here = stream.tell() - (4 if implicit else 0)
    left = stream.seek(0, os.SEEK_END) - here
    if length == UNDEFINED_LENGTH:
        return left
    if length > left:
        what = f"the pixel data should be {length} bytes, and {left} are there"
        raise InputError("TRUNCATED", what, "copy the file again from its source", where=name)
    return length


def _checked(path: Path, dataset: Any, limits: Limits) -> Header:
    name = path.name
    sop_class = str(dataset.get("SOPClassUID", ""))
    rows = dataset.get("Rows")
    if rows is None or dataset.get("Columns") is None:
        _no_image(sop_class, name)
    modality = _modality(dataset, sop_class, name)
    samples = int(dataset.get("SamplesPerPixel") or 1)
    _check_syntax(dataset, name)
    header = Header(
        path=path,
        dataset=dataset,
        modality=modality,
        frames=_frames(dataset, name),
        height=int(dataset.Rows or 0),
        width=int(dataset.Columns or 0),
        samples=samples,
        bits_allocated=int(dataset.get("BitsAllocated") or 0),
        bits_stored=int(dataset.get("BitsStored") or dataset.get("BitsAllocated") or 0),
        signed=bool(dataset.get("PixelRepresentation") or 0),
        photometric=str(dataset.get("PhotometricInterpretation") or ("RGB" if samples == 3 else "MONOCHROME2")),
        encapsulated=dataset.file_meta.get("TransferSyntaxUID", library().uid.ImplicitVRLittleEndian).is_compressed,
    )
    if min(header.height, header.width) < 1:
        raise InputError("CORRUPT", f"an image of {header.height} × {header.width} pixels", where=name)
    limits.check_frames(header.frames, header.height, header.width, header.pixel_bytes, where=name)
    _check_encoding(header)
    return header


def _no_image(sop_class: str, name: str) -> None:
    if sop_class in ULTRASOUND_CLASSES or sop_class in MR_CLASSES:
        again = "copy the file again from its source"
        raise InputError("TRUNCATED", "an image file without an image", again, where=name)
    what = "a DICOM object without an image (a report, a document, waveforms …)"
    raise InputError("NO_PIXELS", what, "give the files that hold images", where=name)


def _modality(dataset: Any, sop_class: str, name: str) -> Modality:
    stated = str(dataset.get("Modality") or "")
    if sop_class == ULTRASOUND_VOLUME:
        raise InputError(
            "UNSUPPORTED", "a three-dimensional ultrasound volume", "give two-dimensional loops", where=name
        )
    if stated == "US" or (not stated and sop_class in ULTRASOUND_CLASSES):
        return "US"
    if stated == "MR" or (not stated and sop_class in MR_CLASSES):
        return "MR"
    shown = stated if stated.isalnum() and len(stated) <= 16 else "unknown"
    raise InputError("WRONG_MODALITY", f"modality {shown}, not US or MR", "give ultrasound or cine MR", where=name)


def _frames(dataset: Any, name: str) -> int:
    stated = dataset.get("NumberOfFrames")
    if stated is None or stated == "":
        return 1
    count = int(stated)
    if count < 1:
        raise InputError("CORRUPT", f"{count} frames are declared", where=name)
    return count


def _check_syntax(dataset: Any, name: str) -> None:
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if syntax is not None and not _decodable(syntax):
        shown = syntax.name if syntax.name != str(syntax) else "private"
        cure = "export it uncompressed, or as a video file"
        raise InputError("UNSUPPORTED", f"transfer syntax {shown}", cure, where=name)


def _check_encoding(header: Header) -> None:
    name = header.path.name
    if header.samples not in (1, 3) or header.bits_allocated not in (8, 16, 32) or header.bits_stored < 1:
        what = f"{header.samples} samples of {header.bits_allocated} bits a pixel"
        raise InputError("UNSUPPORTED", what, "export it with 1 or 3 samples of 8 or 16 bits", where=name)
    if header.bits_stored > header.bits_allocated:
        what = f"{header.bits_stored} bits stored in {header.bits_allocated}"
        raise InputError("CORRUPT", what, where=name)


def _decodable(syntax: Any) -> bool:
    try:
        return bool(library().pixels.get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _check_stored(header: Header, stored: int | None) -> None:
    again = "copy the file again from its source"
    if stored is None:
        raise InputError("TRUNCATED", "the header promises pixels, and none follow", again, where=header.path.name)
    if header.encapsulated:
        return
    samples = 2 if header.photometric == "YBR_FULL_422" else header.samples
    needed = header.frames * header.height * header.width * samples * (header.bits_allocated // 8)
    if stored < needed:
        what = f"{header.frames} frames take {needed} bytes, and {stored} are there"
        raise InputError("TRUNCATED", what, again, where=header.path.name)
