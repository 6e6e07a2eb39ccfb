"""Which loop goes where, and what a report says of those that go nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from tests.inference.views import save_classifier, solve_views

import cinecor.inference.opening as opening
from cinecor import io
from cinecor.cli import __main__ as cli
from cinecor.clips import prepare
from cinecor.clips.masking import load_mask
from cinecor.datasets import view_folders
from cinecor.errors import ConfigError
from cinecor.evaluation.table import aggregate
from cinecor.inference import Settings, load_analyser
from cinecor.inference.wording import synthetic_warning
from cinecor.io.dicom_writing import write_ultrasound
from cinecor.models.checkpoint import load_checkpoint, read_manifest
from cinecor.phantom import view_study
from cinecor.records import ClipSpec, Report, Study
from cinecor.training import predictions_of

VIEWS = ("A4C", "PLAX", "PW", "A2C")


@pytest.fixture(scope="module")
def stated() -> Study:
    return view_study(0, 5, views=VIEWS, frames=12, dual=0.0, quality="good", split="test")


@pytest.fixture(scope="module")
def study(stated: Study) -> Study:
    """The same loops, of whose views nobody says anything."""
    return replace(stated, cines=tuple(replace(cine, view=None) for cine in stated.cines))


@pytest.fixture(scope="module")
def views(stated: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that tell the study's loops rightly."""
    return solve_views(tmp_path_factory.mktemp("views") / "run", stated, VIEWS)


@pytest.fixture(scope="module")
def hypertrophy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    extra = {"case": "study", "from_first": True, "view": "A4C", "clips_per_loop": 1}
    return save_classifier(tmp_path_factory.mktemp("lvh") / "run", "lvh", structure="epicardium", **extra)


@pytest.fixture(scope="module")
def weights(make_weights: Callable[..., Path]) -> Path:
    spec = ClipSpec(length=8, height=32, width=32, crop="sector", mean=(32.0,), std=(50.0,))
    return make_weights(clip=spec.as_dict(), options={"depth": "stem", "width": 0.25, "input_size": [8, 32, 32]})


@pytest.fixture(scope="module")
def report(weights: Path, views: Path, hypertrophy: Path, study: Study) -> Report:
    return load_analyser(weights, Settings(clips=2), views=views, hypertrophy=hypertrophy).analyse(study)


def test_every_loop_is_told_and_goes_where_its_view_leads(report: Report, stated: Study) -> None:
    assert [cine.view for cine in report.cines] == list(VIEWS)
    assert {cine.view_source for cine in report.cines} == {"told"}
    for cine in report.cines:
        assert cine.told is not None
        assert set(cine.told.probabilities) == set(VIEWS)
        assert cine.told.ranked[0] == (cine.view, max(cine.told.probabilities.values()))
    ef, lvh = report.measurement("ef"), report.measurement("lvh")
    assert ef is not None
    assert lvh is not None
    assert {cine for cine, _ in ef.clips} == {0}  # A4C
    assert lvh.clips == ((0, 0),)  # the first frame of the only A4C
    assert lvh.unit == "%"
    assert lvh.low is None


def test_what_is_not_measured_is_said_view_by_view(report: Report) -> None:
    said = {each.what: each.reason for each in report.not_done}
    assert said["measurements of loop 1"] == "the view is told to be PLAX, in which nothing is measured yet"
    assert said["measurements of loop 2"] == "the view is told to be PW, in which nothing is measured yet"
    assert said["measurements of loop 3"] == "the view is told to be A2C, in which nothing is measured yet"
    assert not any(what.startswith(("ef of", "lvh")) for what in said)


def test_all_weights_are_named(report: Report, views: Path, hypertrophy: Path) -> None:
    used = {each.role: each.weights_sha256 for each in report.provenance.networks}
    assert used == {
        "views": read_manifest(views).weights_sha256,
        "mask of views": read_manifest(views / "mask").weights_sha256,
        "hypertrophy": read_manifest(hypertrophy).weights_sha256,
        "mask of hypertrophy": read_manifest(hypertrophy / "mask").weights_sha256,
    }
    assert report.provenance.networks[0].trained_on == "what view is told by"


