"""Where in an ultrasound frame the anatomy is, and how large its pixels are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# DICOM PS3.3 C.8.5.5.1
TWO_DIMENSIONAL = 1
"""Region Spatial Format of a 2-D image."""
TISSUE = 1
"""Region Data Type of greyscale tissue."""
COLOUR_FLOW = 2
"""Region Data Type of colour Doppler."""
CENTIMETRES = 3
"""Physical Units of a distance."""
MM_IN_CM = 10.0
_M_MODE, _SPECTRAL = 2, 3  # Region Spatial Format
_COLOUR_DOPPLER_BIT = 0x0010  # value 4 of Image Type, PS3.3 C.8.5.6.1.1

MIN_SPACING_MM = 0.001
MAX_SPACING_MM = 20.0

Box = tuple[int, int, int, int]
Spacing = tuple[float, float]


@dataclass(frozen=True)
class Geometry:
    """Pixel spacing (row, column), mm; the tissue region (left, top, right, bottom), pixels; what else was seen."""

    spacing_mm: Spacing | None
    region: Box | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Region:
    spatial_format: int
    data_type: int
    box: Box | None
    clipped: bool
    spacing_mm: Spacing | None

    @property
    def area(self) -> int:
        if self.box is None:
            return 0
        left, top, right, bottom = self.box
        return (right - left) * (bottom - top)


def read_geometry(dataset: Any, height: int, width: int) -> Geometry:
    """Spacing and tissue region of an ultrasound image.

    Of the Sequence of Ultrasound Regions (DICOM PS3.3 C.8.5.5) the largest 2-D tissue region counts, else the largest
    2-D colour one for its spacing alone. Physical deltas may be negative (the axis points the other way), and a region
    may reach past the image: it is clipped. Without regions, PixelSpacing or ImagerPixelSpacing say the spacing.

    Args:
        dataset: the pydicom header.
        height: rows of a frame.
        width: columns of a frame.
    """
    regions = [_region(item, height, width) for item in dataset.get("SequenceOfUltrasoundRegions") or ()]
    notes = _doppler_notes(dataset, regions)
    flat = [region for region in regions if region.spatial_format == TWO_DIMENSIONAL and region.area > 0]
    tissue = [region for region in flat if region.data_type == TISSUE]
    if tissue:
        main = max(tissue, key=lambda region: region.area)
        notes += ["the ultrasound region was clipped to the image"] * main.clipped
        notes += [f"{len(tissue)} tissue regions, the largest was taken"] * (len(tissue) > 1)
        spacing, region = main.spacing_mm, main.box
    else:
        colour = [region for region in flat if region.data_type == COLOUR_FLOW]
        spacing = max(colour, key=lambda region: region.area).spacing_mm if colour else None
        region = None
    return Geometry(spacing or read_spacing(dataset), region, tuple(notes))


def read_spacing(dataset: Any) -> Spacing | None:
    """PixelSpacing, else ImagerPixelSpacing (row, column), mm; None where neither makes sense."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        value = dataset.get(keyword)
        if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2:
            row, column = (float(number) for number in value)
            if _plausible(row) and _plausible(column):
                return row, column
    return None


def _region(item: Any, height: int, width: int) -> _Region:
    corners = [item.get(f"RegionLocation{name}") for name in ("MinX0", "MinY0", "MaxX1", "MaxY1")]
    box, clipped = None, False
    if all(corner is not None for corner in corners):
        left, top, right, bottom = (int(corner) for corner in corners)
        # The last column and row belong to the region (C.8.5.5.1.2), ours are excluded.
        inside = (max(left, 0), max(top, 0), min(right + 1, width), min(bottom + 1, height))
        if inside[0] < inside[2] and inside[1] < inside[3]:
            box, clipped = inside, inside != (left, top, right + 1, bottom + 1)
    return _Region(
        spatial_format=int(item.get("RegionSpatialFormat") or 0),
        data_type=int(item.get("RegionDataType") or 0),
        box=box,
        clipped=clipped,
        spacing_mm=_region_spacing(item),
    )


def _region_spacing(item: Any) -> Spacing | None:
    if item.get("PhysicalUnitsXDirection") != CENTIMETRES or item.get("PhysicalUnitsYDirection") != CENTIMETRES:
        return None
    row, column = (abs(float(item.get(f"PhysicalDelta{axis}") or 0)) * MM_IN_CM for axis in "YX")
    return (row, column) if _plausible(row) and _plausible(column) else None


def _plausible(spacing: float) -> bool:
    return math.isfinite(spacing) and MIN_SPACING_MM <= spacing <= MAX_SPACING_MM


def _doppler_notes(dataset: Any, regions: Sequence[_Region]) -> list[str]:
    notes = []
    kinds = dataset.get("ImageType") or ()
    mode = str(kinds[3]) if not isinstance(kinds, str) and len(kinds) > 3 else ""
    flagged = bool(int(mode, 16) & _COLOUR_DOPPLER_BIT) if _is_hexadecimal(mode) else False
    if flagged or dataset.get("UltrasoundColorDataPresent") == 1 or any(r.data_type == COLOUR_FLOW for r in regions):
        notes.append("colour Doppler")
    if any(region.spatial_format == _SPECTRAL for region in regions):
        notes.append("spectral Doppler")
    if any(region.spatial_format == _M_MODE for region in regions):
        notes.append("M-mode")
    return notes


def _is_hexadecimal(text: str) -> bool:
    return 0 < len(text) <= 8 and all(character in "0123456789abcdefABCDEF" for character in text)
