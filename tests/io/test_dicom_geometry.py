from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from tests.io.dicom_files import item

from cinecor.io.dicom_geometry import read_geometry, read_spacing

HEIGHT, WIDTH = 80, 100
CLIPPED = "the ultrasound region was clipped to the image"


def region(
    left: int = 10, top: int = 5, right: int = 89, bottom: int = 74, dx: float = 0.05, dy: float = 0.04, **more: Any
) -> Dataset:
    """A tissue region of pixels 0.4 mm high and 0.5 mm wide; its last column and row belong to it."""
    attributes = {
        "RegionSpatialFormat": 1,
        "RegionDataType": 1,
        "RegionLocationMinX0": left,
        "RegionLocationMinY0": top,
        "RegionLocationMaxX1": right,
        "RegionLocationMaxY1": bottom,
        "PhysicalUnitsXDirection": 3,
        "PhysicalUnitsYDirection": 3,
        "PhysicalDeltaX": dx,
        "PhysicalDeltaY": dy,
    }
    return item(**(attributes | more))


def header(*regions: Dataset, **attributes: Any) -> Dataset:
    dataset = item(**attributes)
    if regions:
        dataset.SequenceOfUltrasoundRegions = list(regions)
    return dataset


def test_one_tissue_region() -> None:
    geometry = read_geometry(header(region()), HEIGHT, WIDTH)
    assert geometry.spacing_mm == pytest.approx((0.4, 0.5))
    assert geometry.region == (10, 5, 90, 75)
    assert geometry.notes == ()


@pytest.mark.parametrize(("dx", "dy"), [(-0.05, 0.04), (0.05, -0.04), (-0.05, -0.04)])
def test_negative_deltas_point_the_other_way(dx: float, dy: float) -> None:
    assert read_geometry(header(region(dx=dx, dy=dy)), HEIGHT, WIDTH).spacing_mm == pytest.approx((0.4, 0.5))


@pytest.mark.parametrize(
    "more", [{"PhysicalUnitsXDirection": 4}, {"PhysicalUnitsYDirection": 0}, {"PhysicalDeltaX": 0.0}]
)
def test_pixels_that_are_no_distance(more: dict[str, Any]) -> None:
    geometry = read_geometry(header(region(**more)), HEIGHT, WIDTH)
    assert geometry.spacing_mm is None
    assert geometry.region == (10, 5, 90, 75)


@pytest.mark.parametrize("delta", [1e-6, 3.0, float("nan"), float("inf")])
def test_absurd_spacing_is_none(delta: float) -> None:
    assert read_geometry(header(region(dy=delta)), HEIGHT, WIDTH).spacing_mm is None


@pytest.mark.parametrize(
    ("corners", "box"),
    [
        ((10, 5, 100, 80), (10, 5, 100, 80)),
        ((0, 0, 4000, 4000), (0, 0, 100, 80)),
        ((90, 5, 120, 74), (90, 5, 100, 75)),
    ],
)
def test_region_past_the_image_is_clipped_and_told(corners: tuple[int, ...], box: tuple[int, ...]) -> None:
    geometry = read_geometry(header(region(*corners)), HEIGHT, WIDTH)
    assert geometry.region == box
    assert geometry.notes == (CLIPPED,)


def test_region_of_the_whole_image_is_not_clipped() -> None:
    geometry = read_geometry(header(region(0, 0, 99, 79)), HEIGHT, WIDTH)
    assert (geometry.region, geometry.notes) == ((0, 0, 100, 80), ())


@pytest.mark.parametrize("corners", [(200, 5, 300, 74), (50, 5, 40, 74), (10, 90, 20, 95)])
def test_region_outside_or_inside_out_is_not_used(corners: tuple[int, ...]) -> None:
    geometry = read_geometry(header(region(*corners), PixelSpacing=[0.3, 0.2]), HEIGHT, WIDTH)
    assert geometry.region is None
    assert geometry.spacing_mm == (0.3, 0.2)


