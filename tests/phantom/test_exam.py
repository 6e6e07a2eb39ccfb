"""Fifteen views of one patient: a pure function, true outlines, labels, screens."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from cinecor import datasets
from cinecor.errors import ConfigError
from cinecor.phantom import VIEW_NAMES, view_study
from cinecor.phantom.exam import _begin, _loop
from cinecor.phantom.loop import smoothed
from cinecor.phantom.scatterers import lift
from cinecor.phantom.screens import HEIGHT, STYLES, WIDTH, fit, sector_outline
from cinecor.phantom.tissue import Tissue
from cinecor.phantom.view_loop import ViewLoop
from cinecor.records import OUTLINED, Cine, Study


@pytest.fixture(scope="module")
def study() -> Study:
    return view_study(1, 2, frames=1)


def exam_loop(index: int, view: str, frames: int = 1) -> ViewLoop:
    return _loop(_begin(index, 2, frames, None)[0], view, "good")


def filled(outline: np.ndarray) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillPoly(mask, [np.rint(outline).astype(np.int32)], 1)
    return mask.astype(bool)


def view_of(study: Study, name: str) -> Cine:
    return next(cine for cine in study.cines if cine.view == name)


def test_every_view_is_there_with_its_outlines(study: Study) -> None:
    assert tuple(cine.view for cine in study.cines) == VIEW_NAMES
    assert len(VIEW_NAMES) == 15
    for cine in study.cines:
        assert cine.source.shape == (1, 3, HEIGHT, WIDTH)
        assert set(cine.outlines) <= set(OUTLINED)
        left, top, right, bottom = cine.region
        fov = cine.outlines["fov"][0]
        assert 0 <= left < right <= WIDTH
        assert 0 <= top < bottom <= HEIGHT
        assert (fov.min(0) >= np.array([left, top]) - 1).all()
        assert (fov.max(0) <= np.array([right, bottom])).all()
    outlined = {cine.view for cine in study.cines if "epicardium" in cine.outlines}
    assert outlined == {"PLAX", "PSAX", "A2C", "A3C", "A4C", "A5C"}


def test_a_view_is_the_same_alone(study: Study) -> None:
    again = view_study(1, 2, frames=1, views=("SSN", "PW"))
    for cine in again.cines:
        np.testing.assert_array_equal(cine.source, view_of(study, cine.view).source)
    assert dict(again.labels) == dict(study.labels)


def test_another_scanner_shows_the_same_heart() -> None:
    one, other = (view_study(1, 2, frames=1, views=("A4C",), style=name) for name in ("lyra", "vela"))
    assert one.labels["ivsd_mm"] == other.labels["ivsd_mm"]
    assert (one.labels["scanner"], other.labels["scanner"]) == ("lyra", "vela")
    assert (one.cines[0].source != other.cines[0].source).any()


def test_labels_agree(study: Study) -> None:
    labels = study.labels
    assert labels["ef"] == pytest.approx(100.0 * (1.0 - labels["esv_ml"] / labels["edv_ml"]))
    assert (labels["lvh"] == 0.0) == (labels["lvh_grade"] == "none") == (labels["lvh_pattern"] == "none")


@pytest.mark.parametrize("style", STYLES)
def test_the_polygon_is_the_sector(style: str) -> None:
    loop = exam_loop(3, "A4C")
    screen = fit(loop.imaging, STYLES[style], 400.0, float(WIDTH))
    line = sector_outline(loop.imaging, screen, STYLES[style])
    mask = np.zeros(screen.inside.shape, np.uint8)
    cv2.fillPoly(mask, [np.rint(line).astype(np.int32)], 1)
    both, either = (mask > 0) & screen.inside, (mask > 0) | screen.inside
    assert both.sum() / either.sum() > 0.98


def test_dual_screens_hold_two_sectors_and_the_left_one_counts() -> None:
    (cine,) = view_study(4, 2, frames=2, views=("PSAX",), dual=1.0, quality="good").cines
    assert cine.region[2] <= WIDTH // 2 + 1
    grey = cine.source[0].mean(0)
    mask = filled(cine.outlines["fov"][0])
    shifted = np.roll(mask, WIDTH // 2, axis=1)
    assert grey[mask].mean() > 15
    assert grey[shifted].mean() > 15
    (single,) = view_study(4, 2, frames=2, views=("PSAX",), dual=0.0, quality="good").cines
    assert filled(single.outlines["fov"][0]).sum() > 1.5 * mask.sum()


@pytest.mark.parametrize("view", ["A4C", "PLAX", "PSAX"])
def test_the_epicardium_holds_ventricle_and_wall(view: str) -> None:
    loop = exam_loop(3, view)
    plane = replace(loop.imaging.plane, half_angle=1.2, depth=2.0 * loop.imaging.plane.depth)
    loop = replace(loop, imaging=replace(loop.imaging, plane=plane))
    screen = fit(loop.imaging, STYLES["lyra"], 500.0, float(WIDTH))
    line = loop.epicardium(0, screen)
    assert line is not None
    area = cv2.contourArea(line.astype(np.float32)) * screen.spacing_mm**2
    side = np.arange(-140.0, 140.0, 1.0)
    u, w = np.meshgrid(side, side)
    points = lift(loop.axes, np.stack([u.ravel(), w.ravel(), np.zeros(u.size)], axis=1))
    tissue = smoothed(loop.body.heart, points, float(loop.phases[0]))
    assert area == pytest.approx(np.isin(tissue, (Tissue.LV_CAVITY, Tissue.LV_WALL)).sum(), rel=0.03)


def test_the_same_point_of_the_heart_in_two_views() -> None:
    """Where two planes meet, both show the same tissue."""
    one, other = exam_loop(5, "A4C"), exam_loop(5, "PLAX")
    along = np.cross(one.axes[3], other.axes[3])
    normals = np.stack([one.axes[3], other.axes[3], along])
    distances = [one.axes[3] @ one.axes[0], other.axes[3] @ other.axes[0], along @ one.axes[0]]
    line = np.linalg.solve(normals, distances) + np.linspace(-120, 120, 200)[:, None] * along / np.linalg.norm(along)
    found = []
    for loop in (one, other):
        flat = (line - loop.axes[0]) @ loop.axes[1:].T
        np.testing.assert_allclose(flat[:, 2], 0.0, atol=1e-9)
        found.append(loop.body.classify(lift(loop.axes, flat), 0.2))
    np.testing.assert_array_equal(*found)
    assert Tissue.LV_CAVITY in found[0]


def test_what_cannot_be_asked() -> None:
    with pytest.raises(ConfigError, match="UNKNOWN_KEY"):
        view_study(0, 0, views=("A6C",))
    with pytest.raises(ConfigError, match="UNKNOWN_KEY"):
        view_study(0, 0, style="nobody", views=())
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        view_study(0, 0, frames=0)


def test_a_dicom_folder_of_the_examination(tmp_path, study: Study) -> None:
    datasets.get("dicom_folder").write([study], tmp_path / "data")
    (again,) = datasets.get("dicom_folder").read(tmp_path / "data")
    assert len(again.cines) == 15
    assert again.labels["lvh_grade"] == study.labels["lvh_grade"]
