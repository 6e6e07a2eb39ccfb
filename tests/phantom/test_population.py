"""Cohorts look like EchoNet-Dynamic's, and only seed and index decide them."""

from __future__ import annotations

import numpy as np
import pytest
import scipy

from cinecor.phantom.population import draw_heart, draw_phases, draw_recording, draw_split, generator

COUNT = 1500


def test_ejection_fractions_are_echonet_dynamics() -> None:
    ef = np.array([draw_heart(0, index).ef for index in range(COUNT)])
    assert ef.mean() == pytest.approx(55.7, abs=1.0)
    assert ef.std() == pytest.approx(12.4, abs=1.0)
    assert scipy.stats.skew(ef) < -0.8
    edv = np.array([draw_heart(0, index).edv for index in range(COUNT)])
    assert edv.mean() == pytest.approx(91.0, abs=8.0)
    assert np.corrcoef(edv, ef)[0, 1] < -0.3


def test_recordings_are_echonet_dynamics() -> None:
    drawn = [draw_recording(0, index) for index in range(COUNT)]
    frames = np.array([each.frames for each in drawn])
    assert frames.min() >= 24
    assert frames.max() <= 1000
    assert frames.mean() == pytest.approx(175, abs=10)
    assert np.mean([1000 / each.frame_ms for each in drawn]) == pytest.approx(51, abs=1.5)
    assert draw_recording(0, 0, 30).frames == 30


def test_splits() -> None:
    splits = [draw_split(0, index) for index in range(COUNT)]
    assert splits.count("train") / COUNT == pytest.approx(0.75, abs=0.04)
    assert splits.count("validation") / COUNT == pytest.approx(0.125, abs=0.03)


def test_a_patient_is_a_function_of_seed_and_index() -> None:
    assert draw_heart(3, 5) == draw_heart(3, 5)
    assert draw_heart(3, 5) != draw_heart(4, 5)
    assert draw_heart(3, 5) != draw_heart(3, 6)


def test_phases_rise_by_one_a_beat() -> None:
    recording = draw_recording(1, 2)
    phases = draw_phases(recording, 60.0, generator(1, 2, "test"))
    assert np.all(np.diff(phases) > 0)
    beats = phases[-1] - phases[0]
    seconds = (recording.frames - 1) * recording.frame_ms / 1000
    assert beats == pytest.approx(seconds, rel=0.15)
    assert 0 <= phases[0] < 1.2
