from __future__ import annotations

import math

import numpy as np
import pytest

from cinecor.errors import InputError
from cinecor.measures.short_axis import body_surface_m2, index_to_body, index_to_surface, measure_stack
from cinecor.measures.short_axis_walls import trace_walls
from cinecor.phantom.anatomy import Heart, Region, state
from cinecor.phantom.mri_patient import draw_patient
from cinecor.phantom.tissue import Tissue, classify

RIGHT = (Tissue.RV_CAVITY, Tissue.TRICUSPID)
LEFT = (Tissue.LV_CAVITY, Tissue.LV_PAPILLARY, Tissue.MITRAL)


def cylinder(inner: float, outer: float, slices: int = 6, right: float = 0.0) -> np.ndarray:
    """Slices of 1 mm pixels: two concentric circles and a right ventricle, a disc beside them."""
    y, x = np.indices((110, 150)) - np.array([55.2, 60.4])[:, None, None]
    mask = np.zeros(x.shape, np.uint8)
    mask[np.hypot(x - 60, y) < right] = 1
    mask[np.hypot(x, y) < outer] = 2
    mask[np.hypot(x, y) < inner] = 3
    return np.repeat(mask[None], slices, axis=0)


def fine_stack(heart: Heart, phase: float, step: float = 1.5, thickness: float = 3.0) -> np.ndarray:
    """Labels of a heart on a fine grid from base to apex, by asking the phantom's anatomy at every point."""
    top = state(heart, 0.0).mitral_z
    levels = np.arange(top - thickness / 2, -5.0, -thickness)
    y, x = np.meshgrid(np.arange(-60.0, 60.0, step), np.arange(-95.0, 60.0, step), indexing="ij")
    masks = []
    for level in levels:
        found = classify(heart, np.stack([x.ravel(), y.ravel(), np.full(x.size, level)], axis=1), phase)
        mask = np.zeros(x.size, np.uint8)
        for label, tissues in ((1, RIGHT), (2, (Tissue.LV_WALL,)), (3, LEFT)):
            mask[np.isin(found, tissues)] = label
        masks.append(mask.reshape(x.shape))
    return np.stack(masks)


def of_heart(heart: Heart, step: float = 2.0, thickness: float = 8.0) -> dict[str, float]:
    ed, es = (fine_stack(heart, phase, step, thickness) for phase in (0.0, heart.timing.systole))
    return measure_stack(ed, es, (step, step), thickness)


def test_cylinders_are_the_closed_form() -> None:
    found = measure_stack(cylinder(25, 34, right=18), cylinder(16, 29.5, right=12), (1.0, 1.0), 10.0)
    edv = math.pi * 25**2 * 60 / 1000
    assert found["edv_ml"] == pytest.approx(edv, rel=5e-3)
    assert found["ef"] == pytest.approx(100 * (1 - (16 / 25) ** 2), abs=0.6)
    assert found["lv_mass_g"] == pytest.approx(1.05 * math.pi * (34**2 - 25**2) * 60 / 1000, rel=5e-3)
    assert found["mass_edv_g_per_ml"] == pytest.approx(1.05 * ((34 / 25) ** 2 - 1), rel=0.01)
    assert found["rvef"] == pytest.approx(100 * (1 - (12 / 18) ** 2), abs=1.5)
    assert found["rv_lv_ed"] == pytest.approx((18 / 25) ** 2, rel=0.02)
    assert found["wall_ed_mean_mm"] == pytest.approx(9.0, abs=0.1)
    assert found["wall_es_mean_mm"] == pytest.approx(13.5, abs=0.1)
    assert found["thickening_mean"] == pytest.approx(50.0, abs=2)
    assert found["motion_mean"] == pytest.approx(36.0, abs=1)
    assert found["wall_ed_sd_along_mm"] == 0.0
    assert found["motion_lazy"] == 0.0
    assert found["lv_circularity_ed"] == pytest.approx(1.0, abs=0.01)
    assert found["lv_length_mm"] == 60.0
    assert found["lv_sphericity"] == pytest.approx(1000 * edv / (math.pi / 6 * 60**3), rel=5e-3)


def test_an_infarct_is_seen_as_the_part_that_does_not_move() -> None:
    ed = cylinder(25, 34)
    y, x = np.indices(ed.shape[1:]) - np.array([55.2, 60.4])[:, None, None]
    still = np.abs(np.arctan2(y, x)) < math.pi / 3  # a third of the wall
    es = np.where(still, ed, cylinder(15, 29.5))
    found = measure_stack(ed, es, (1.0, 1.0), 8.0)
    healthy = measure_stack(ed, cylinder(15, 29.5), (1.0, 1.0), 8.0)
    assert found["thickening_lazy"] > 25
    assert found["thickening_min"] < 20 < healthy["thickening_min"]
    assert found["wall_es_sd_around_mm"] > 3 * healthy["wall_es_sd_around_mm"]


