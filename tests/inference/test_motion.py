"""The curve of fullness follows the true one on synthetic hearts, whatever the picture is like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cinecor import io
from cinecor.clips import prepare
from cinecor.inference.motion import fullness
from cinecor.measures import find_beats
from cinecor.phantom import echo_study
from cinecor.phantom.cycle import contraction
from cinecor.phantom.population import draw_heart, draw_phases, draw_recording, generator
from cinecor.records import ClipSpec

SPEC = ClipSpec(height=80, width=80, crop="sector")
FRAMES = 90


@pytest.mark.slow
def test_it_rises_and_falls_with_the_ventricle() -> None:
    agreement = []
    for index in range(8):
        (cine,) = echo_study(index, 13, max_frames=FRAMES).cines
        heart, recording = draw_heart(13, index), draw_recording(13, index, FRAMES)
        phases = draw_phases(recording, heart.heart_rate, generator(13, index, "echo"))
        curve = fullness(prepare(cine.source, cine, SPEC), cine.frame_ms or 0.0)
        assert 0.0 <= curve.min() <= curve.max() <= 1.0
        agreement.append(float(np.corrcoef(curve, 1.0 - contraction(heart.timing, phases))[0, 1]))
    assert np.median(agreement) > 0.85
    assert min(agreement) > 0.0


def test_a_loop_that_stands_still_is_flat() -> None:
    still = np.repeat(np.random.default_rng(0).integers(0, 255, (1, 1, 80, 80), dtype=np.uint8), 20, axis=0)
    assert np.ptp(fullness(still, 20.0)) < 1e-6


def test_a_picture_that_goes_up_and_down_gives_its_course() -> None:
    rng = np.random.default_rng(0)
    texture = (np.kron(rng.random((40, 30)), np.ones((4, 4))) * 200).astype(np.uint8)
    course = 4.0 * np.sin(2 * np.pi * np.arange(60) / 25.0)
    frames = np.stack([texture[20 + round(-shift) : 116 + round(-shift), 10:106] for shift in course])[:, None]
    curve = fullness(frames, 40.0)
    assert np.corrcoef(curve, course)[0, 1] > 0.95


@pytest.mark.realdata
def test_the_real_apical_loop(shared_data: Path) -> None:
    cine = io.describe(shared_data / "echo_dicom" / "pydicom_examples_ybr_color.dcm")
    curve = fullness(prepare(io.load(cine), cine, SPEC), cine.frame_ms or 0.0)
    beats = find_beats(curve, np.asarray(cine.times_ms))
    # Seen by eye: the mitral valve shuts at frame 20 to 22 (end-diastole), and is shut until the loop ends.
    assert any(18 <= ed <= 23 for ed in beats.ed)
    assert not any(8 <= es <= 20 for es in beats.es)
