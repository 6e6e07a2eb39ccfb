from __future__ import annotations

import math

import nibabel
import numpy as np
import pydicom
import pytest

from cinecor.errors import InputError
from cinecor.measures import (
    area_length_volume_ml,
    biplane_volume_ml,
    chords_volume_ml,
    contour_area_mm2,
    contour_stack_volume_ml,
    disc_volume_ml,
    ejection_fraction,
    mask_disc_volume_ml,
    myocardial_mass_g,
    stack_volume_ml,
)

PIXEL = (1.0, 1.0)


def profile(radius_at, length: float, points: int = 8001) -> np.ndarray:
    """Section through the axis of a solid of revolution, apex up, from the left hinge to the right."""
    depth = length * (1 - np.cos(np.linspace(0, np.pi, points))) / 2
    radius = np.array([radius_at(z) for z in depth])
    left, right = np.stack([-radius, depth], axis=1), np.stack([radius, depth], axis=1)
    return np.concatenate([left[::-1], right[1:]])


def half_ellipsoid(length: float = 85.0, radius: float = 24.0) -> np.ndarray:
    return profile(lambda z: radius * math.sqrt(max(1 - (1 - z / length) ** 2, 0.0)), length)


def prolate(length: float = 90.0, radius: float = 25.0) -> np.ndarray:
    return profile(lambda z: radius * math.sqrt(max(1 - (2 * z / length - 1) ** 2, 0.0)), length)


def cone(length: float = 80.0, radius: float = 20.0) -> np.ndarray:
    return profile(lambda z: radius * z / length, length)


# Solids with their exact volume (mm³) and the share by which a sum over n discs at their middles differs from it:
# the squared radius is a quadratic a·z² + …, whose midpoint sum misses a·L³/(12·n²).
SOLIDS = {
    "sphere": (prolate(60.0, 30.0), 4 / 3 * math.pi * 30**3, 1 / 2),
    "prolate ellipsoid": (prolate(), 4 / 3 * math.pi * 45 * 25**2, 1 / 2),
    "half ellipsoid": (half_ellipsoid(), 2 / 3 * math.pi * 85 * 24**2, 1 / 8),
    "cone": (cone(), math.pi / 3 * 80 * 20**2, -1 / 4),
}


@pytest.mark.parametrize("discs", [7, 20, 200])
@pytest.mark.parametrize("name", SOLIDS)
def test_discs_are_exact_up_to_their_own_summation(name: str, discs: int) -> None:
    contour, volume, share = SOLIDS[name]
    assert disc_volume_ml(contour, PIXEL, discs) * 1000 / volume - 1 == pytest.approx(share / discs**2, abs=2e-6)


@pytest.mark.parametrize("name", SOLIDS)
def test_biplane_of_a_solid_of_revolution_is_single_plane(name: str) -> None:
    contour = SOLIDS[name][0]
    assert biplane_volume_ml(contour, PIXEL, contour, PIXEL) == pytest.approx(disc_volume_ml(contour, PIXEL))


def test_biplane_measures_an_ellipsoid_of_three_axes() -> None:
    wide, narrow = half_ellipsoid(85, 26), half_ellipsoid(85, 19)
    exact = 2 / 3 * math.pi * 85 * 26 * 19 / 1000
    assert biplane_volume_ml(wide, PIXEL, narrow, PIXEL, 200) == pytest.approx(exact, rel=1e-5)
    assert biplane_volume_ml(wide / 0.5, (0.5, 0.5), narrow / 0.8, (0.8, 0.8), 200) == pytest.approx(exact, rel=1e-5)


def test_biplane_takes_the_longer_axis() -> None:
    long, short = half_ellipsoid(85), half_ellipsoid(70)
    assert biplane_volume_ml(long, PIXEL, short, PIXEL) == pytest.approx(disc_volume_ml(long, PIXEL))
    assert biplane_volume_ml(short, PIXEL, long, PIXEL) == pytest.approx(disc_volume_ml(long, PIXEL))


@pytest.mark.parametrize("name", ["sphere", "prolate ellipsoid", "half ellipsoid"])
def test_area_length_is_exact_on_ellipsoids(name: str) -> None:
    contour, volume, _ = SOLIDS[name]
    assert area_length_volume_ml(contour, PIXEL) * 1000 == pytest.approx(volume, rel=1e-6)


