"""From a painted stack to its report: volumes, phases, order, what is warned of and what is not measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.inference.painted import ES, FIRST, LAST, SPACING, THICKNESS, paint, paint_labels, save_run, save_weights
from tests.inference.white import make_study

from cinecor.errors import ConfigError
from cinecor.inference import Settings, load_analyser
from cinecor.inference.by_stack import StackAnalyser
from cinecor.inference.diagnosis import Diagnoser
from cinecor.measures.short_axis import measure_stack
from cinecor.models.tabular import Linear, TabularClassifier
from cinecor.models.tabular_file import SavedClassifier, save_classifier
from cinecor.records import Report, Study


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return paint_labels()


@pytest.fixture(scope="module")
def study(labels: np.ndarray) -> Study:
    return paint(labels)


@pytest.fixture(scope="module")
def analyser(tmp_path_factory: pytest.TempPathFactory) -> StackAnalyser:
    return load_analyser(save_weights(tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def report(analyser: StackAnalyser, study: Study) -> Report:
    return analyser.analyse(study)


def value(report: Report, name: str) -> float:
    found = report.measurement(name)
    assert found is not None, name
    return found.value


def said(report: Report, words: str) -> bool:
    return any(words in warning for warning in report.warnings)


def missing(report: Report) -> dict[str, str]:
    return {each.what: each.reason for each in report.not_done}


def test_volumes_are_those_of_the_labels(report: Report, labels: np.ndarray) -> None:
    truth = measure_stack(labels[0], labels[ES], (SPACING, SPACING), THICKNESS)
    for name in ("edv_ml", "esv_ml", "sv_ml", "rv_edv_ml", "rv_esv_ml", "lv_mass_g"):
        assert value(report, name) == pytest.approx(truth[name], rel=0.04), name
    for name in ("ef", "rvef"):
        assert value(report, name) == pytest.approx(truth[name], abs=1.5), name


def test_phases_are_those_of_the_curve(report: Report) -> None:
    left, right = report.curves
    assert (left.title, left.unit, right.title) == ("LV volume", "mL", "RV volume")
    assert left.marks == {"ED": (0,), "ES": (ES,)}
    assert left.values[0] == pytest.approx(value(report, "edv_ml"))
    assert left.values[ES] == pytest.approx(value(report, "esv_ml"))
    assert left.times_ms[1] == 80.0
    assert all(cine.ed_frames == (0,) and cine.es_frames == (ES,) for cine in report.cines)
    assert "by the volume curve" in report.measurement("ef").method


def test_base_and_apex_are_named(report: Report) -> None:
    notes = {cine.index: cine.notes for cine in report.cines}
    assert notes[FIRST][0].startswith("base")
    assert notes[LAST][0].startswith("apex")
    assert not any(notes[place] for place in notes if place not in (FIRST, LAST))


def test_order_is_that_of_positions(analyser: StackAnalyser, study: Study, report: Report) -> None:
    order = np.random.default_rng(0).permutation(len(study.cines))
    turned = [replace(cine, position_mm=-(cine.position_mm or 0.0)) for cine in study.cines]
    again = analyser.analyse(replace(study, cines=tuple(turned[place] for place in order)))
    for measurement in report.measurements:
        assert value(again, measurement.name) == pytest.approx(measurement.value, rel=1e-6), measurement.name
    base = next(cine.index for cine in again.cines if any("base" in note for note in cine.notes))
    assert order[base] == FIRST
    assert np.array_equal(
        again.pictures[0].pixels[20:170, 20:], report.pictures[0].pixels[20:170, 20:]
    )  # base to apex, both; only the numbers in the corners differ


def test_masks_beside_the_images_are_not_looked_at(analyser: StackAnalyser, study: Study, report: Report) -> None:
    false = {frame: np.full((72, 72), 3, np.uint8) for frame in (0, ES)}
    again = analyser.analyse(replace(study, cines=tuple(replace(cine, masks=false) for cine in study.cines)))
    assert again.measurements == report.measurements
    shipped = load_analyser().analyse(replace(study, cines=tuple(replace(cine, masks=false) for cine in study.cines)))
    assert shipped.measurement("edv_ml").value > 3 * value(report, "edv_ml")  # without weights they are measured


def test_phases_that_the_study_names(analyser: StackAnalyser, study: Study) -> None:
    named = analyser.analyse(replace(study, labels={"ed_frame": 1.0, "es_frame": 4.0, "group": "DCM"}))
    assert named.curves[0].marks == {"ED": (1,), "ES": (4,)}
    assert "as the study names them" in named.measurement("ef").method
    wrong = analyser.analyse(replace(study, labels={"ed_frame": float(ES), "es_frame": 0.0}))
    assert wrong.measurement("ef") is None
    assert "not smaller at end-systole" in missing(wrong)["ef"]


def test_of_two_frames_the_larger_is_ed(analyser: StackAnalyser, labels: np.ndarray, report: Report) -> None:
    pair = analyser.analyse(paint(labels[[ES, 0]]))
    assert value(pair, "ef") == pytest.approx(value(report, "ef"), abs=0.5)
    assert pair.cines[3].ed_frames == (1,)
    assert pair.curves == ()
    assert not said(pair, "few")


def test_indices_need_a_body(analyser: StackAnalyser, study: Study, report: Report) -> None:
    assert "height and weight" in missing(report)["indexed volumes"]
    sized = analyser.analyse(replace(study, labels={"height_cm": 180.0, "weight_kg": 80.0}))
    assert value(sized, "body_surface_m2") == pytest.approx(2.0)
    assert value(sized, "edv_ml_index") == pytest.approx(value(sized, "edv_ml") / 2)
    odd = analyser.analyse(replace(study, labels={"height_cm": 180.0, "weight_kg": 0.0}))
    assert "kg" in missing(odd)["indexed volumes"]


def test_pictures_show_the_outlines(report: Report) -> None:
    ed, es = report.pictures
    assert ed.strip
    assert ed.title.startswith("End-diastole, frame 0")
    assert es.title.startswith(f"End-systole, frame {ES}")
    for first, second in ((0, 2), (2, 0)):  # orange around the left ventricle, blue around the right
        more = [picture.pixels[..., first].astype(int) - picture.pixels[..., second] for picture in (ed, es)]
        drawn = [int((each > 60).sum()) for each in more]
        assert drawn[0] > drawn[1] > 100  # the longer line is that of the fuller ventricle


def test_outlines_lie_on_the_edges_of_the_image(report: Report) -> None:
    tile = report.pictures[0].pixels[:190, 193 : 193 + 190].astype(int)
    row = tile[95]  # through the middle of the heart
    white = np.flatnonzero(row.min(axis=1) > 215)
    lines = np.flatnonzero(row[:, 0] - row[:, 2] > 60)
    inner = lines[(lines >= white.min() - 4) & (lines <= white.max() + 4)]
    assert len(white) > 40
    assert inner.min() < white.min()
    assert inner.max() > white.max()


def test_a_slice_is_missing(analyser: StackAnalyser, study: Study, report: Report) -> None:
    assert not said(report, "apart")
    holed = analyser.analyse(replace(study, cines=(*study.cines[:4], *study.cines[5:])))
    assert said(holed, "about 1 missing")
    shifted = [replace(cine, position_mm=(cine.position_mm or 0) + (1.0 if place == 4 else 0.0))
               for place, cine in enumerate(study.cines)]  # fmt: skip
    assert said(analyser.analyse(replace(study, cines=tuple(shifted))), "less exact")


def test_slices_without_positions(analyser: StackAnalyser, study: Study, report: Report) -> None:
    bare = tuple(replace(cine, position_mm=None) for cine in study.cines)
    unplaced = analyser.analyse(replace(study, cines=bare))
    assert value(unplaced, "edv_ml") == pytest.approx(value(report, "edv_ml"))
    assert said(unplaced, "no positions")


def test_the_stack_ends_before_the_apex(analyser: StackAnalyser, study: Study, report: Report) -> None:
    assert not said(report, "apex")
    assert said(analyser.analyse(replace(study, cines=study.cines[:4])), "ends before the apex")


def test_few_phases(analyser: StackAnalyser, labels: np.ndarray, report: Report) -> None:
    assert not said(report, "few")
    assert said(analyser.analyse(paint(labels[[0, 3, 5, 8]])), "4 phases are few")


def test_a_slice_with_fewer_phases_is_matched(analyser: StackAnalyser, study: Study, report: Report) -> None:
    frames = study.cines[3].source[::2]
    short = replace(study.cines[3], source=frames, frames=len(frames), times_ms=None)
    mixed = analyser.analyse(replace(study, cines=(*study.cines[:3], short, *study.cines[4:])))
    assert said(mixed, "1 of 9 slices have fewer phases")
    assert value(mixed, "edv_ml") == pytest.approx(value(report, "edv_ml"), rel=0.02)
    assert mixed.cines[3].es_frames == (2,)


def test_a_phase_that_failed_is_no_systole(analyser: StackAnalyser, labels: np.ndarray, report: Report) -> None:
    blank = labels.copy()
    blank[8][blank[8] == 3] = 2
    failed = analyser.analyse(paint(blank))
    assert said(failed, "8 does not fit its neighbours")
    assert value(failed, "esv_ml") == pytest.approx(value(report, "esv_ml"))


def test_parts_that_lie_apart_are_left_out(analyser: StackAnalyser, labels: np.ndarray, report: Report) -> None:
    assert not said(report, "lay apart")
    spotted = labels.copy()
    spotted[:, :, 52:58, 40:58] = 3
    found = analyser.analyse(paint(spotted))
    assert said(found, "left ventricle at ED lay apart")
    assert value(found, "edv_ml") == pytest.approx(value(report, "edv_ml"), rel=0.01)


def test_a_heart_at_the_border(analyser: StackAnalyser, labels: np.ndarray, report: Report) -> None:
    assert not said(report, "border")
    assert said(analyser.analyse(paint(np.roll(labels, 16, axis=2))), "reaches the border of")


def test_unlike_stroke_volumes(analyser: StackAnalyser, report: Report, study: Study) -> None:
    assert not said(report, "stroke volumes")  # they differ, by less than 40 mL
    larger = tuple(replace(cine, thickness_mm=40.0, position_mm=5 * (cine.position_mm or 0.0)) for cine in study.cines)
    assert said(analyser.analyse(replace(study, cines=larger)), "stroke volumes of the left")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda study: make_study(frames=12), "this is an echo loop"),
        (lambda study: replace(study, cines=study.cines[:2]), "2 parallel short-axis slices"),
        (lambda study: replace(study, cines=tuple(replace(c, spacing_mm=None) for c in study.cines)), "how large"),
        (
            lambda study: replace(
                study, cines=tuple(replace(c, position_mm=None, thickness_mm=None) for c in study.cines)
            ),
            "how far apart",
        ),
        (lambda study: paint(paint_labels()[:1]), "one phase"),
        (lambda study: paint(np.zeros((3, 5, 72, 72), np.uint8)), "found on 0 slices"),
    ],
)
def test_what_is_not_measured(analyser: StackAnalyser, study: Study, change, reason: str) -> None:
    refused = analyser.analyse(change(study))
    assert refused.measurements == ()
    assert reason in missing(refused)["ef"]


def test_other_views_are_left_out(analyser: StackAnalyser, study: Study, report: Report) -> None:
    short = tuple(replace(cine, stack=1) for cine in study.cines)
    long = tuple(replace(cine, stack=0) for cine in study.cines[:2])
    stills = [replace(cine, source=cine.source[:1], frames=1, stack=2) for cine in study.cines]
    mixed = analyser.analyse(replace(study, cines=(*long, *short, replace(study.cines[0], view="A4C"), *2 * stills)))
    assert value(mixed, "ef") == value(report, "ef")
    assert "not a slice" in missing(mixed)[f"loop 0, 1, {', '.join(map(str, range(11, 30)))}"]
    assert mixed.cines[0].ed_frames == ()


def test_who_made_it(report: Report, tmp_path: Path) -> None:
    assert report.provenance.model == "unet, mean of 2 networks"
    assert report.provenance.trained_on == "painted hearts"
    assert len(report.provenance.weights_sha256) == 64
    assert said(report, "synthetic hearts only: of a real heart, the values are no more than an illustration")
    assert said(report, "no calibration")
    assert "no classifier" in missing(report)["diagnosis"]
    assert "not for clinical use" in report.provenance.use


def test_one_run_alone_and_its_interval(study: Study, report: Report, tmp_path: Path) -> None:
    extra = {"structures": ["rv", "myocardium", "lv"], "calibration": {"residuals": [4.0] * 30}}
    analyser = load_analyser(save_run(tmp_path / "run", extra=extra))
    alone = analyser.analyse(study)
    assert alone.provenance.model == "unet"
    assert value(alone, "ef") == pytest.approx(value(report, "ef"), abs=1e-4)
    ef = alone.measurement("ef")
    assert (ef.low, ef.high, ef.level) == (pytest.approx(ef.value - 4), pytest.approx(ef.value + 4), 0.9)


def by_ef() -> SavedClassifier:
    """A classifier of one line: below 40 % of EF a heart is more like DCM, above it like NOR; RV knows indices."""
    part = Linear(
        centre=[40.0, 80.0, 1.9],
        scale=[10.0, 20.0, 1.0],
        weight=[[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, -0.1, 0.0]],
        offset=[0.0, 0.0, 0.0],
    )
    columns = ["ef", "edv_ml_index", "body_surface_m2"]
    whole = TabularClassifier(columns=columns, groups=["DCM", "NOR", "RV"], typical=[55.0, 75.0, 1.9], parts=[part])
    return SavedClassifier(name="a line of EF", training_data={}, classifier=whole)


def test_a_classifier_is_asked(tmp_path: Path, study: Study, report: Report) -> None:
    save_classifier(tmp_path / "diagnosis", by_ef())
    analyser = load_analyser(save_weights(tmp_path, diagnosis="diagnosis"))
    sized = analyser.analyse(replace(study, labels={"height_cm": 180.0, "weight_kg": 80.0, "group": "DCM"}))
    assert sized.diagnosis is not None
    features = {each.name: each.value for each in sized.measurements}
    assert sized.diagnosis.probabilities == pytest.approx(Diagnoser(by_ef()).probabilities(features))
    assert sum(sized.diagnosis.probabilities.values()) == pytest.approx(1.0)
    assert sized.diagnosis.method == sized.provenance.diagnosis == "a line of EF"
    assert len(sized.provenance.diagnosis_sha256) == 64
    assert "diagnosis" not in missing(sized)
    assert not said(sized, "typical")
    bare = analyser.analyse(study)
    assert said(bare, "typical body surface")


def test_options_that_do_not_fit(tmp_path: Path) -> None:
    folder = save_run(tmp_path / "run")
    with pytest.raises(ConfigError, match="leave segmentation out"):
        load_analyser(folder, segmentation="package")
    with pytest.raises(ConfigError, match="leave explain out"):
        load_analyser(folder, Settings(explain=True))
