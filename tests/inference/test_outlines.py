"""From outlines to a report, with a network that calls outlined what is white."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from cinecor.inference import Analyser, Settings
from cinecor.inference.novelty import Novelty
from cinecor.inference.predictor import Predictor
from cinecor.models.checkpoint import Manifest
from cinecor.models.contract import Network, global_mean
from cinecor.records import Cine, ClipSpec, Report, Study

SPEC = ClipSpec(length=1, height=64, width=64, crop="sector")
SIZE, CYCLE, EF, FRAME_MS = 160, 36, 60.0, 25.0
FULL_ML = 2 / 3 * np.pi * 20.0**2 * 70.0 / 1000  # half an ellipsoid; pixels of 1 mm


class _White(Network):
    dense, num_features, num_outputs = True, 1, 1

    def __init__(self, threshold: float = 0.63) -> None:
        super().__init__()
        self.threshold = threshold

    def forward_features(self, *streams):
        return streams[0]

    def forward_head(self, features, *, pre_logits=False):
        return global_mean(features) if pre_logits else 30.0 * (features - self.threshold)

    def reset_classifier(self, num_outputs):
        self.num_outputs = num_outputs

    def output_layer(self):
        return nn.Conv3d(1, 1, 1)


def _predictor(**changes):
    values = {
        "network": _White().eval(),
        "manifest": Manifest(model="white", training_data={"description": "nothing", "synthetic": True}),
        "spec": SPEC,
        "novelty": None,
        "half_width": 8.0,
        "device": torch.device("cpu"),
        "settings": Settings(batch_size=3),
        **changes,
    }
    return Predictor(**values)


def _study(ef=EF, frames=3 * CYCLE, spacing_mm=(1.0, 1.0)):
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(float)
    wedge = (np.abs(np.arctan2(columns - 80, rows + 2)) < 0.7) & (np.hypot(columns - 80, rows + 2) < 150)
    swing = np.sin(np.pi * (np.arange(frames) % CYCLE) / CYCLE) ** 2
    shown = []
    for volume in 1.0 - ef / 100 * swing:
        half = 20.0 * np.sqrt(volume)
        inside = (((columns - 80) / half) ** 2 + ((rows - 120) / 70.0) ** 2 < 1) & (rows < 120)
        shown.append(np.where(inside, 255, rng.integers(20, 110, (SIZE, SIZE))) * wedge)
    source = np.stack(shown).astype(np.uint8)[:, None]
    times = tuple(FRAME_MS * index for index in range(frames))
    cine = Cine(
        source=source,
        modality="US",
        view="A4C",
        frames=frames,
        height=SIZE,
        width=SIZE,
        times_ms=times,
        spacing_mm=spacing_mm,
    )
    return Study(id="white", cines=(cine,))


@pytest.fixture(scope="module")
def study() -> Study:
    return _study()


@pytest.fixture(scope="module")
def report(study: Study) -> Report:
    return Analyser(_predictor()).analyse(study)


def test_ef_is_that_of_the_solid(report):
    ef = report.measurement("ef")
    assert ef.value == pytest.approx(EF, abs=2.5)
    assert (ef.low, ef.high) == pytest.approx((ef.value - 8, ef.value + 8))
    assert "single-plane discs" in ef.method


def test_volumes_are_those_of_the_solid(report):
    assert report.measurement("edv_ml").value == pytest.approx(FULL_ML, rel=0.06)
    assert report.measurement("esv_ml").value == pytest.approx(FULL_ML * (1 - EF / 100), rel=0.08)
    stroke = report.measurement("edv_ml").value - report.measurement("esv_ml").value
    assert report.measurement("sv_ml").value == pytest.approx(stroke)


def test_each_beat_has_its_ef(report):
    (cine,) = report.cines
    beats = [each for each in report.measurements if each.name == "ef_beat"]
    assert len(beats) == len(cine.beats) >= 2
    assert [each.clips for each in beats] == [((0, ed),) for ed, _, _ in cine.beats]
    assert np.mean([each.value for each in beats]) == pytest.approx(report.measurement("ef").value)
    assert cine.heart_rate_bpm == pytest.approx(60_000 / CYCLE / FRAME_MS, rel=0.03)


def test_volumes_scale_with_the_pixels_and_ef_does_not(report, study):
    larger = replace(study, cines=(replace(study.cines[0], spacing_mm=(2.0, 2.0)),))
    again = Analyser(_predictor()).analyse(larger)
    assert again.measurement("ef").value == pytest.approx(report.measurement("ef").value)
    assert again.measurement("edv_ml").value == pytest.approx(8 * report.measurement("edv_ml").value)


def test_pixels_without_a_size_give_no_volumes(report):
    again = Analyser(_predictor()).analyse(_study(spacing_mm=None))
    assert again.measurement("ef").value == pytest.approx(report.measurement("ef").value, abs=0.5)
    assert again.measurement("edv_ml") is None
    assert [(line.what, "large" in line.reason) for line in again.not_done] == [("volumes", True)]
    assert again.curves[0].unit == "% of the largest"


def test_pictures_show_the_outline(report):
    assert [picture.title.split(",")[0] for picture in report.pictures] == ["End-diastole", "End-systole"]
    drawn = [(np.abs(picture.pixels.astype(int) - (255, 196, 0)).sum(axis=2) < 60).sum() for picture in report.pictures]
    assert drawn[0] > drawn[1] > 100  # the longer outline is that of the fuller ventricle


def test_the_line_corrects(study, report):
    bent = Analyser(_predictor(line=(0.5, 10.0))).analyse(study)
    assert bent.measurement("ef").value == pytest.approx(0.5 * report.measurement("ef").value + 10)
    assert bent.measurement("edv_ml").value == report.measurement("edv_ml").value


def test_frame_times_are_not_needed(study, report):
    silent = replace(study, cines=(replace(study.cines[0], times_ms=None),))
    again = Analyser(_predictor()).analyse(silent)
    assert again.measurement("ef").value == pytest.approx(report.measurement("ef").value, abs=2.0)
    assert again.curves == ()


@pytest.mark.parametrize(
    ("threshold", "reason"), [(2.0, "no left ventricle was found"), (-1.0, "which no ventricle does")]
)
def test_no_ventricle_is_said(study, threshold, reason):
    refused = Analyser(_predictor(network=_White(threshold).eval())).analyse(study)
    assert refused.measurement("ef") is None
    assert reason in refused.not_done[0].reason


def test_a_loop_that_stands_still_is_refused():
    refused = Analyser(_predictor()).analyse(_study(ef=0.0))
    assert refused.not_done[0].reason == "nothing beats in this loop"


def test_some_frames_without_a_ventricle_are_bridged_and_many_are_refused(study, report):
    frames = study.cines[0].source.copy()
    frames[np.arange(len(frames)) % 5 == 0] = np.minimum(frames[np.arange(len(frames)) % 5 == 0], 100)
    bridged = Analyser(_predictor()).analyse(replace(study, cines=(replace(study.cines[0], source=frames),)))
    assert bridged.measurement("ef").value == pytest.approx(report.measurement("ef").value, abs=2.0)
    frames[40:] = np.minimum(frames[40:], 100)
    refused = Analyser(_predictor()).analyse(replace(study, cines=(replace(study.cines[0], source=frames),)))
    assert "frames only" in refused.not_done[0].reason


def test_what_is_unlike_the_training_is_refused(study):
    near = np.random.default_rng(0).normal(50.0, 0.01, (40, 1))
    refused = Analyser(_predictor(novelty=Novelty(near))).analyse(study)
    assert "unlike" in refused.not_done[0].reason


def test_the_batch_size_does_not_matter(study, report):
    again = Analyser(_predictor(settings=Settings(batch_size=50, threads=1))).analyse(study)
    assert again.measurement("ef").value == pytest.approx(report.measurement("ef").value, abs=1e-6)
