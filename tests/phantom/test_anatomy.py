"""The heart's volumes are what its parameters say, at every phase."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cinecor.phantom.anatomy import Chamber, Heart, Region, state
from cinecor.phantom.cycle import volume
from cinecor.phantom.tissue import Tissue, classify, locate, move, place

LV = (Tissue.LV_CAVITY, Tissue.LV_PAPILLARY)


def count_ml(
    heart: Heart, phase: float, labels: tuple[Tissue, ...], *, valve: bool = False, step: float = 1.6
) -> float:
    """Volume of tissues by counting voxels; the LV's leaflets (below the mitral plane) may be counted with it."""
    now = state(heart, phase)
    x = np.arange(-110, 90, step) + 0.3
    y = np.arange(-90, 90, step) + 0.3
    z = np.arange(-8, now.mitral_z + 70, step) + 0.3
    total = 0.0
    for height in z:
        grid = np.stack(np.meshgrid(x, y, [height], indexing="ij"), axis=-1).reshape(-1, 3)
        found = classify(heart, grid, phase)
        hit = np.isin(found, labels)
        if valve and height <= now.mitral_z:
            hit |= found == Tissue.MITRAL
        total += hit.sum() * step**3 / 1000.0
    return total


@pytest.mark.parametrize("phase", [0.0, 0.2, 0.36, 0.6])
def test_the_cavity_has_the_volume_of_the_curve(heart: Heart, phase: float) -> None:
    expected = float(volume(heart.timing, heart.edv, heart.esv, phase))
    assert count_ml(heart, phase, LV, valve=True) == pytest.approx(expected, rel=0.03)


def test_volumes_are_exact_at_ed_and_es(heart: Heart) -> None:
    assert float(volume(heart.timing, heart.edv, heart.esv, 0.0)) == heart.edv
    assert float(volume(heart.timing, heart.edv, heart.esv, heart.timing.systole)) == pytest.approx(heart.esv, abs=1e-9)
    assert heart.ef == pytest.approx(100 * (1 - heart.esv / heart.edv))
    phases = np.linspace(0, 1, 201)
    curve = volume(heart.timing, heart.edv, heart.esv, phases)
    assert curve.max() <= heart.edv + 1e-9
    assert curve.min() >= heart.esv - 1e-9


def test_the_wall_keeps_its_volume_and_thickens(heart: Heart) -> None:
    ed, es = (count_ml(heart, phase, (Tissue.LV_WALL,)) for phase in (0.0, heart.timing.systole))
    assert ed == pytest.approx(heart.myocardium_ml, rel=0.06)
    assert es == pytest.approx(ed, rel=0.06)


def test_bending_and_regional_motion_leave_the_volume(heart: Heart) -> None:
    lazy = Region(angle=1.0, level=0.6, width=0.8, height=0.4)
    other = replace(heart, bend=5.0, lazy=lazy, laziness=1.0)
    es = heart.timing.systole
    assert count_ml(other, es, LV, valve=True) == pytest.approx(heart.esv, rel=0.04)


def test_the_right_ventricle_has_its_volume() -> None:
    heart = Heart(edv=120.0, esv=50.0, rv=Chamber(at_ed=150.0, at_es=70.0, length=75.0))
    labels = (Tissue.RV_CAVITY, Tissue.TRICUSPID)
    assert count_ml(heart, 0.0, labels) == pytest.approx(150.0, rel=0.1)
    assert count_ml(heart, heart.timing.systole, labels) == pytest.approx(70.0, rel=0.15)


def test_annulus_descends_and_the_apex_stays(heart: Heart) -> None:
    ed, es = state(heart, 0.0), state(heart, heart.timing.systole)
    assert ed.mitral_z - es.mitral_z == pytest.approx(heart.mapse * (1 + heart.apex_share), rel=1e-6)
    assert ed.tricuspid_z - es.tricuspid_z == pytest.approx(heart.tapse, rel=1e-6)


def test_valves_are_shut_in_systole_and_open_in_diastole(heart: Heart) -> None:
    assert state(heart, 0.5 * heart.timing.systole).mitral == pytest.approx(0.0, abs=0.02)
    early = heart.timing.opening + 0.4 * heart.timing.early
    assert state(heart, early).mitral > 0.9


def test_tissue_stays_what_it_is_when_it_moves(heart: Heart) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform([-60, -45, 2], [55, 45, 80], (6000, 3))
    before = classify(heart, points, 0.0)
    wall = np.isin(before, (Tissue.LV_WALL, Tissue.LV_CAVITY))
    after = classify(heart, move(heart, points[wall], 0.0, 0.3), 0.3)
    same = (after == Tissue.LV_WALL) == (before[wall] == Tissue.LV_WALL)
    assert same.mean() > 0.97


def test_place_undoes_locate(heart: Heart) -> None:
    rng = np.random.default_rng(1)
    points = rng.uniform([-70, -40, -5], [60, 40, 120], (4000, 3))
    for phase in (0.0, 0.36):
        np.testing.assert_allclose(place(heart, locate(heart, points, phase), phase), points, atol=1e-6)


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="between 0 and EDV"):
        Heart(edv=50.0, esv=60.0)
