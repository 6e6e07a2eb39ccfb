"""Vessels: tubes have their closed form, move with the base, never take the ventricle's place; old cohorts stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cinecor.phantom.anatomy import state
from cinecor.phantom.body import Body, make_body
from cinecor.phantom.cohort import MAKERS
from cinecor.phantom.echo_patient import draw_person
from cinecor.phantom.great_vessels import BODY, Torso, Vessels, draw_torso
from cinecor.phantom.hypertrophy import draw_patient_heart
from cinecor.phantom.tissue import Frame, Tissue, classify
from cinecor.phantom.tubes import approach, make_tube


def body_of(index: int) -> Body:
    return make_body(draw_patient_heart(0, index, draw_person(0, index))[0], draw_torso(0, index))


def cloud(count: int = 4000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform((-75, -75, -5), (75, 75, 150), (count, 3))


def test_a_straight_tube_is_a_capsule() -> None:
    ends = np.array([(0.0, 0.0, 0.0), (0.0, 0.0, 40.0)])
    tube = make_tube(Tissue.VEIN, Tissue.VEIN_WALL, ends, np.array([5.0, 5.0]), 2.0)
    points = np.random.default_rng(1).uniform((-9, -9, -9), (9, 9, 49), (3000, 3))
    near = approach((tube,), points)
    rest = points - np.stack([0 * points[:, 0], 0 * points[:, 1], np.clip(points[:, 2], 0, 40)], axis=1)
    exact = np.linalg.norm(rest, axis=1) - 5.0
    inside = exact < 2.0
    np.testing.assert_allclose(near.beyond[inside], exact[inside], atol=1e-9)
    assert (near.beyond[~inside] > 2.0).all()
    np.testing.assert_allclose(near.outward[inside], rest[inside], atol=1e-9)


def test_body_axes_are_at_right_angles_and_name_the_apex() -> None:
    np.testing.assert_allclose(BODY @ BODY.T, np.eye(3), atol=1e-12)
    left, back, head = BODY @ np.array([0.0, 0.0, -1.0])  # from base to apex: left, forward, down
    assert left > 0.4
    assert back < -0.4
    assert head < -0.4


@pytest.mark.parametrize("index", [1, 3])
@pytest.mark.parametrize("phase", [0.0, 0.3])
def test_the_left_ventricle_keeps_every_point(index: int, phase: float) -> None:
    body, points = body_of(index), cloud()
    alone, together = classify(body.heart, points, phase), body.locate(points, phase)[0]
    left = np.isin(alone, (Tissue.LV_CAVITY, Tissue.LV_WALL, Tissue.LV_PAPILLARY))
    np.testing.assert_array_equal(together.tissue[left], alone[left])
    changed = together.tissue != alone
    assert set(np.unique(together.frame[changed])) <= {Frame.VESSEL}
    assert {Tissue.AORTA, Tissue.PULMONARY, Tissue.LIVER} <= set(together.tissue.tolist())


def test_vessels_go_with_the_base_and_come_back() -> None:
    body = body_of(2)
    points = cloud()
    now = state(body.heart, 0.25)
    material, _ = body.locate(points, 0.25)
    around = material.frame == Frame.VESSEL
    np.testing.assert_allclose(body.place(material, 0.25)[around], points[around], atol=1e-4)
    rest = body.vessels.at_rest(points, now)
    np.testing.assert_allclose(rest + body.vessels.shift(rest, now), points, atol=1e-4)
    valve = body.vessels.valve[None]
    down = state(body.heart, 0.0).mitral_z - now.mitral_z
    assert body.vessels.shift(valve, now)[0, 2] == pytest.approx(-down)
    far = body.vessels.in_body(np.array([[0.0, 48.0, -200.0]]))
    np.testing.assert_array_equal(body.vessels.shift(far, now), 0.0)


def test_who_lies_where() -> None:
    vessels = body_of(4).vessels
    names = vessels.name(
        np.stack(
            [
                vessels.valve + 4.0 * vessels.root_axis,
                vessels.pulmonary_valve,
                vessels.in_body(np.array([-41.0, 25.0, -66.0])),
                vessels.in_body(np.array([-70.0, 0.0, -120.0])),
                vessels.in_body(np.array([18.0 + vessels.torso.spread, 75.0, 5.0])),
            ]
        )
    )[0]
    assert names.tolist() == [Tissue.AORTA, Tissue.PULMONARY, Tissue.VEIN, Tissue.LIVER, Tissue.AORTA]


def test_vessels_have_a_size() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Torso(annulus=0.0)
    heart = draw_patient_heart(0, 0, draw_person(0, 0))[0]
    wide, narrow = (Vessels(heart=heart, torso=Torso(annulus=size)) for size in (12.0, 10.0))
    assert wide.aorta[0].radii.max() > narrow.aorta[0].radii.max()


GREYS = {
    "echonet_dynamic": ({"max_frames": 2}, 39.413983),
    "camus": ({"max_frames": 2, "size": 64}, 52.868984),
    "echonet_lvh": ({"max_frames": 2, "size": 64}, 44.298706),
    "echonet_pediatric": ({"max_frames": 2}, 38.357661),
}
"""Mean grey of the first patient of seed 17, from before there were vessels."""


@pytest.mark.parametrize("layout", GREYS)
def test_cohorts_without_vessels_look_as_they_did(layout: str) -> None:
    given, grey = GREYS[layout]
    study = MAKERS[layout](0, seed=17, **given)
    assert np.mean([cine.source.mean() for cine in study.cines]) == pytest.approx(grey, abs=1e-3)


def test_a_heart_without_vessels_has_its_atrium_on_the_axis() -> None:
    heart = draw_patient_heart(0, 6, draw_person(0, 6))[0]
    points, back = cloud(), heart.la_back
    before, behind = classify(replace(heart, la_back=0.0), points, 0.0), classify(heart, points, 0.0)
    assert back > 0.0
    y = [points[labels == Tissue.LA_CAVITY, 1].mean() for labels in (before, behind)]
    assert y[0] - y[1] == pytest.approx(back, abs=3.0)