def test_ef_is_that_of_the_same_loops_with_their_views_stated(weights: Path, stated: Study, report: Report) -> None:
    alone = load_analyser(weights, Settings(clips=2)).analyse(replace(stated, cines=stated.cines[:1]))
    ef, told = alone.measurement("ef"), report.measurement("ef")
    assert ef is not None
    assert told is not None
    assert told.value == ef.value
    assert told.clips == ef.clips
    assert [cine.told for cine in alone.cines] == [None]
    assert alone.provenance.networks == ()
    assert {cine.view_source for cine in alone.cines} == {"stated"}


def test_hypertrophy_is_the_networks_word_on_the_masked_first_frame(
    hypertrophy: Path, stated: Study, report: Report
) -> None:
    network, manifest = load_checkpoint(hypertrophy)
    spec, cine = ClipSpec.from_dict(manifest.clip), stated.cines[0]
    frame = prepare(cine.source, cine, spec, mask=load_mask(hypertrophy, spec))[0]
    said = network(frame_clip(frame)).item()
    found = report.measurement("lvh")
    assert found is not None
    assert found.value == pytest.approx(100 * expit(said), abs=1e-4)


def frame_clip(frame: np.ndarray):
    import torch

    return torch.from_numpy(frame.astype(np.float32) / 255.0)[None, :, None]


def test_evaluate_gives_the_same_probability(
    weights: Path, hypertrophy: Path, stated: Study, report: Report, tmp_path: Path
) -> None:
    view_folders.write([stated], tmp_path / "data", files="dicom")
    said, _, _ = predictions_of(hypertrophy, tmp_path / "data", cache=tmp_path / "cache", device="cpu")
    (row,) = aggregate(said).to_dict("records")
    (read,) = view_folders.read(tmp_path / "data")
    found = load_analyser(weights, Settings(clips=2), hypertrophy=hypertrophy).analyse(read).measurement("lvh")
    assert found is not None
    assert found.value == pytest.approx(100 * row["value"], abs=1e-4)
    assert len(found.clips) == row["clips"] == 1
    before = report.measurement("lvh")
    assert before is not None
    assert before.value == pytest.approx(found.value, abs=1e-4)


def test_several_loops_of_a_study_count_clip_by_clip(weights: Path, stated: Study, tmp_path: Path) -> None:
    extra = {"case": "study", "from_first": False, "view": "A4C", "clips_per_loop": 3}
    folder = save_classifier(tmp_path / "run", "lvh", **extra)
    first = stated.cines[0]
    short = replace(first, source=first.source[:2], frames=2, times_ms=first.times_ms[:2], outlines={})
    two = replace(stated, cines=(first, stated.cines[3], short))
    view_folders.write([two], tmp_path / "data", files="dicom")
    said, _, _ = predictions_of(folder, tmp_path / "data", cache=tmp_path / "cache", device="cpu")
    (row,) = aggregate(said).to_dict("records")
    found = load_analyser(weights, Settings(clips=2), hypertrophy=folder).analyse(two).measurement("lvh")
    assert found is not None
    assert len(found.clips) == row["clips"] == 5
    assert found.value == pytest.approx(100 * row["value"], abs=1e-4)


def test_views_that_are_stated_are_kept(weights: Path, views: Path, stated: Study, study: Study) -> None:
    mixed = replace(study, cines=(*study.cines[:3], replace(study.cines[3], view="PSAX")))
    report = load_analyser(weights, Settings(clips=2), views=views).analyse(mixed)
    assert [cine.view for cine in report.cines] == [*VIEWS[:3], "PSAX"]
    assert [cine.view_source for cine in report.cines] == ["told", "told", "told", "stated"]
    said = {each.what: each.reason for each in report.not_done}
    assert said["ef of loop 3"] == "the view is PSAX, not apical"


