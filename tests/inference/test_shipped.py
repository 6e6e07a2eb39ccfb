"""The weights in the package: small, sound, honest about where they come from, and better than a guess."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cinecor import io
from cinecor.inference import SHIPPED, Analyser, load_analyser
from cinecor.models.checkpoint import read_manifest
from cinecor.phantom import echo_study
from cinecor.records import Cine, Study


@pytest.fixture(scope="module")
def analyser() -> Analyser:
    return load_analyser()


def test_they_are_small_and_say_that_hearts_were_synthetic() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= 6_000_000
    manifest = read_manifest(SHIPPED)
    assert manifest.training_data["synthetic"] is True
    assert "synthetic" in manifest.training_data["description"]
    assert len(manifest.extra["calibration"]["residuals"]) >= 100


def test_unseen_synthetic_hearts_are_told_apart(analyser: Analyser) -> None:
    true, found = [], []
    for index in range(14):
        study = echo_study(index, 990_017, max_frames=60)
        ef = analyser.analyse(study).measurement("ef")
        if ef is not None:
            true.append(float(study.labels["ef"]))
            found.append(ef.value)
    assert len(found) >= 11
    assert np.corrcoef(true, found)[0, 1] > 0.85
    assert np.abs(np.array(true) - found).mean() < 4


@pytest.mark.parametrize("kind", ["noise", "bars"])
def test_what_is_no_echo_gets_no_number(analyser: Analyser, kind: str) -> None:
    rng = np.random.default_rng(0)
    if kind == "noise":
        frames = rng.integers(0, 256, (60, 1, 112, 112), dtype=np.uint8)
    else:
        columns = (np.arange(112)[None] // 8 + np.arange(60)[:, None]) % 2 * 255
        frames = np.repeat(columns[:, None, None, :], 112, axis=2).astype(np.uint8)
    cine = Cine(source=frames, modality="US", frames=60, times_ms=tuple(20.0 * index for index in range(60)))
    report = analyser.analyse(Study(id="x", cines=(cine,)))
    assert report.measurement("ef") is None
    assert report.not_done


@pytest.mark.realdata
def test_the_real_apical_loop_gets_a_number_and_a_warning(analyser: Analyser, shared_data: Path) -> None:
    (study,), _ = io.discover([shared_data / "echo_dicom" / "pydicom_examples_ybr_color.dcm"])
    report = analyser.analyse(study)
    ef = report.measurement("ef")
    assert ef is not None
    assert 20 <= ef.value <= 80
    assert any("synthetic" in warning for warning in report.warnings)
