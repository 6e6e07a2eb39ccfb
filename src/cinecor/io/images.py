"""Still pictures: PNG, JPEG, TIFF and BMP, by way of Pillow."""

from __future__ import annotations

import io
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from cinecor.errors import CinecorError, InputError, LimitError
from cinecor.io.kinds import head_of, opened
from cinecor.io.limits import DEFAULT, Limits
from cinecor.records import Cine, Frames
from cinecor.storage import write_bytes

_FORMATS = ("PNG", "JPEG", "TIFF", "BMP")
_DAMAGE = (OSError, SyntaxError, ValueError, EOFError, TypeError, KeyError, IndexError, RuntimeError, struct.error)
"""What Pillow raises for a picture that is cut or altered; its TIFF reader has all of them."""
_GREY_MODES = ("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F")


def describe(path: Path, limits: Limits = DEFAULT) -> Cine:
    """Read a picture's header: a loop of one frame, taken to be ultrasound.

    Raises:
        InputError: NOT_RECOGNISED, EMPTY, NOT_REGULAR_FILE, CORRUPT; UNSUPPORTED for one of several pages.
        LimitError: BYTES, PIXELS.
    """
    with _opened(path, limits) as image:
        height, width = (image.width, image.height) if _is_turned(image) else (image.height, image.width)
        return Cine(source=path, modality="US", frames=1, height=height, width=width)


def load(path: Path, limits: Limits = DEFAULT) -> Frames:
    """Decode a picture to uint8 ``1 channel height width``: one channel where it is stored grey, else three.

    Sixteen-bit grey is divided by 257. Transparency is dropped, an orientation tag is obeyed.

    Raises:
        InputError: as :func:`describe`; also TRUNCATED and CORRUPT.
        LimitError: BYTES, PIXELS.
    """
    with _opened(path, limits) as stored:
        image = ImageOps.exif_transpose(stored)
        grey = image.mode in _GREY_MODES
        if image.mode.startswith("I"):
            levels = np.asarray(image, dtype=np.int64)
            pixels = np.round(levels / 257).clip(0, 255).astype(np.uint8)
        else:
            pixels = np.asarray(image.convert("L" if grey else "RGB"), dtype=np.uint8)
    return pixels[None, None] if grey else pixels.transpose(2, 0, 1)[None].copy()


def load_labels(path: Path, limits: Limits = DEFAULT) -> UInt8[np.ndarray, "height width"]:
    """Decode a label mask: the stored numbers of a grey or palette picture, never its colours.

    Raises:
        InputError: as :func:`load`; also UNSUPPORTED for a picture that holds colours.
        LimitError: BYTES, PIXELS.
    """
    with _opened(path, limits) as image:
        if image.mode not in ("1", "L", "P"):
            raise InputError("UNSUPPORTED", "a mask is grey or has a palette, this has colours", where=path.name)
        return np.asarray(image).astype(np.uint8)


def png_bytes(pixels: UInt8[np.ndarray, "height width channel"]) -> bytes:
    """A PNG file of one (grey) or three (red, green, blue) channels."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(buffer, "PNG", optimize=False)
    return buffer.getvalue()


def write_png(path: Path, pixels: UInt8[np.ndarray, "height width channel"]) -> None:
    """Write a PNG of one or three channels, whole or not at all.

    Raises:
        StorageError: the file cannot be written.
    """
    write_bytes(path, png_bytes(pixels))


def _is_turned(image: Image.Image) -> bool:
    """Whether the picture's orientation tag exchanges height and width (EXIF 2.32, 4.6.4 A)."""
    return int(image.getexif().get(ExifTags.Base.Orientation, 1)) >= 5


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[Image.Image]:
    """The picture, header read; whatever Pillow says while it is used becomes an InputError."""
    head_of(path)
    with opened(path) as file:
        limits.check_bytes(path.stat().st_size, where=path.name)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of bombs, where the limits below are ours, and of odd tags
                image = Image.open(file, formats=_FORMATS)
                if getattr(image, "n_frames", 1) > 1:
                    what = f"a picture of {image.n_frames} pages"  # type: ignore[attr-defined]
                    raise InputError("UNSUPPORTED", what, "save each page as a file of its own", where=path.name)
                limits.check_frames(1, image.height, image.width, 4, where=path.name)
                yield image
        except CinecorError:
            raise
        except UnidentifiedImageError as error:
            raise InputError(
                "NOT_RECOGNISED", "neither PNG, JPEG, TIFF nor BMP", "convert it", where=path.name
            ) from error
        except Image.DecompressionBombError as error:
            what = "the picture claims more pixels than Pillow allows"
            raise LimitError("PIXELS", what, "make it smaller", where=path.name) from error
        except _DAMAGE as error:
            cut = "truncated" in str(error).lower()
            code, what = ("TRUNCATED", "the picture ends too early") if cut else ("CORRUPT", "the picture is damaged")
            raise InputError(code, what, "copy it again from its source", where=path.name) from error
