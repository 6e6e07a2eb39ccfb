"""From a study to a report: every number has a source, every gap a reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cinecor import io
from cinecor.errors import CheckpointError, ConfigError, InputError, ResourceError
from cinecor.inference import Analyser, Settings, load_analyser
from cinecor.inference.wording import synthetic_warning
from cinecor.phantom import echo_study, mri_study
from cinecor.records import Report, Study


@pytest.fixture(scope="module")
def analyser(weights: Path) -> Analyser:
    return load_analyser(weights, Settings(clips=4))


@pytest.fixture(scope="module")
def study() -> Study:
    return echo_study(3, 2, max_frames=110)


@pytest.fixture(scope="module")
def report(analyser: Analyser, study: Study) -> Report:
    return analyser.analyse(study)


def test_ef_is_the_mean_of_its_clips_with_the_conformal_interval(report: Report) -> None:
    ef = report.measurement("ef")
    assert ef is not None
    assert ef.unit == "%"
    assert ef.level == 0.9
    # 30 residuals from 0.5 to 12 in even steps: ⌈31 · 0.9⌉ = 28th.
    half = np.linspace(0.5, 12.0, 30)[27]
    assert ef.low == pytest.approx(max(ef.value - half, 0))
    assert ef.high == pytest.approx(min(ef.value + half, 100))
    assert 1 <= len(ef.clips) <= 4


def test_the_report_says_where_it_comes_from(report: Report, study: Study) -> None:
    assert report.study == study.id
    assert report.provenance.trained_on == "nothing"
    assert len(report.provenance.weights_sha256) == 64
    assert "not for clinical use" in report.provenance.use
    ef = report.measurement("ef")
    assert ef is not None
    assert ef.low is not None
    assert synthetic_warning(["the value", "its interval"]) in report.warnings
    assert any(each.what == "volumes" for each in report.not_done)


def test_beats_pictures_and_curve(report: Report, study: Study) -> None:
    (cine,) = report.cines
    assert cine.beats
    assert all(ed < es < after for ed, es, after in cine.beats)
    assert cine.heart_rate_bpm == pytest.approx(float(study.labels["heart_rate_bpm"]), rel=0.12)
    assert [picture.title.split(",")[0] for picture in report.pictures] == ["End-diastole", "End-systole"]
    (curve,) = report.curves
    assert len(curve.values) == cine.frames
    beats = [each for each in report.measurements if each.name == "ef_beat"]
    assert [each.clips for each in beats] == [
        ((0, ed),) for ed, _, _ in cine.beats if ((0, ed),) in [b.clips for b in beats]
    ]


def test_batch_size_and_clip_count_do_what_they_say(weights: Path, study: Study, report: Report) -> None:
    one_by_one = load_analyser(weights, Settings(clips=4, batch_size=1, threads=1)).analyse(study)
    first, second = report.measurement("ef"), one_by_one.measurement("ef")
    assert first is not None
    assert second is not None
    assert second.value == pytest.approx(first.value, abs=1e-3)


def test_every_number_is_finite(report: Report) -> None:
    for measurement in report.measurements:
        for number in (measurement.value, measurement.low, measurement.high):
            assert number is None or math.isfinite(number)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"frames": 1}, "still"),
        ({"times_ms": None}, "--frame-ms"),
        ({"view": "PLAX"}, "PLAX"),
        ({"notes": ("colour Doppler",)}, "Doppler"),
        ({"modality": "MR"}, "masks"),
        ({"times_ms": tuple(np.arange(110) * 2.0)}, "too short"),
    ],
)
def test_what_cannot_be_done_has_a_reason(
    analyser: Analyser, study: Study, change: dict[str, object], reason: str
) -> None:
    refused = analyser.analyse(replace(study, cines=(replace(study.cines[0], **change),)))
    assert refused.measurement("ef") is None
    (line,) = refused.not_done
    assert line.what == "ef"
    assert reason in line.reason


def test_the_user_may_know_the_frame_time(weights: Path, study: Study) -> None:
    silent = replace(study, cines=(replace(study.cines[0], times_ms=None),))
    told = load_analyser(weights, Settings(clips=2, frame_ms=20.0)).analyse(silent)
    assert told.measurement("ef") is not None
    assert any("from the user" in note for note in told.cines[0].notes)


def test_a_black_loop_is_not_done(analyser: Analyser, study: Study) -> None:
    black = np.zeros((110, 1, 112, 112), np.uint8)
    refused = analyser.analyse(replace(study, cines=(replace(study.cines[0], source=black),)))
    assert "sector" in refused.not_done[0].reason


def test_one_bad_loop_among_others_is_told_and_the_rest_is_measured(
    analyser: Analyser, study: Study, tmp_path: Path
) -> None:
    bad = replace(study.cines[0], source=tmp_path / "missing.avi")
    both = analyser.analyse(replace(study, cines=(study.cines[0], bad)))
    assert both.measurement("ef") is not None
    assert any("loop 1" in each.what and "NOT_REGULAR_FILE" in each.reason for each in both.not_done)
    with pytest.raises(InputError, match="NOT_REGULAR_FILE"):
        analyser.analyse(replace(study, cines=(bad,)))


def test_one_bad_study_stops_nothing(analyser: Analyser, study: Study, tmp_path: Path) -> None:
    bad = replace(study, id="bad", cines=(replace(study.cines[0], source=tmp_path / "missing.avi"),))
    first, second = analyser.analyse_all([bad, study])
    assert isinstance(first, io.Failure)
    assert first.error.code == "NOT_REGULAR_FILE"
    assert isinstance(second, Report)


def test_colour_doppler_is_seen_in_the_pixels(analyser: Analyser, study: Study) -> None:
    frames = np.repeat(study.cines[0].source, 3, axis=1)
    frames[:, 0, 40:70, 40:75] = 250
    refused = analyser.analyse(replace(study, cines=(replace(study.cines[0], source=frames),)))
    assert "Doppler" in refused.not_done[0].reason


def test_what_is_unlike_the_training_is_refused(make_weights: Callable[..., Path], study: Study) -> None:
    features = load_analyser(make_weights())._predictor.network.num_features
    far = torch.randn(40, features, generator=torch.Generator().manual_seed(0)) * 0.01 - 100.0
    refused = load_analyser(make_weights(reference=far)).analyse(study)
    assert refused.measurement("ef") is None
    assert "unlike the training loops" in refused.not_done[0].reason


def test_too_few_residuals_give_no_interval(make_weights: Callable[..., Path], study: Study) -> None:
    measured = load_analyser(make_weights(residuals=5), Settings(clips=2)).analyse(study)
    ef = measured.measurement("ef")
    assert ef is not None
    assert ef.low is None
    assert any("no calibration" in warning for warning in measured.warnings)


def test_masks_give_volumes_without_a_network(analyser: Analyser) -> None:
    study = mri_study(2, 1, phases=12)
    measured = analyser.analyse(study)
    ef, edv = measured.measurement("ef"), measured.measurement("edv_ml")
    assert ef is not None
    assert edv is not None
    assert ef.value == pytest.approx(float(study.labels["ef"]), abs=5)
    assert edv.value == pytest.approx(float(study.labels["edv_ml"]), rel=0.08)
    assert "masks" in ef.method


def test_wrong_weights_settings_and_devices(make_weights: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="predict edv_ml"):
        load_analyser(make_weights(target="edv_ml"))
    with pytest.raises(CheckpointError, match=r"MISSING_FILE: .*no manifest\.json and no model\.safetensors"):
        load_analyser(tmp_path)
    with pytest.raises(CheckpointError, match=r"MISSING_FILE: hypertrophy: .*cinecor train 004/lvh_masked_stage_2"):
        load_analyser(make_weights(), hypertrophy="package")
    with pytest.raises(CheckpointError, match="MISSING_FILE: nowhere: there is no such folder"):
        load_analyser(make_weights(), hypertrophy=tmp_path / "nowhere")
    for named in ({"folder": "long" * 100}, *({name: "long" * 100} for name in ("views", "hypertrophy"))):
        with pytest.raises(CheckpointError, match=r"MISSING_FILE: long.*there is no such folder"):
            load_analyser(**{"folder": make_weights(), **named})
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        Settings(clips=0)
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        Settings(level=1.0)
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        Settings(frame_ms=-1.0)
    if not torch.cuda.is_available():
        with pytest.raises(ResourceError, match="NO_DEVICE"):
            load_analyser(make_weights(), Settings(device="cuda:7"))
