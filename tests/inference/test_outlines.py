"""From outlines to a report, with a network that calls outlined what is white."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.inference.white import CYCLE, EF, FRAME_MS, FULL_ML, White, make_predictor, make_study

from cinecor.inference import Analyser, Settings
from cinecor.inference.instruments import Instruments
from cinecor.inference.novelty import Novelty
from cinecor.records import Report, Study


@pytest.fixture(scope="module")
def study() -> Study:
    return make_study()


@pytest.fixture(scope="module")
def report(study: Study) -> Report:
    return Analyser(Instruments(ef=make_predictor())).analyse(study)


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
    again = Analyser(Instruments(ef=make_predictor())).analyse(larger)
    assert again.measurement("ef").value == pytest.approx(report.measurement("ef").value)
    assert again.measurement("edv_ml").value == pytest.approx(8 * report.measurement("edv_ml").value)


def test_pixels_without_a_size_give_no_volumes(report):
    again = Analyser(Instruments(ef=make_predictor())).analyse(make_study(spacing_mm=None))
    assert again.measurement("ef").value == pytest.approx(report.measurement("ef").value, abs=0.5)
    assert again.measurement("edv_ml") is None
    assert [(line.what, "large" in line.reason) for line in again.not_done] == [("volumes", True)]
    assert again.curves[0].unit == "% of the largest"


def test_pictures_show_the_outline(report):
    assert [picture.title.split(",")[0] for picture in report.pictures] == ["End-diastole", "End-systole"]
    drawn = [(np.abs(picture.pixels.astype(int) - (255, 196, 0)).sum(axis=2) < 60).sum() for picture in report.pictures]
    assert drawn[0] > drawn[1] > 100  # the longer outline is that of the fuller ventricle


def test_the_line_corrects(study, report):
    bent = Analyser(Instruments(ef=make_predictor(line=(0.5, 10.0)))).analyse(study)
    assert bent.measurement("ef").value == pytest.approx(0.5 * report.measurement("ef").value + 10)
    assert bent.measurement("edv_ml").value == report.measurement("edv_ml").value


def test_frame_times_are_not_needed(study, report):
    silent = replace(study, cines=(replace(study.cines[0], times_ms=None),))
    again = Analyser(Instruments(ef=make_predictor())).analyse(silent)
    assert again.measurement("ef").value == pytest.approx(report.measurement("ef").value, abs=2.0)
    assert again.curves == ()


@pytest.mark.parametrize(
    ("threshold", "reason"), [(2.0, "no left ventricle was found"), (-1.0, "which no ventricle does")]
)
def test_no_ventricle_is_said(study, threshold, reason):
    refused = Analyser(Instruments(ef=make_predictor(network=White(threshold).eval()))).analyse(study)
    assert refused.measurement("ef") is None
    assert reason in refused.not_done[0].reason


def test_a_loop_that_stands_still_is_refused():
    refused = Analyser(Instruments(ef=make_predictor())).analyse(make_study(ef=0.0))
    assert refused.not_done[0].reason == "nothing beats in this loop"


def test_some_frames_without_a_ventricle_are_bridged_and_many_are_refused(study, report):
    frames = study.cines[0].source.copy()
    frames[np.arange(len(frames)) % 5 == 0] = np.minimum(frames[np.arange(len(frames)) % 5 == 0], 100)
    bridged = Analyser(Instruments(ef=make_predictor())).analyse(
        replace(study, cines=(replace(study.cines[0], source=frames),))
    )
    assert bridged.measurement("ef").value == pytest.approx(report.measurement("ef").value, abs=2.0)
    frames[40:] = np.minimum(frames[40:], 100)
    refused = Analyser(Instruments(ef=make_predictor())).analyse(
        replace(study, cines=(replace(study.cines[0], source=frames),))
    )
    assert "frames only" in refused.not_done[0].reason


def test_what_is_unlike_the_training_is_refused(study):
    near = np.random.default_rng(0).normal(50.0, 0.01, (40, 1))
    refused = Analyser(Instruments(ef=make_predictor(novelty=Novelty(near)))).analyse(study)
    assert "unlike" in refused.not_done[0].reason


def test_the_batch_size_does_not_matter(study, report):
    again = Analyser(Instruments(ef=make_predictor(settings=Settings(batch_size=50, threads=1)))).analyse(study)
    assert again.measurement("ef").value == pytest.approx(report.measurement("ef").value, abs=1e-6)
