"""Imaging planes: unit axes at right angles, 60° from view to view, and each shows what its name promises."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cinecor.phantom.anatomy import state
from cinecor.phantom.echo_patient import draw_camus_heart
from cinecor.phantom.imaging import draw_imaging
from cinecor.phantom.scatterers import lift, plane_axes
from cinecor.phantom.tissue import Tissue, classify
from cinecor.phantom.views import A2C, A4C, PLAX, PSAX, VIEWS, View


def seen(view: View, index: int, phase: float = 0.0) -> dict[Tissue, float]:
    """Area (mm²) of each tissue in the exact plane of a view."""
    heart = draw_camus_heart(0, index)
    plane = draw_imaging(0, index, state(heart, 0.0).mitral_z, view).plane
    axes = plane_axes(replace(plane, yaw=0.0, slope=0.0, offset=0.0), heart)
    side = np.arange(-150.0, 150.0, 2.0)
    u, w = np.meshgrid(side, side)
    labels = classify(heart, lift(axes, np.stack([u.ravel(), w.ravel(), np.zeros(u.size)], axis=1)), phase)
    return {tissue: float((labels == tissue).sum()) * 4.0 for tissue in Tissue}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_axes_are_unit_vectors_at_right_angles(view: View) -> None:
    axes = np.stack([view.right, view.down, view.across])
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert view.long_axis == (view is not PSAX)


def test_planes_lie_as_far_apart_as_anatomy_has_them() -> None:
    four, two, three = np.asarray(A4C.right), np.asarray(A2C.right), -np.asarray(PLAX.down)
    assert math.degrees(math.acos(four @ two)) == pytest.approx(60.0)
    assert math.degrees(math.acos(two @ three)) == pytest.approx(60.0)
    assert math.degrees(math.acos(four @ three)) == pytest.approx(120.0)


@pytest.mark.parametrize("index", range(6))
def test_a_two_chamber_view_has_two_chambers(index: int) -> None:
    two, four = seen(A2C, index), seen(A4C, index)
    for left in (Tissue.LV_CAVITY, Tissue.LV_WALL, Tissue.LA_CAVITY):
        assert two[left] > 300.0
        assert four[left] > 300.0
    for right in (Tissue.RV_CAVITY, Tissue.RA_CAVITY):
        assert two[right] == 0.0
        assert four[right] > 300.0


def test_parasternal_views() -> None:
    short, long = seen(PSAX, 1), seen(PLAX, 1)
    assert short[Tissue.LV_PAPILLARY] > 30.0
    assert short[Tissue.RV_CAVITY] > 300.0
    assert short[Tissue.LA_CAVITY] == short[Tissue.RA_CAVITY] == 0.0
    assert min(long[Tissue.LA_CAVITY], long[Tissue.LV_CAVITY], long[Tissue.RV_CAVITY]) > 300.0
    assert long[Tissue.RA_CAVITY] == 0.0


def test_the_same_machine_records_every_view_of_a_patient() -> None:
    four, two = (draw_imaging(3, 8, 95.0, view) for view in (A4C, A2C))
    assert four.display == two.display
    assert four.tissues == two.tissues
    assert four.beam.lateral == two.beam.lateral
    assert four.plane.probe != two.plane.probe