def test_region_without_corners_is_not_used() -> None:
    broken = region()
    del broken.RegionLocationMaxX1
    assert read_geometry(header(broken), HEIGHT, WIDTH).region is None


def test_largest_of_several_tissue_regions_wins() -> None:
    small, large = region(0, 0, 9, 9, dx=0.1, dy=0.1), region(20, 10, 89, 74, dx=0.02, dy=0.02)
    for order in ((small, large), (large, small)):
        geometry = read_geometry(header(*order), HEIGHT, WIDTH)
        assert geometry.region == (20, 10, 90, 75)
        assert geometry.spacing_mm == pytest.approx((0.2, 0.2))
        assert geometry.notes == ("2 tissue regions, the largest was taken",)


def test_tissue_goes_before_a_larger_colour_region() -> None:
    colour = region(0, 0, 99, 79, RegionDataType=2)
    geometry = read_geometry(header(colour, region()), HEIGHT, WIDTH)
    assert geometry.region == (10, 5, 90, 75)
    assert geometry.notes == ("colour Doppler",)


def test_colour_region_alone_tells_the_spacing_only() -> None:
    geometry = read_geometry(header(region(RegionDataType=2)), HEIGHT, WIDTH)
    assert geometry.region is None
    assert geometry.spacing_mm == pytest.approx((0.4, 0.5))
    assert geometry.notes == ("colour Doppler",)


def test_spectral_and_m_mode_regions_are_no_anatomy_and_are_told() -> None:
    spectral, m_mode = region(RegionSpatialFormat=3, RegionDataType=3), region(RegionSpatialFormat=2)
    geometry = read_geometry(header(spectral, m_mode), HEIGHT, WIDTH)
    assert (geometry.spacing_mm, geometry.region) == (None, None)
    assert geometry.notes == ("spectral Doppler", "M-mode")


@pytest.mark.parametrize(
    ("attributes", "coloured"),
    [
        ({"UltrasoundColorDataPresent": 1}, True),
        ({"UltrasoundColorDataPresent": 0}, False),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "", "0011"]}, True),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "", "0010"]}, True),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "", "0001"]}, False),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "", "COLOUR"]}, False),
        ({"ImageType": ["ORIGINAL", "PRIMARY"]}, False),
        ({"ImageType": "ORIGINAL"}, False),
    ],
)
def test_colour_doppler_note(attributes: dict[str, Any], coloured: bool) -> None:
    notes = read_geometry(header(region(), **attributes), HEIGHT, WIDTH).notes
    assert ("colour Doppler" in notes) == coloured


def test_region_spacing_goes_before_pixel_spacing() -> None:
    assert read_geometry(header(region(), PixelSpacing=[9, 9]), HEIGHT, WIDTH).spacing_mm == pytest.approx((0.4, 0.5))


def test_pixel_spacing_without_regions_is_row_then_column() -> None:
    assert read_geometry(header(PixelSpacing=[0.3, 0.2]), HEIGHT, WIDTH).spacing_mm == (0.3, 0.2)


@pytest.mark.parametrize(
    ("attributes", "spacing"),
    [
        ({"PixelSpacing": [0.3, 0.2], "ImagerPixelSpacing": [9, 9]}, (0.3, 0.2)),
        ({"PixelSpacing": [0, 0], "ImagerPixelSpacing": [0.5, 0.6]}, (0.5, 0.6)),
        ({"PixelSpacing": [-0.3, 0.2]}, None),
        ({"PixelSpacing": 0.3}, None),
        ({"PixelSpacing": [0.3, 0.2, 0.1]}, None),
        ({"PixelSpacing": [50, 50]}, None),
        ({"PixelSpacing": None}, None),
        ({}, None),
    ],
)
def test_read_spacing(attributes: dict[str, Any], spacing: tuple[float, float] | None) -> None:
    assert read_spacing(item(**attributes)) == spacing
