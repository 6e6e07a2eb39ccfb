"""From recorded frames to frames of a clip's size: the sector cut out, what is around it blanked, grey, resized."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import cv2
import numpy as np
from jaxtyping import Bool, Float32, UInt8

from cinecor.clips.sector import Sector, find_sector, grey_levels
from cinecor.errors import ConfigError, InputError
from cinecor.records import Cine, ClipSpec, Frames

Square: TypeAlias = tuple[int, int, int, int]
"""Left, top, right, bottom of what a prepared frame shows, px of the recorded frame; it may reach past that frame."""

RANGE = (1.0, 99.0)  # percentiles of voxels without a fixed range that become black and white


@runtime_checkable
class Masking(Protocol):
    """Says which pixels of recorded frames are looked at (``clips.masking``)."""

    @property
    def identity(self) -> str:
        """What ``ClipSpec.mask`` calls it."""

    @property
    def spec(self) -> ClipSpec:
        """How it sees frames itself."""

    def __call__(
        self, frames: UInt8[np.ndarray, "time channel height width"], cine: Cine, sector: Sector | None = None
    ) -> Bool[np.ndarray, "time height width"]:
        """The pixels that are kept; ``sector`` where it has been found already."""


class Prepared(NamedTuple):
    """Frames as the network will see them, and which part of the recorded frame they show."""

    frames: UInt8[np.ndarray, "time planes tall wide"]
    square: Square


def prepare(
    frames: Frames, cine: Cine, spec: ClipSpec, sector: Sector | None = None, mask: Masking | None = None
) -> UInt8[np.ndarray, "time planes tall wide"]:
    """The frames of :func:`prepare_located` alone."""
    return prepare_located(frames, cine, spec, sector, mask).frames


def prepare_located(
    frames: Frames, cine: Cine, spec: ClipSpec, sector: Sector | None = None, mask: Masking | None = None
) -> Prepared:
    """Every frame as the network will see it, before sampling in time and before normalisation.

    ``spec.crop == "sector"``: the ultrasound sector is found once for the loop, all outside it becomes black, and a
    square that begins at its top and is centred on it is cut out; the square is square in mm where the pixels are not.
    ``"centre"``: the middle of the frame, of the clip's size at ``spec.spacing_mm``, black where it reaches past the
    frame; the square is whole recorded pixels, so a pixel's true size is that of the square by the clip's.
    ``"roi"``: the square about the cine's ``region``, where :func:`cinecor.clips.roi.mark_roi` has put the box.
    ``"none"``: the whole frame. Then luminance (or three channels), then the size of the clip (:func:`resize`).

    Args:
        frames: as ``io.load`` gives them; voxels without a fixed range (MRI) are mapped to 0–255 by percentiles.
        cine: for its ``region`` and ``spacing_mm``.
        spec: size, channels, crop.
        sector: where it has been found already.
        mask: the one that ``spec.mask`` names; what it leaves out becomes black on the recorded frames. A sector is
            found on frames that are not masked.

    Raises:
        ConfigError: CONFLICT where the mask is not the one that the specification names.
        InputError: NOT_RECOGNISED where a sector is wanted and there is none; INCONSISTENT where a size is wanted
            and the pixels have none; NO_PIXELS where a box around masks is wanted and there is none; EMPTY without
            frames.
    """
    if len(frames) == 0:
        raise InputError("EMPTY", "the loop has no frames", "export it again")
    check_mask(spec, mask)
    levels = frames if frames.dtype == np.uint8 else _to_bytes(frames)
    found = (sector or find_sector(levels, cine.region)) if spec.crop == "sector" else None
    if mask is not None:
        levels = levels * mask(levels, cine, sector)[:, None]
    if spec.crop == "none":
        whole = np.stack([resize(_channels(frame, spec), spec) for frame in levels])
        return Prepared(whole, (0, 0, levels.shape[3], levels.shape[2]))
    if spec.crop == "centre":
        square = centred_square(levels.shape[2], levels.shape[3], cine, spec)
        return Prepared(_cut_out(levels, np.ones(levels.shape[2:], np.bool_), square, spec), square)
    if spec.crop == "roi":
        square = square_about(cine)
        return Prepared(_cut_out(levels, np.ones(levels.shape[2:], np.bool_), square, spec), square)
    assert found is not None
    square = square_of(found, cine)
    return Prepared(_cut_out(levels, found.mask, square, spec), square)


def check_mask(spec: ClipSpec, mask: Masking | None) -> None:
    """Stop where frames would be prepared with another mask than their specification names.

    Raises:
        ConfigError: CONFLICT.
    """
    given = "" if mask is None else mask.identity
    if given != spec.mask:
        what = f"the frames are to be masked by {spec.mask or 'nothing'}, and {given or 'nothing'} was given"
        raise ConfigError("CONFLICT", what, "give the mask that belongs to the weights", where="mask")


def square_of(sector: Sector, cine: Cine) -> Square:
    """The square around a sector."""
    left, top, right, bottom = sector.box
    tall, wide = (1.0, 1.0) if cine.spacing_mm is None else cine.spacing_mm
    side = max((right - left) * wide, (bottom - top) * tall)
    columns, rows = round(side / wide), round(side / tall)
    start = round((left + right - columns) / 2)
    return start, top, start + columns, top + rows


def centred_square(height: int, width: int, cine: Cine, spec: ClipSpec) -> Square:
    """What of a frame of that size ``crop`` ``centre`` shows.

    Raises:
        InputError: INCONSISTENT where the cine's pixels have no size.
    """
    if cine.spacing_mm is None or spec.spacing_mm is None:
        raise InputError("INCONSISTENT", "the pixels have no size in mm", "export the images with their pixel spacing")
    rows, columns = (
        max(round(pixels * spec.spacing_mm / recorded), 1)
        for pixels, recorded in zip((spec.height, spec.width), cine.spacing_mm, strict=True)
    )
    left, top = round((width - columns) / 2), round((height - rows) / 2)
    return left, top, left + columns, top + rows


def square_about(cine: Cine) -> Square:
    """The square, in pixels, whose side is the longer one of the cine's region and whose middle is the region's.

    Raises:
        InputError: NO_PIXELS where the cine has no region.
    """
    if cine.region is None:
        what = "nobody has outlined this heart, and the box around it is made of an expert's masks"
        raise InputError("NO_PIXELS", what, "choose weights that need no masks")
    left, top, right, bottom = cine.region
    side = max(right - left, bottom - top)
    start, first = (left + right - side) // 2, (top + bottom - side) // 2
    return start, first, start + side, first + side


def _cut_out(
    levels: UInt8[np.ndarray, "time channel height width"],
    shown: Bool[np.ndarray, "height width"],
    square_px: Square,
    spec: ClipSpec,
) -> UInt8[np.ndarray, "time planes tall wide"]:
    left, top, right, bottom = square_px
    height, width = shown.shape
    inner = (slice(max(top, 0), min(bottom, height)), slice(max(left, 0), min(right, width)))
    mask = shown[inner]
    before = (max(-top, 0), max(-left, 0))
    out = np.empty((len(levels), spec.channels, spec.height, spec.width), np.uint8)
    square = np.zeros((bottom - top, right - left, spec.channels), np.uint8)
    place = (slice(before[0], before[0] + mask.shape[0]), slice(before[1], before[1] + mask.shape[1]))
    for index, frame in enumerate(levels):
        square[place] = _masked(_channels(np.ascontiguousarray(frame[:, inner[0], inner[1]]), spec), mask)
        out[index] = resize(square, spec)
    return out


def _masked(
    picture: UInt8[np.ndarray, "height width channel"], mask: Bool[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width channel"]:
    return picture * mask[:, :, None]


def _channels(
    frame: UInt8[np.ndarray, "channel height width"], spec: ClipSpec
) -> UInt8[np.ndarray, "height width some"]:
    if spec.channels == 1:
        return grey_levels(frame)[:, :, None]
    wide = frame if len(frame) == 3 else np.repeat(frame, 3, axis=0)
    return np.ascontiguousarray(wide.transpose(1, 2, 0))


def resize(
    picture: UInt8[np.ndarray, "height width channel"] | Float32[np.ndarray, "height width channel"], spec: ClipSpec
) -> UInt8[np.ndarray, "channel tall wide"] | Float32[np.ndarray, "channel tall wide"]:
    """Planes of any number in a clip's size: by area where they shrink, else bilinear, or the nearest pixel where the
    specification says so. Channels come first then."""
    if picture.shape[:2] != (spec.height, spec.width):
        shrinks = picture.shape[0] >= spec.height and picture.shape[1] >= spec.width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        if spec.resize == "nearest":
            how = (
                cv2.INTER_NEAREST_EXACT
            )  # the pixel at the middle, as Pillow takes it; OpenCV's other one takes a corner
        picture = cv2.resize(picture, (spec.width, spec.height), interpolation=how)
    return picture.reshape(spec.height, spec.width, -1).transpose(2, 0, 1)


def _to_bytes(frames: Frames) -> UInt8[np.ndarray, "time channel height width"]:
    low, high = np.percentile(frames, RANGE)
    return np.clip((frames - low) / max(high - low, 1e-6) * 255.0, 0, 255).astype(np.uint8)
