"""Doppler and M-mode follow from the same heart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cinecor.phantom.anatomy import state
from cinecor.phantom.beam import BEAMS, PolarImager
from cinecor.phantom.cusps import cusp_sheets, semilunar
from cinecor.phantom.cycle import volume
from cinecor.phantom.doppler import Spectrum, flow_ml_s, paint_spectrum, velocity_m_s
from cinecor.phantom.exam import _begin, _loop
from cinecor.phantom.m_mode import MOMENTS, beam_through, scan_lines, spread_out


@pytest.fixture(scope="module", params=[0, 7])
def body(request: pytest.FixtureRequest):
    return _begin(request.param, 2, 1, None)[0].body


def test_flow_fills_and_empties_what_the_volume_curve_says(body) -> None:
    heart, phase = body.heart, (np.arange(20_000) + 0.5) / 20_000
    flow = flow_ml_s(heart, phase)
    beat_s = 60.0 / heart.heart_rate
    stroke = heart.edv - heart.esv
    assert flow.mean() * beat_s == pytest.approx(0.0, abs=0.01 * stroke)
    assert np.clip(flow, 0, None).mean() * beat_s == pytest.approx(stroke, rel=0.01)


def test_the_e_wave_peaks_where_the_ventricle_fills_fastest(body) -> None:
    heart, phase = body.heart, np.linspace(0.0, 1.0, 2001)
    rise = np.gradient(volume(heart.timing, heart.edv, heart.esv, phase), phase)
    velocity = velocity_m_s(body, "mitral", phase)
    assert phase[velocity.argmax()] == pytest.approx(phase[rise.argmax()], abs=0.002)
    jet = velocity_m_s(body, "aortic", phase)
    assert phase[jet.argmin()] == pytest.approx(phase[rise.argmin()], abs=0.002)
    assert velocity.min() == 0.0
    assert jet.max() == 0.0
    assert 0.2 < velocity.max() < 3.0


def test_velocity_times_area_over_a_beat_is_the_stroke(body) -> None:
    heart, phase = body.heart, (np.arange(20_000) + 0.5) / 20_000
    metres = -velocity_m_s(body, "outflow", phase).mean() * 60.0 / heart.heart_rate
    area_mm2 = np.pi * (0.95 * body.torso.annulus * body.vessels.size) ** 2
    assert metres * area_mm2 == pytest.approx(heart.edv - heart.esv, rel=0.01)


def test_the_ring_moves_by_its_excursion(body) -> None:
    heart = body.heart
    phase = (np.arange(20_000) + 0.5) / 20_000 * heart.timing.systole
    metres = velocity_m_s(body, "tissue", phase).mean() * heart.timing.systole * 60.0 / heart.heart_rate
    descent = state(heart, 0.0).mitral_z - state(heart, heart.timing.systole).mitral_z
    assert 1000.0 * metres == pytest.approx(descent, rel=0.02)


def test_the_envelope_is_drawn_at_its_velocity(body) -> None:
    peak = np.linspace(0.0, 1.0, 1001)[velocity_m_s(body, "mitral", np.linspace(0.0, 1.0, 1001)).argmax()]
    fastest = float(velocity_m_s(body, "mitral", np.array([peak]))[0])
    spectrum = Spectrum(kind="mitral", top=2.0 * fastest, bottom=-fastest, hollow=0.6, noise=0.01, gain=1.0)
    picture = paint_spectrum(body, spectrum, np.full(80, peak), 300, np.random.default_rng(0)).mean(1)
    speed = np.linspace(2.0 * fastest, -fastest, 300)
    assert picture[(speed > 0.7 * fastest) & (speed < 0.95 * fastest)].mean() > 60
    assert picture[speed > 1.2 * fastest].mean() < 20
    assert picture[(speed < -0.3 * fastest)].mean() < 40


def test_an_m_mode_column_is_the_line_of_the_picture() -> None:
    loop = _loop(_begin(3, 2, 1, None)[0], "PLAX", "good")
    loop = replace(loop, imaging=replace(loop.imaging, beam=replace(loop.imaging.beam, noise=0.0)))
    reflectors = loop.reflectors(np.random.default_rng(1))
    beam = beam_through(loop, "ventricle")
    assert 0 < beam < BEAMS - 1
    lines = scan_lines(loop, reflectors, beam, np.random.default_rng(2))
    imager = PolarImager(loop.imaging, np.random.default_rng(2))
    for moment in (0, 19):
        whole = imager.image(*reflectors.at(moment / MOMENTS), (0.0, 0.0))[:, beam]
        np.testing.assert_allclose(lines[:, moment], whole, rtol=1e-5, atol=1e-6)
    assert np.abs(lines[:, 0] - lines[:, 19]).max() > 0.05 * lines.max()
    columns = spread_out(lines, np.array([0.0, 19.0 / MOMENTS, 1.0]))
    np.testing.assert_array_equal(columns[:, [0, 1]], lines[:, [0, 19]])
    np.testing.assert_array_equal(columns[:, 2], lines[:, 0])


def test_semilunar_cusps_open_to_the_wall(body) -> None:
    timing = body.heart.timing
    assert semilunar(timing, 0.5 * timing.systole) == 1.0
    assert semilunar(timing, 0.0) == semilunar(timing, timing.systole) == semilunar(timing, 0.9) == 0.0
    wide, tip = np.linspace(-1, 1, 41), np.ones(41)
    for opened, nearest in ((0.0, 0.0), (1.0, 0.8)):
        for cusp in cusp_sheets(10.0, opened, tip, wide):
            away = np.hypot(cusp[:, 0], cusp[:, 1]) / 10.0
            assert away.min() == pytest.approx(nearest, abs=0.07)
            assert away.max() <= 1.0 + 1e-9