def test_what_cannot_be_told_is_not_measured(weights: Path, views: Path, hypertrophy: Path, study: Study) -> None:
    settings = Settings(clips=2, view_certainty=1.0)
    report = load_analyser(weights, settings, views=views, hypertrophy=hypertrophy).analyse(study)
    assert [cine.view for cine in report.cines] == [None] * 4
    assert report.measurements == ()
    said = {each.what: each.reason for each in report.not_done}
    assert "no view reaches 100 %" in said["measurements of loop 0, 1, 2, 3"]
    assert "--views none" in said["measurements of loop 0, 1, 2, 3"]
    assert said["ef"] == "no loop shows a view in which it is measured"
    assert said["lvh"] == "no view is told"
    assert synthetic_warning(["the probabilities of views"]) in report.warnings
    noise = np.random.default_rng(0).integers(0, 256, study.cines[0].source.shape, dtype=np.uint8)
    strange = replace(study, cines=(replace(study.cines[0], source=noise), *study.cines[1:]))
    first, *others = load_analyser(weights, Settings(clips=2), views=views).analyse(strange).cines
    assert first.told is not None
    assert first.told.doubt == "it is unlike the loops that views were learned from"
    assert first.told.novelty > 1.3
    assert [cine.view for cine in others] == list(VIEWS[1:])


def test_auto_is_the_packages_weights_beside_its_own_in_studies_of_several_loops(
    weights: Path, views: Path, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "SHIPPED_VIEWS", views)
    monkeypatch.setattr(opening, "SHIPPED", weights)
    one = replace(study, cines=study.cines[1:2])
    for given, seen, told in (
        ({}, study, True),
        ({}, one, False),
        ({"views": "package"}, one, True),
        ({"views": "none"}, study, False),
        ({"folder": weights}, study, False),
        ({"folder": weights, "views": "package"}, study, True),
    ):
        report = load_analyser(settings=Settings(clips=1), **given).analyse(seen)
        assert [cine.told is not None for cine in report.cines] == [told] * len(seen.cines), given
        assert bool(report.provenance.networks) == told


def test_weights_that_do_not_fit_their_place_are_refused(weights: Path, views: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="predict view, not lvh"):
        load_analyser(weights, hypertrophy=views)
    with pytest.raises(ConfigError, match="which view they were trained on"):
        load_analyser(weights, hypertrophy=save_classifier(tmp_path / "any", "lvh"))
    with pytest.raises(ConfigError, match="yes or no"):
        load_analyser(weights, hypertrophy=save_classifier(tmp_path / "two", "lvh", ("no", "yes"), view="A4C"))
    with pytest.raises(ConfigError, match="goes with no other"):
        load_analyser(weights, views=["none", str(views)])


def test_a_study_of_dicom_files_from_the_command_line(
    weights: Path, views: Path, hypertrophy: Path, stated: Study, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, cine in enumerate(stated.cines):
        path = tmp_path / "study" / f"{number}.dcm"
        more = {"spacing_mm": cine.spacing_mm, "region": cine.region, "study_uid": "1.2.3", "instance_number": number}
        write_ultrasound(path, cine.source, frame_ms=cine.frame_ms, seed=str(number), **more)
    studies, _ = io.discover([tmp_path / "study"])
    assert [cine.view for cine in studies[0].cines] == [None] * 4
    command = ["analyse", str(tmp_path / "study"), "--weights", str(weights), "--views", str(views), "--json"]
    command += ["--hypertrophy", str(hypertrophy), "--html", str(tmp_path), "--csv", str(tmp_path / "all.csv")]
    assert cli._run(command) == 0
    (found,) = json.loads(capsys.readouterr().out)["studies"]
    assert [cine["view"] for cine in found["cines"]] == list(VIEWS)
    assert {each["name"] for each in found["measurements"]} >= {"ef", "lvh"}
    (page,) = tmp_path.glob("*.html")
    assert "Left ventricular hypertrophy, probability" in page.read_text()
    assert cli._run([*command, "--hypertrophy", str(tmp_path / "nothing")]) == 6
