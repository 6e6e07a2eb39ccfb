"""Stored pixel data to frames: decoded by pydicom's plugins, their colours settled here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import cv2
import numpy as np
from jaxtyping import Float32, Shaped, UInt8

from cinecor.errors import InputError
from cinecor.io.dicom_codestream import Codestream, read_codestream
from cinecor.io.dicom_header import Header
from cinecor.io.dicom_seam import library, reading
from cinecor.records import Frames

_GREY = ("MONOCHROME1", "MONOCHROME2")
_LUMINANCE_CHROMINANCE = ("YBR_FULL", "YBR_FULL_422")
_RGB = ("RGB", "YBR_ICT", "YBR_RCT")  # JPEG 2000's own transforms have been undone by its decoder
_CHROMINANCE = np.array([[0.0, 1.402], [-0.114 * 1.772 / 0.587, -0.299 * 1.402 / 0.587], [1.772, 0.0]])
_FROM_YBR = np.column_stack([np.ones(3), _CHROMINANCE, -128.0 * _CHROMINANCE.sum(axis=1)]).astype(np.float32)
"""Luminance and chrominance to RGB, ISO/IEC 10918-5, section 7; the last column is added."""

Picture = Shaped[np.ndarray, "height width"] | Shaped[np.ndarray, "height width 3"]


def decode(header: Header, only: Sequence[int] | None = None) -> Frames:
    """All frames of an image that was read whole, or only some, in ascending order.

    Ultrasound and colour become uint8 (more bits are shifted down, a palette is applied, luminance and chrominance
    become RGB), MR becomes float32 with its rescale slope and intercept. MONOCHROME1 is turned so that white is high.

    Raises:
        InputError: TRUNCATED, CORRUPT, UNSUPPORTED, INCONSISTENT.
    """
    chosen = _chosen(header, only)
    with reading(header.path):
        height, width = header.height, header.width
        wide = header.modality == "MR" and header.samples == 1 and header.photometric in _GREY
        channels = 3 if header.samples == 3 or header.photometric == "PALETTE COLOR" else 1
        frames = np.empty((len(chosen), channels, height, width), np.float32 if wide else np.uint8)
        finish = _finisher(header, wide=wide)
        count = 0
        for picture, photometric in _pictures(header, chosen):
            finished = finish(picture, photometric)
            frames[count] = finished if finished.ndim == 2 else np.moveaxis(finished, -1, 0)
            count += 1
        if count < len(chosen):
            raise _too_few(header, count)
    return frames


def _chosen(header: Header, only: Sequence[int] | None) -> Sequence[int]:
    chosen = range(header.frames) if only is None else sorted(set(only))
    if chosen and not 0 <= chosen[0] <= chosen[-1] < header.frames:
        what = f"there is no frame {chosen[-1] if chosen[0] >= 0 else chosen[0]} among its {header.frames}"
        raise InputError("INCONSISTENT", what, "read the folder again", where=header.path.name)
    return chosen


def _pictures(header: Header, chosen: Sequence[int]) -> Iterator[tuple[Any, str]]:
    """Each decoded frame as stored, and the colours that it is really in."""
    pydicom = library()
    dataset = header.dataset
    syntax = dataset.file_meta.get("TransferSyntaxUID", pydicom.uid.ImplicitVRLittleEndian)
    decoder = pydicom.pixels.get_decoder(syntax)
    if header.samples == 3 and "PlanarConfiguration" not in dataset:
        dataset.PlanarConfiguration = 0
    dataset.PhotometricInterpretation = header.photometric
    codestreams = _codestreams(header, syntax) if header.encapsulated else [None] * header.frames
    plugin = "pylibjpeg" if header.encapsulated else ""
    decoded = decoder.iter_array(dataset, indices=chosen, raw=True, decoding_plugin=plugin)
    shown = (codestreams[index] for index in chosen)
    for (picture, properties), codestream in zip(islice(decoded, len(chosen)), shown, strict=False):
        stated = str(properties["photometric_interpretation"])
        yield picture, codestream.photometric(header.photometric) if codestream else stated


def _codestreams(header: Header, syntax: Any) -> list[Codestream | None]:
    """What each encoded frame says of itself, before a decoder allocates what it asks for."""
    pydicom = library()
    tables = header.dataset.get("ExtendedOffsetTable"), header.dataset.get("ExtendedOffsetTableLengths")
    encoded = pydicom.encaps.generate_frames(
        header.dataset.PixelData,
        number_of_frames=header.frames,
        extended_offsets=tables if all(table is not None for table in tables) else None,
    )
    found = [read_codestream(frame, str(syntax)) for frame in islice(encoded, header.frames)]
    if len(found) < header.frames:
        raise _too_few(header, len(found))
    for codestream in found:
        if codestream is not None and codestream.shape != (header.height, header.width, header.samples):
            height, width, samples = codestream.shape
            what = (
                f"the header says {header.height} × {header.width} × {header.samples}, "
                f"an encoded frame {height} × {width} × {samples}"
            )
            raise InputError("INCONSISTENT", what, where=header.path.name)
    return found


def _too_few(header: Header, count: int) -> InputError:
    what = f"{header.frames} frames are declared, and {count} are there"
    return InputError("TRUNCATED", what, "copy the file again from its source", where=header.path.name)


def _finisher(header: Header, *, wide: bool) -> Any:
    """How a decoded frame becomes a finished one; a palette is built once for all of them."""
    if header.photometric == "PALETTE COLOR":
        palette = _palette(header)
        return lambda picture, _: palette[_unsigned(picture, header)]
    if header.samples == 3:
        return lambda picture, photometric: _colour(_eight_bits(picture, header), photometric, header)
    if header.photometric not in _GREY:
        raise _unsupported(header, header.photometric)
    inverted = header.photometric == "MONOCHROME1"
    if wide:
        return lambda picture, _: _rescaled(picture, header, inverted=inverted)
    return lambda picture, _: _flipped(_eight_bits(picture, header), inverted=inverted)


def _unsupported(header: Header, photometric: str) -> InputError:
    shown = photometric if photometric.replace("_", "").isalnum() else "unknown"
    what = f"photometric interpretation {shown} with {header.samples} sample(s) a pixel"
    return InputError("UNSUPPORTED", what, "export it as RGB or MONOCHROME2", where=header.path.name)


def _unsigned(picture: Picture, header: Header) -> Shaped[np.ndarray, "*axes"]:
    """Stored values from 0 on: signed ones are moved up by half their range."""
    if not header.signed:
        return picture
    return (picture.astype(np.int64) + (1 << (header.bits_stored - 1))).astype(np.uint32)


def _eight_bits(picture: Picture, header: Header) -> UInt8[np.ndarray, "*axes"]:
    values = _unsigned(picture, header)
    shift = header.bits_stored - 8
    values = values >> shift if shift > 0 else values << -shift
    return values.astype(np.uint8)


def _flipped(values: UInt8[np.ndarray, "height width"], *, inverted: bool) -> UInt8[np.ndarray, "height width"]:
    return 255 - values if inverted else values


def _rescaled(picture: Picture, header: Header, *, inverted: bool) -> Float32[np.ndarray, "height width"]:
    values = picture.astype(np.float64)
    if inverted:
        values = (-1.0 if header.signed else float((1 << header.bits_stored) - 1)) - values
    slope, intercept = rescale(header)
    rescaled = (values * slope + intercept).astype(np.float32)
    if not np.isfinite(rescaled).all():
        raise InputError("CORRUPT", "the rescale slope makes infinite voxels", where=header.path.name)
    return rescaled


def rescale(header: Header) -> tuple[float, float]:
    """Slope and intercept that make stored values into voxels (1, 0 where none are given)."""
    slope, intercept = header.dataset.get("RescaleSlope"), header.dataset.get("RescaleIntercept")
    return 1.0 if slope in (None, "", 0) else float(slope), 0.0 if intercept in (None, "") else float(intercept)


def _colour(
    values: UInt8[np.ndarray, "height width 3"], photometric: str, header: Header
) -> UInt8[np.ndarray, "h w 3"]:
    if photometric in _RGB:
        return values
    if photometric in _LUMINANCE_CHROMINANCE:
        return _to_rgb(values)
    raise _unsupported(header, photometric)


def _to_rgb(values: UInt8[np.ndarray, "height width 3"]) -> UInt8[np.ndarray, "h w 3"]:
    """To the pixel what pydicom's ``convert_color_space`` makes of it, in a third of the time."""
    converted = cv2.transform(values.astype(np.float32), _FROM_YBR)
    np.rint(converted, out=converted)
    return np.clip(converted, 0, 255, out=converted).astype(np.uint8)


def _palette(header: Header) -> UInt8[np.ndarray, "entry 3"]:
    """Red, green and blue of every stored value."""
    pixels = library().pixels
    if header.samples != 1 or header.bits_stored > 16:
        raise _unsupported(header, header.photometric)
    values = np.arange(1 << header.bits_stored, dtype=np.uint16)
    table = np.asarray(pixels.apply_color_lut(values, header.dataset))[:, :3]
    if table.dtype != np.uint8 and table.max(initial=0) > 255:  # 16-bit entries; some writers store 8 bits in 16
        table = table >> 8
    return table.astype(np.uint8)