def test_the_phantoms_heart_has_its_exact_volumes_and_mass() -> None:
    heart = Heart(edv=140.0, esv=55.0)
    ed, es = fine_stack(heart, 0.0), fine_stack(heart, heart.timing.systole)
    found = measure_stack(ed, es, (1.5, 1.5), 3.0)
    assert found["ef"] == pytest.approx(heart.ef, abs=1.0)
    assert found["edv_ml"] == pytest.approx(140.0, rel=0.01)
    assert found["esv_ml"] == pytest.approx(55.0, rel=0.02)
    assert found["rvef"] == pytest.approx(100 * (1 - heart.rv.at_es / heart.rv.at_ed), abs=2.0)
    assert found["lv_mass_g"] == pytest.approx(1.05 * heart.myocardium_ml, rel=0.02)
    assert found["thickening_min"] > 0


def test_a_lazy_region_of_the_phantom_is_found_at_its_angle() -> None:
    angle = 2.0
    heart = Heart(edv=150.0, esv=95.0, lazy=Region(angle=angle, width=0.9, level=0.5), laziness=1.0, twist=0.0)
    walls = [trace_walls(fine_stack(heart, phase, 2.0, 8.0), (2.0, 2.0)) for phase in (0.0, heart.timing.systole)]
    moved = np.nanmean(walls[0].inner[2:8] - walls[1].inner[2:8], axis=0)
    middles = (np.arange(24) + 0.5) * 2 * math.pi / 24
    found = middles[np.argmin(moved + np.roll(moved, 1) + np.roll(moved, -1))]
    assert abs((found - angle + math.pi) % (2 * math.pi) - math.pi) < 0.6


def test_the_phantoms_patients_tell_an_infarct_from_a_normal_heart() -> None:
    normal, infarct = (of_heart(draw_patient(4, 2, group).heart) for group in ("NOR", "MINF"))
    assert infarct["motion_lazy"] > 30 > normal["motion_lazy"]
    assert infarct["motion_min"] < 8 < normal["motion_min"]


def test_a_stack_from_apex_to_base_measures_the_same() -> None:
    heart = draw_patient(1, 5, "HCM").heart
    ed, es = (fine_stack(heart, phase, 2.0, 8.0) for phase in (0.0, heart.timing.systole))
    one, other = measure_stack(ed, es, (1.4, 1.4), 8.0), measure_stack(ed[::-1], es[::-1], (1.4, 1.4), 8.0)
    for name in ("ef", "lv_mass_g", "wall_es_sd_mm", "thickening_lazy", "rv_eccentricity_ed"):
        assert other[name] == pytest.approx(one[name], rel=1e-9)


def test_what_is_missing_is_left_out_and_breaks_nothing() -> None:
    ed, es = cylinder(25, 34), cylinder(16, 29)
    es[0] = 0  # the base has moved below the first slice
    ed[-1] = np.where(ed[-1] == 3, 0, ed[-1])  # an apex of wall alone
    found = measure_stack(ed, es, (1.0, 1.0), 8.0)
    assert "rvef" not in found
    assert found["wall_ed_mean_mm"] == pytest.approx(9.0, abs=0.1)
    assert all(math.isfinite(value) for value in found.values())
    bare = measure_stack(np.where(ed == 2, 0, ed), np.where(es == 2, 0, es), (1.0, 1.0), 8.0)
    assert "wall_ed_mean_mm" not in bare
    assert "thickening_mean" not in bare
    gone = measure_stack(ed, np.zeros_like(es), (1.0, 1.0), 8.0)
    assert gone["ef"] == 100.0
    assert "wall_es_mean_mm" not in gone


def test_a_ventricle_larger_at_es_has_a_negative_ef() -> None:
    found = measure_stack(cylinder(16, 29, right=10), cylinder(16, 29, right=20), (1.0, 1.0), 8.0)
    assert found["rvef"] < -100
    assert found["ef"] == 0.0


def test_no_left_ventricle_and_unlike_stacks_are_refused() -> None:
    ed = cylinder(25, 34)
    with pytest.raises(InputError, match="INCONSISTENT: there is no left ventricle"):
        measure_stack(np.zeros_like(ed), ed, (1.0, 1.0), 8.0)
    with pytest.raises(InputError, match="INCONSISTENT: the masks have shapes"):
        measure_stack(ed, ed[1:], (1.0, 1.0), 8.0)


def test_indexing_divides_by_mostellers_surface() -> None:
    assert body_surface_m2(180.0, 80.0) == pytest.approx(2.0)
    found = index_to_body({"edv_ml": 150.0, "ef": 60.0}, 180.0, 80.0)
    assert found == {"edv_ml": 150.0, "ef": 60.0, "body_surface_m2": pytest.approx(2.0), "edv_ml_index": 75.0}
    assert index_to_surface({"rv_edv_ml": 90.0}, 1.8)["rv_edv_ml_index"] == pytest.approx(50.0)
    with pytest.raises(InputError, match="INCONSISTENT"):
        body_surface_m2(0.0, 70.0)
