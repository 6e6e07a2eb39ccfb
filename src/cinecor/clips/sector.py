"""Where the ultrasound is in a recorded frame: the wedge that holds what moves, without text, ECG and colour bars.

Speckle, noise and tissue change from frame to frame; a scanner's screen around them does not. So the pixels that
change, minus thin and coloured ones (a swept ECG), minus what lies outside a sane DICOM region, are gathered; of all
wedges that hold them, the smallest is the sector. Extrapolating to a wedge brings back sides that are too dark to see.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from jaxtyping import Bool, Float, Float32, UInt8

from cinecor.errors import InputError
from cinecor.records import Frames

LOOKED_AT = 32  # frames
LOOK_SIZE = 256  # px, longer side of the frames that are looked at
COLOURED = 36  # grey levels between the channels of a pixel that is no grey
CHANGE = 1.0  # grey levels, standard deviation over time of a pixel that changes
SEEN = 14  # grey level of a pixel that is not background, for stills
KEPT = 0.6  # of the changing pixels must lie in a region tag that is believed
INNER = 0.995  # of the gathered pixels lie within each side of the wedge
LEAST_AREA = 0.02  # of the frame, gathered pixels; less is no ultrasound image
LARGE = 0.15  # of the largest part's area
ENOUGH = 1000  # pixels that a wedge is fitted to
MOST_OF_BOX = (
    0.9  # of its bounding box: a sector leaves the corners beside its tip black; noise and other videos do not
)
LEAST_FILL = 0.2  # of the wedge, gathered pixels


@dataclass(frozen=True, kw_only=True)
class Sector:
    """An upright wedge in pixels of the recorded frame: x to the right, y down, angles from straight down, rad."""

    apex: tuple[float, float]
    half_angle: float
    near: float
    """Distance from the apex at which the image begins: a curved probe has its apex above its surface."""
    radius: float
    height: int
    width: int
    """Size of the frame that it lies in."""
    how: Literal["region and motion", "motion", "brightness"]
    """What it was found by."""
    colour: float
    """Part of the wedge that is coloured, 0 to 1: colour Doppler is between a thin line and a tinted grey map."""
    fill: float
    """Part of the wedge in which something was seen, 0 to 1: low where the image is dark or the shape is wrong."""

    @property
    def mask(self) -> Bool[np.ndarray, "height width"]:
        """Pixels that belong to the sector."""
        return _draw((self.height, self.width), self.apex, self.half_angle, self.near, self.radius)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom (the last two excluded) of the part inside the frame."""
        mask = self.mask
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def find_sector(frames: Frames, region: tuple[int, int, int, int] | None = None) -> Sector:
    """The ultrasound sector of a loop or still.

    Args:
        frames: as recorded.
        region: left, top, right, bottom that the file's tags claim; believed only if what moves lies in it.

    Raises:
        InputError: NOT_RECOGNISED where nothing looks like an ultrasound image.
    """
    height, width = frames.shape[2:]
    scale = min(1.0, LOOK_SIZE / max(height, width))
    looks = [_look(frames[index], scale) for index in _chosen(len(frames))]
    coloured = np.stack([colour for _, colour in looks])
    seen, found_by = _gather(np.stack([grey for grey, _ in looks]), coloured)
    how: Literal["region and motion", "motion", "brightness"] = found_by
    tagged = None if region is None else _believed(seen, region, scale)
    if tagged is not None:
        seen, how = tagged, "region and motion"
    seen = _large_parts(seen)
    if seen.mean() < LEAST_AREA:
        raise InputError("NOT_RECOGNISED", "no ultrasound sector was found", "check that this is an echo loop")
    apex, half_angle, near, radius, fill = _smallest_wedge(seen)
    if fill < LEAST_FILL:
        raise InputError("NOT_RECOGNISED", "what moves has not the shape of an ultrasound sector", "check the file")
    inside = _draw(seen.shape, apex, half_angle, near, radius)
    if inside.sum() > MOST_OF_BOX * np.ptp(np.nonzero(inside), axis=1).prod():
        raise InputError(
            "NOT_RECOGNISED", "the moving image is a rectangle, not a sector", "check that it is an echo loop"
        )
    return Sector(
        apex=((apex[0] + 0.5) / scale - 0.5, (apex[1] + 0.5) / scale - 0.5),
        half_angle=half_angle,
        near=near / scale,
        radius=radius / scale,
        height=height,
        width=width,
        how=how,
        colour=float(coloured[:, inside].mean()),
        fill=fill,
    )


