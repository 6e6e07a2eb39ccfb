"""DICOM files made by pydicom and Pillow alone: the oracle that cinecor's reader is held against."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

US_MULTI_FRAME = "1.2.840.10008.5.1.4.1.1.3.1"
MR = "1.2.840.10008.5.1.4.1.1.4"
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def smooth(count: int, height: int, width: int) -> np.ndarray:
    """Frames of slow colour ramps, which lossy codecs keep nearly whole: time height width 3."""
    t, y, x = np.meshgrid(np.arange(count), np.arange(height), np.arange(width), indexing="ij")
    channels = [40 + 4 * x + t, 200 - 3 * y, 90 + 2 * (x + y) - t]
    return np.clip(np.stack(channels, axis=-1), 0, 255).astype(np.uint8)


def image(pixels: np.ndarray, *, modality: str = "US", **attributes: Any) -> Dataset:
    """An uncompressed image of ``time height width`` or ``time height width 3`` stored values."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = US_MULTI_FRAME if modality == "US" else MR
    dataset.SOPInstanceUID = generate_uid()
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    dataset.Modality = modality
    dataset.NumberOfFrames, dataset.Rows, dataset.Columns = pixels.shape[:3]
    dataset.SamplesPerPixel = 3 if pixels.ndim == 4 else 1
    dataset.PhotometricInterpretation = "RGB" if pixels.ndim == 4 else "MONOCHROME2"
    if pixels.ndim == 4:
        dataset.PlanarConfiguration = 0
    bits = 8 * pixels.dtype.itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(pixels.dtype.kind == "i")
    dataset.PixelData = _even(pixels.tobytes())
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    return put(dataset, **attributes)


def put(dataset: Dataset, **attributes: Any) -> Dataset:
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def item(**attributes: Any) -> Dataset:
    return put(Dataset(), **attributes)


def save(dataset: Dataset, path: Path) -> Path:
    with io.BytesIO() as buffer:
        private = (
            {"implicit_vr": False, "little_endian": True} if dataset.file_meta.TransferSyntaxUID.is_private else {}
        )
        pydicom.dcmwrite(buffer, dataset, enforce_file_format=True, **private)
        path.write_bytes(buffer.getvalue())
    return path


def big_endian(pixels: np.ndarray, **attributes: Any) -> Dataset:
    dataset = image(pixels, **attributes)
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    dataset.PixelData = _even(pixels.astype(pixels.dtype.newbyteorder(">")).tobytes())
    dataset["PixelData"].VR = "OB" if pixels.dtype.itemsize == 1 else "OW"
    return dataset


def jpeg_frames(pixels: np.ndarray, **options: Any) -> list[bytes]:
    """Each frame as Pillow's baseline JPEG."""
    frames = []
    for picture in pixels:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "JPEG", quality=97, **options)
        frames.append(buffer.getvalue())
    return frames


def pillow_pixels(frames: Sequence[bytes]) -> np.ndarray:
    """What Pillow sees in the encoded frames, as RGB."""
    return np.stack([np.asarray(Image.open(io.BytesIO(frame)).convert("RGB")) for frame in frames])


def encapsulated(
    pixels: np.ndarray, frames: Sequence[bytes], syntax: str = JPEGBaseline8Bit, **attributes: Any
) -> Dataset:
    """An image whose frames are encoded already."""
    dataset = image(pixels, **attributes)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(list(frames))
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    return dataset


def jpeg_lossless(picture: np.ndarray) -> bytes:
    """A grey picture as lossless JPEG (ITU T.81 annex H), predicted from the left, every category a code of 5 bits."""
    height, width = picture.shape
    bits = 8 * picture.dtype.itemsize
    values = picture.astype(int)
    predicted = np.empty_like(values)
    predicted[:, 1:] = values[:, :-1]
    predicted[1:, 0] = values[:-1, 0]
    predicted[0, 0] = 1 << (bits - 1)
    code = ""
    for difference in (values - predicted).ravel().tolist():
        wrapped = (difference + 32768) % 65536 - 32768
        category = abs(wrapped).bit_length()
        code += f"{category:05b}"
        if 0 < category < 16:
            code += f"{wrapped if wrapped > 0 else wrapped + (1 << category) - 1:0{category}b}"
    code += "1" * (-len(code) % 8)
    scan = bytes(int(code[at : at + 8], 2) for at in range(0, len(code), 8)).replace(b"\xff", b"\xff\x00")
    frame_start = bytes([bits, *divmod(height, 256), *divmod(width, 256), 1, 1, 0x11, 0])
    table = bytes([0, 0, 0, 0, 0, 17, *[0] * 11, *range(17)])
    segments = ((0xC3, frame_start), (0xC4, table), (0xDA, bytes([1, 1, 0, 1, 0, 0])))
    heads = b"".join(bytes([0xFF, marker, 0, len(content) + 2]) + content for marker, content in segments)
    return b"\xff\xd8" + heads + scan + b"\xff\xd9"


def without_jfif(frame: bytes) -> bytes:
    """A JPEG whose APP0 mark, the first segment, is cut away, as ultrasound machines write."""
    assert frame[2:4] == b"\xff\xe0"
    return frame[:2] + frame[4 + int.from_bytes(frame[4:6], "big") :]


def planes(pixels: np.ndarray) -> np.ndarray:
    """``time height width 3`` as it is stored with planar configuration 1."""
    return np.ascontiguousarray(np.moveaxis(pixels, -1, 1))


def channels_first(pixels: np.ndarray) -> np.ndarray:
    """``time height width [3]`` as cinecor gives frames: ``time channel height width``."""
    return np.moveaxis(pixels, -1, 1) if pixels.ndim == 4 else pixels[:, None]


def mr_picture(pixels: np.ndarray, *, z: float, trigger: float | None, **attributes: Any) -> Dataset:
    """One classic MR picture in a plane of constant z."""
    dataset = image(pixels[np.newaxis], modality="MR")
    del dataset.NumberOfFrames
    dataset.ImagePositionPatient, dataset.ImageOrientationPatient = [10, 20, z], [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing, dataset.SliceThickness = [1.25, 1.5], 6
    if trigger is not None:
        dataset.TriggerTime = trigger
    return put(dataset, **attributes)


def _even(content: bytes) -> bytes:
    return content + b"\0" * (len(content) % 2)