@pytest.mark.parametrize("method", [disc_volume_ml, area_length_volume_ml])
def test_volume_is_the_same_whatever_way_the_heart_lies(method) -> None:
    contour = half_ellipsoid()
    volume = method(contour, PIXEL)
    turn = np.array([[math.cos(0.7), math.sin(0.7)], [-math.sin(0.7), math.cos(0.7)]])
    for moved in (
        contour * [-1, 1],
        contour * [1, -1],
        contour @ turn,
        contour + np.array([300, -20]),
        contour[::-1].copy(),
    ):
        assert method(np.ascontiguousarray(moved), PIXEL) == pytest.approx(volume)


@pytest.mark.parametrize("method", [disc_volume_ml, area_length_volume_ml])
def test_volume_grows_with_the_cube_of_the_spacing(method) -> None:
    contour = half_ellipsoid()
    assert method(contour, (0.3, 0.3)) == pytest.approx(0.3**3 * method(contour, PIXEL))


@pytest.mark.parametrize("method", [disc_volume_ml, area_length_volume_ml])
def test_oblong_pixels_are_measured_in_mm(method) -> None:
    turn = np.array([[math.cos(0.4), math.sin(0.4)], [-math.sin(0.4), math.cos(0.4)]])
    contour = half_ellipsoid() @ turn
    assert method(contour / [0.7, 0.4], (0.4, 0.7)) == pytest.approx(method(contour, PIXEL))


@pytest.mark.parametrize("method", [disc_volume_ml, area_length_volume_ml])
def test_ef_is_unchanged_by_the_spacing(method) -> None:
    ed, es = half_ellipsoid(88, 25), half_ellipsoid(76, 17)
    ef = [ejection_fraction(method(ed, spacing), method(es, spacing)) for spacing in (PIXEL, (0.25, 0.25))]
    assert ef[0] == pytest.approx(ef[1])
    assert ef[0] == pytest.approx(100 * (1 - 76 * 17**2 / (88 * 25**2)), abs=0.01)


def test_masks_are_measured_like_their_contours() -> None:
    from matplotlib.path import Path

    contour = half_ellipsoid() + np.array([80.3, 20.6])
    y, x = np.mgrid[:160, :160]
    mask = Path(contour).contains_points(np.stack([x.ravel(), y.ravel()], axis=1)).reshape(160, 160)
    assert mask_disc_volume_ml(mask, PIXEL) == pytest.approx(disc_volume_ml(contour, PIXEL), rel=0.02)
    assert mask_disc_volume_ml(mask, (0.5, 0.5)) == pytest.approx(mask_disc_volume_ml(mask, PIXEL) / 8)


def test_area_of_a_polygon() -> None:
    triangle = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 3.0]]) + 1e6
    assert contour_area_mm2(triangle, (2.0, 0.5)) == pytest.approx(6.0)


def test_stack_of_masks_counts_voxels() -> None:
    random = np.random.default_rng(0)
    masks = random.integers(0, 4, (9, 30, 40)).astype(np.uint8)
    counted = sum(1 for value in masks.ravel() if value == 3)
    assert stack_volume_ml(masks, 3, (1.4, 1.2), 8.0) == pytest.approx(counted * 1.4 * 1.2 * 8 / 1000)
    assert stack_volume_ml(masks == 3, 1, (1.4, 1.2), 8.0) == pytest.approx(counted * 1.4 * 1.2 * 8 / 1000)
    assert stack_volume_ml(masks[::-1, :, ::-1], 3, (1.4, 1.2), 8.0) == pytest.approx(counted * 1.4 * 1.2 * 8 / 1000)


def test_stack_of_a_sphere_comes_close_to_the_sphere() -> None:
    z, y, x = np.mgrid[-30:31:2, -30:31, -30:31].astype(float)
    ball = x**2 + y**2 + z**2 < 28.0**2
    assert stack_volume_ml(ball, 1, PIXEL, 2.0) == pytest.approx(4 / 3 * math.pi * 28**3 / 1000, rel=0.003)


