"""Calipers of the long-axis view: they measure the heart's own walls."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from cinecor.phantom import wall_study
from cinecor.phantom.anatomy import endocardium, epicardium, state, stretch
from cinecor.phantom.display import make_screen
from cinecor.phantom.imaging import draw_imaging
from cinecor.phantom.loop import Loop
from cinecor.phantom.views import PLAX
from cinecor.phantom.walls import LEVEL, cut, draw_thick_heart
from cinecor.records import Study


@pytest.fixture(scope="module")
def study() -> Study:
    return wall_study(3, 2, max_frames=20, size=160)


def test_calipers_are_as_long_as_their_labels(study: Study) -> None:
    (cine,) = study.cines
    assert cine.view == "PLAX"
    assert set(cine.calipers) == {"ivsd", "lvidd", "lvpwd", "ivss", "lvids", "lvpws"}
    for name, caliper in cine.calipers.items():
        assert caliper.length * cine.spacing_mm[0] == pytest.approx(study.labels[f"{name}_mm"], rel=1e-9)
        assert caliper.frame == study.labels["ed_frame" if name[-1] == "d" else "es_frame"]
        assert caliper.start[1] < caliper.end[1]  # from the probe away
    for phase in ("d", "s"):
        septum, cavity, wall = (cine.calipers[name + phase] for name in ("ivs", "lvid", "lvpw"))
        assert septum.end == cavity.start
        assert cavity.end == wall.start


@pytest.mark.parametrize("index", range(5))
@pytest.mark.parametrize("phase", [0.0, 0.36])
def test_in_the_exact_plane_they_are_the_closed_form(index: int, phase: float) -> None:
    heart = replace(draw_thick_heart(1, index), bend=0.0, lazy=None)
    imaging = draw_imaging(1, index, state(heart, 0.0).mitral_z, PLAX)
    imaging = replace(imaging, plane=replace(imaging.plane, yaw=0.0, slope=0.0, offset=0.0))
    drift = np.zeros((1, 2))
    loop = Loop(heart=heart, imaging=imaging, screen=make_screen(imaging, 64), phases=np.array([phase]), drift=drift)
    found = np.linalg.norm(np.diff(cut(loop, 0), axis=0), axis=1)
    # The plane passes beside the axis by the sideways sway of the heart: a millimetre or two of some twenty.
    now, level = state(heart, phase), np.array([LEVEL])
    front, back = np.array([math.radians(120.0)]), np.array([math.radians(-60.0)])
    radii = [
        float((edge(heart, now, level, angle) * stretch(now, angle))[0])
        for angle in (front, back)
        for edge in (epicardium, endocardium)
    ]
    assert found == pytest.approx([radii[0] - radii[1], radii[1] + radii[3], radii[2] - radii[3]], abs=0.6)


def test_walls_thicken_and_the_cavity_shrinks() -> None:
    study = wall_study(1, 2, max_frames=40, size=64)
    for name in ("ivs", "lvpw"):
        assert study.labels[f"{name}s_mm"] > study.labels[f"{name}d_mm"]
    assert study.labels["lvids_mm"] < study.labels["lvidd_mm"]


def test_every_other_wall_is_thick() -> None:
    walls = np.array([draw_thick_heart(0, index).wall for index in range(300)])
    assert np.mean(walls > 11.0) == pytest.approx(0.45, abs=0.1)


def test_the_same_arguments_give_the_same_pixels(study: Study) -> None:
    again = wall_study(3, 2, max_frames=20, size=160)
    np.testing.assert_array_equal(again.cines[0].source, study.cines[0].source)
    assert dict(again.labels) == dict(study.labels)