def _draw(
    shape: tuple[int, ...], apex: tuple[float, float], half_angle: float, near: float, radius: float
) -> Bool[np.ndarray, "height width"]:
    """Pixels of a wedge in a frame of that shape."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    across, down = x - np.float32(apex[0]), y - np.float32(apex[1])
    distance = np.hypot(across, down)
    in_depth = (distance >= near) & (distance <= radius)
    return np.asarray(in_depth & (np.abs(np.arctan2(across, down)) <= half_angle))


def _chosen(count: int) -> list[int]:
    return sorted({int(index) for index in np.linspace(0, count - 1, min(count, LOOKED_AT)).round()})


def _look(
    frame: np.ndarray, scale: float
) -> tuple[Float32[np.ndarray, "height width"], Bool[np.ndarray, "height width"]]:
    """A small grey picture of one frame and where it has colour."""
    picture = np.ascontiguousarray(frame.transpose(1, 2, 0), dtype=np.float32)
    if scale < 1.0:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    picture = picture.reshape(*picture.shape[:2], -1)
    return picture.mean(axis=2), np.ptp(picture, axis=2) > COLOURED


def _gather(
    greys: Float32[np.ndarray, "time height width"], coloured: Bool[np.ndarray, "time height width"]
) -> tuple[Bool[np.ndarray, "height width"], Literal["motion", "brightness"]]:
    """Pixels that change over time; in a still, pixels that are not black."""
    if len(greys) > 1:
        change = greys.std(axis=0)
        seen = cv2.GaussianBlur(change, (0, 0), 1.0) > max(CHANGE, 0.025 * float(np.percentile(change, 99.5)))
        how: Literal["motion", "brightness"] = "motion"
    else:
        seen, how = cv2.GaussianBlur(greys[0], (0, 0), 1.5) > SEEN, "brightness"
    # A picture drawn in a tinted grey map is coloured all over; coloured lines on it are few.
    often = coloured.any(axis=0)
    if 0 < (often & seen).sum() < 0.2 * max(seen.sum(), 1):
        seen = seen & ~cv2.dilate(often.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    return seen, how


def _believed(
    seen: Bool[np.ndarray, "height width"], region: tuple[int, int, int, int], scale: float
) -> Bool[np.ndarray, "height width"] | None:
    """What is seen inside the tagged region, None where the tag does not hold most of it."""
    left, top, right, bottom = (round(edge * scale) for edge in region)
    inside = np.zeros_like(seen)
    inside[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = True
    inside &= seen
    return inside if inside.sum() >= KEPT * max(seen.sum(), 1) else None


def _large_parts(seen: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """The large connected parts (a shadow may divide a sector), thin lines removed and gaps closed before."""
    size = max(3, round(0.02 * max(seen.shape)) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    solid = cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    framed = np.pad(solid, 2 * size)
    closed = cv2.morphologyEx(framed, cv2.MORPH_CLOSE, disc, iterations=2)[2 * size : -2 * size, 2 * size : -2 * size]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed)
    if count < 2:
        return np.zeros_like(seen)
    areas = stats[1:, cv2.CC_STAT_AREA]
    large = 1 + np.flatnonzero(areas >= LARGE * areas.max())
    return np.asarray(np.isin(labels, large) & solid.astype(bool))


def _smallest_wedge(
    seen: Bool[np.ndarray, "height width"],
) -> tuple[tuple[float, float], float, float, float, float]:
    """Apex, half-angle, nearest and farthest radius of the least wedge that holds the pixels, and how full it is.

    The wedge is upright, as scanners draw it: a side that is too dark to be seen is known from the other one.
    """
    y, x = (axis.astype(np.float32) for axis in np.nonzero(seen))
    top, tall, wide = float(np.percentile(y, 0.5)), float(np.ptp(y)), float(np.ptp(x))
    lowest_apex = float(np.quantile(y, 1.0 - INNER)) + 1.0
    centre = float(x[y <= top + 0.15 * tall].mean())
    count = int(seen.sum())
    if count > ENOUGH:
        some = np.linspace(0, count - 1, ENOUGH).astype(int)
        x, y = x[some], y[some]
    best: tuple[float, tuple[float, float], Float[np.ndarray, " 3"]] | None = None
    for reach, steps in ((1.0, 9), (0.25, 9), (0.06, 7)):
        middle = (centre, top) if best is None else best[1]
        for apex_x in middle[0] + reach * np.linspace(-0.2, 0.2, steps) * wide:
            for apex_y in middle[1] + reach * np.linspace(-0.5, 0.5, steps) * tall:
                if apex_y > lowest_apex:
                    continue
                shape = _enclose(x - apex_x, y - apex_y)
                area = _area_inside(apex_x, apex_y, shape, seen.shape)
                if best is None or area < best[0]:
                    best = (area, (float(apex_x), float(apex_y)), shape)
    assert best is not None
    area, apex, (half_angle, near, radius) = best
    return apex, float(half_angle), float(near), float(radius), float(min(1.0, count / max(area, 1.0)))


def _enclose(across: Float[np.ndarray, " pixel"], down: Float[np.ndarray, " pixel"]) -> Float[np.ndarray, " 3"]:
    """Half-angle, nearest and farthest radius that leave out only a few pixels."""
    angle = np.sort(np.abs(np.arctan2(across, np.maximum(down, 1e-3))))
    distance = np.sort(np.hypot(across, down))
    last = len(angle) - 1
    return np.array([angle[int((2.0 * INNER - 1.0) * last)], distance[0], distance[int(INNER * last)]])


def _area_inside(x: float, y: float, shape: Float[np.ndarray, " 3"], frame: tuple[int, ...]) -> float:
    """Area of the wedge inside the frame, px² (on a coarse polygon)."""
    half_angle, _, radius = shape
    turns = np.linspace(-half_angle, half_angle, 12)
    wedge = np.stack([x + radius * np.sin(turns), y + radius * np.cos(turns)], axis=1)
    wedge = np.concatenate([[[x, y]], wedge]).astype(np.float32)
    border = np.array([[-0.5, -0.5], [frame[1] - 0.5, -0.5], [frame[1] - 0.5, frame[0] - 0.5], [-0.5, frame[0] - 0.5]])
    area, _ = cv2.intersectConvexConvex(wedge, border.astype(np.float32))
    return float(area)


def grey_levels(frame: UInt8[np.ndarray, "channel height width"]) -> UInt8[np.ndarray, "height width"]:
    """Luminance of one frame; a coloured pixel (an ECG or a word over the image) counts as its darkest channel.

    A frame that is tinted as a whole (a colour map instead of grey) keeps its luminance everywhere.
    """
    if len(frame) == 1:
        return frame[0]
    picture = np.ascontiguousarray(frame.transpose(1, 2, 0))
    grey: UInt8[np.ndarray, "height width"] = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    darkest, brightest = cv2.min(cv2.min(frame[0], frame[1]), frame[2]), cv2.max(cv2.max(frame[0], frame[1]), frame[2])
    coloured = cv2.subtract(brightest, darkest) > COLOURED
    visible = int((grey > SEEN).sum())
    if 0 < int(coloured.sum()) < 0.3 * visible:
        grey[coloured] = darkest[coloured]
    return grey