def test_stack_of_contours_is_the_sum_of_their_areas() -> None:
    heights = np.arange(-24, 25, 8.0)
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    rings = [circle * math.sqrt(28**2 - z**2) for z in heights]
    exact = sum(math.pi * (28**2 - z**2) * 8 for z in heights) / 1000
    assert contour_stack_volume_ml(rings, PIXEL, 8.0) == pytest.approx(exact, rel=1e-4)
    assert contour_stack_volume_ml([], PIXEL, 8.0) == 0


def test_myocardium_weighs_1_05_gram_a_millilitre() -> None:
    assert myocardial_mass_g(120.0) == pytest.approx(126.0)
    for volume in (-1.0, math.nan, math.inf):
        with pytest.raises(InputError):
            myocardial_mass_g(volume)


@pytest.mark.parametrize("spacing", [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf)])
def test_a_spacing_that_is_none_is_refused(spacing: tuple[float, float]) -> None:
    masks = np.ones((1, 2, 2), np.uint8)
    for measure in (
        lambda: disc_volume_ml(half_ellipsoid(), spacing),
        lambda: area_length_volume_ml(half_ellipsoid(), spacing),
        lambda: stack_volume_ml(masks, 1, spacing, 8.0),
        lambda: contour_stack_volume_ml([half_ellipsoid()], spacing, 8.0),
    ):
        with pytest.raises(InputError) as failure:
            measure()
        assert failure.value.code == "INCONSISTENT"


def test_a_slice_thickness_that_is_none_is_refused() -> None:
    with pytest.raises(InputError):
        stack_volume_ml(np.ones((1, 2, 2), np.uint8), 1, PIXEL, 0.0)


def test_a_tracing_without_chords_is_refused() -> None:
    with pytest.raises(InputError):
        chords_volume_ml(np.zeros((1, 4)), PIXEL)


@pytest.mark.realdata
def test_acdc_mean_ef_by_group(shared_data) -> None:
    found: dict[str, list[float]] = {}
    for folder in sorted((shared_data / "acdc" / "training").glob("patient*")):
        info = dict(line.split(": ") for line in (folder / "Info.cfg").read_text().splitlines() if line)
        volumes = []
        for phase in ("ED", "ES"):
            image = nibabel.load(folder / f"{folder.name}_frame{int(info[phase]):02d}_gt.nii.gz")
            width, height, step = (float(size) for size in image.header.get_zooms()[:3])
            masks = np.asanyarray(image.dataobj).T.astype(np.uint8)
            volumes.append(stack_volume_ml(masks, 3, (height, width), step))
        found.setdefault(info["Group"], []).append(ejection_fraction(*volumes))
    assert {group: len(values) for group, values in found.items()} == dict.fromkeys(
        ("DCM", "HCM", "MINF", "NOR", "RV"), 20
    )
    expected = {"DCM": 18.5, "HCM": 67.4, "MINF": 31.0, "NOR": 60.3, "RV": 54.7}
    assert {group: float(np.mean(values)) for group, values in found.items()} == pytest.approx(expected, abs=0.1)


@pytest.mark.realdata
def test_sunnybrook_ef_from_its_contours(shared_data) -> None:
    root = shared_data / "sunnybrook"
    frames: dict[float, list[np.ndarray]] = {}
    headers = []
    for file in sorted(root.glob("contourfiles/*/i-contours/*icontour-manual.txt")):
        header = pydicom.dcmread(
            root / "dicoms" / "SCD0000401" / f"{int(file.name[8:12])}.dcm", stop_before_pixels=True
        )
        frames.setdefault(float(header.TriggerTime), []).append(np.loadtxt(file))
        headers.append(header)
    positions = np.unique([np.round(np.array(h.ImagePositionPatient, float), 2) for h in headers], axis=0)
    step = float(np.median(np.linalg.norm(np.diff(positions, axis=0), axis=1)))
    assert step == pytest.approx(8.0, abs=0.02)
    spacing = (float(headers[0].PixelSpacing[0]), float(headers[0].PixelSpacing[1]))
    esv, edv = sorted(contour_stack_volume_ml(contours, spacing, step) for contours in frames.values())
    assert edv == pytest.approx(202, abs=2)
    assert esv == pytest.approx(135, abs=2)
    assert ejection_fraction(edv, esv) == pytest.approx(33.0, abs=0.5)
