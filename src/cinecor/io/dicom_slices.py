"""Where and when each MR picture was taken: of a classic file the one, of an enhanced file every frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cinecor.io.dicom_geometry import Spacing, read_spacing
from cinecor.io.dicom_header import Header
from cinecor.records import Directions

Point = tuple[float, float, float]

_ROUNDING = 3  # decimals of direction cosines: slices of one stack agree to about 0.05°


@dataclass(frozen=True, kw_only=True)
class SlicePicture:
    """One MR picture: a classic file, or one frame of a multi-frame file."""

    path: Path
    frame: int
    file_frames: int
    height: int
    width: int
    series: str
    instance_uid: str
    kind: tuple[str, ...]
    """ImageType: magnitude and phase pictures of one slice differ in it."""
    instance: int
    spacing_mm: Spacing | None
    gap_mm: float | None
    """SpacingBetweenSlices, else SliceThickness, mm; only believed where positions say nothing."""
    position: Point | None
    """ImagePositionPatient, mm."""
    directions: Directions | None
    """ImageOrientationPatient: direction of a row, then of a column."""
    trigger_ms: float | None
    temporal_index: int | None
    interval_ms: float | None
    """NominalInterval, length of the heart beat."""

    @property
    def depth_mm(self) -> float | None:
        """Position along the normal of the picture, mm. SliceLocation is optional, and wrong in real files."""
        if self.position is None or self.directions is None:
            return None
        normal = np.cross(self.directions[:3], self.directions[3:])
        return float(np.dot(normal / np.linalg.norm(normal), self.position))

    @property
    def plane(self) -> tuple[object, ...]:
        """What the slices of one stack share."""
        directions = (
            None if self.directions is None else tuple(round(cosine, _ROUNDING) + 0.0 for cosine in self.directions)
        )
        return (directions, self.height, self.width, self.spacing_mm, self.kind)


def read_pictures(header: Header) -> tuple[SlicePicture, ...]:
    """Every MR picture of a file, in the order in which it is stored."""
    shared, frames = _functional_groups(header)
    return tuple(_picture(header, index, shared, frames[index] if frames else None) for index in range(header.frames))


def _functional_groups(header: Header) -> tuple[Any, Sequence[Any] | None]:
    shared = header.dataset.get("SharedFunctionalGroupsSequence") or ()
    frames = header.dataset.get("PerFrameFunctionalGroupsSequence") or ()
    # Some writers put an empty item into classic files.
    complete = len(frames) == header.frames and (header.frames > 1 or len(frames[0]) > 0)
    return (shared[0] if len(shared) else None), (frames if complete else None)


def _picture(header: Header, index: int, shared: Any, frame: Any) -> SlicePicture:
    dataset = header.dataset
    plane = _Group(dataset, shared, frame, "PlanePositionSequence")
    orientation = _Group(dataset, shared, frame, "PlaneOrientationSequence")
    measures = _Group(dataset, shared, frame, "PixelMeasuresSequence")
    heart = _Group(dataset, shared, frame, "CardiacSynchronizationSequence")
    content = _Group(dataset, shared, frame, "FrameContentSequence")
    trigger = _number(heart.get("NominalCardiacTriggerDelayTime"))
    return SlicePicture(
        path=header.path,
        frame=index,
        file_frames=header.frames,
        height=header.height,
        width=header.width,
        series=str(dataset.get("SeriesInstanceUID", "")),
        instance_uid=str(dataset.get("SOPInstanceUID", "")),
        kind=_kind(dataset, shared, frame),
        instance=int(_number(dataset.get("InstanceNumber")) or 0),
        spacing_mm=read_spacing(measures),
        gap_mm=_positive(measures.get("SpacingBetweenSlices")) or _positive(measures.get("SliceThickness")),
        position=_numbers(plane.get("ImagePositionPatient"), 3),
        directions=_directions(orientation.get("ImageOrientationPatient")),
        trigger_ms=_number(heart.get("TriggerTime")) if trigger is None else trigger,
        temporal_index=_whole(content.get("TemporalPositionIndex", content.get("TemporalPositionIdentifier"))),
        interval_ms=_positive(heart.get("NominalInterval")),
    )


class _Group:
    """Look an attribute up in a frame's functional group, the shared one, or the file itself (PS3.3 C.7.6.16)."""

    def __init__(self, dataset: Any, shared: Any, frame: Any, group: str) -> None:
        found = (holder.get(group) for holder in (frame, shared) if holder is not None)
        self._places = [*(items[0] for items in found if items), dataset]

    def get(self, keyword: str, default: Any = None) -> Any:
        for place in self._places:
            value = place.get(keyword)
            if value is not None and value != "":
                return value
        return default


def _kind(dataset: Any, shared: Any, frame: Any) -> tuple[str, ...]:
    kind = _Group(dataset, shared, frame, "MRImageFrameTypeSequence")
    value = kind.get("FrameType", dataset.get("ImageType")) or ()
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value)


def _numbers(value: Any, count: int) -> Any:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != count:
        return None
    numbers = tuple(float(number) for number in value)
    return numbers if all(math.isfinite(number) for number in numbers) else None


def _directions(value: Any) -> Directions | None:
    directions: Directions | None = _numbers(value, 6)
    if directions is None or np.linalg.norm(np.cross(directions[:3], directions[3:])) < 0.5:
        return None
    return directions


def _number(value: Any) -> float | None:
    if value is None or value == "" or isinstance(value, Sequence):
        return None
    number = float(value)
    return number if math.isfinite(number) else None


def _positive(value: Any) -> float | None:
    number = _number(value)
    return number if number is not None and number > 0 else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)
