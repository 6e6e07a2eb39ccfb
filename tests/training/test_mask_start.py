"""A training behind a mask: whole by itself, and the same frames ever after."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.clips.bright import save_bright
from tests.training.conftest import TINY

from cinecor.clips import Cache, prepare
from cinecor.clips.masking import FOLDER, load_mask
from cinecor.datasets import view_folders
from cinecor.errors import CheckpointError, ConfigError, DatasetError
from cinecor.evaluation.table import read_predictions
from cinecor.inference import Settings, load_predictor
from cinecor.inference.loop import open_loop
from cinecor.phantom import echo_study
from cinecor.records import ClipSpec
from cinecor.training import open_run, predictions_of, train
from cinecor.training.kept_cases import CASES_NAME, EARLIER_NAME
from cinecor.training.mask_start import pin_mask
from cinecor.training.recipe import apply_overrides, fingerprint, load_recipe, make_recipe, resolve
from cinecor.training.sweep import _anywhere

SEEN = ClipSpec(length=1, height=24, width=24)


def masked(weights: Path, **changes):
    return make_recipe({**TINY, "epochs": 1, **changes, "mask": {"weights": str(weights)}})


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    folder = tmp_path_factory.mktemp("weights") / "bright"
    save_bright(folder, SEEN)
    return folder


@pytest.fixture(scope="module")
def run(weights, tmp_path_factory, make_cohort):
    return train(masked(weights), make_cohort(6, 2, 2), tmp_path_factory.mktemp("runs") / "run")


def test_the_network_sees_nothing_but_the_disc(run, make_cohort):
    study = make_cohort(6, 2, 2)[0]
    spec = run.recipe.clip_spec
    cache = Cache.build([study], spec, run.folder / "cache", progress=False, mask=load_mask(run.folder, spec))
    frames = study.cines[0].source
    np.testing.assert_array_equal(cache.frames(study.id), np.where(frames >= 77, frames, 0))


def test_the_run_is_whole_by_itself(run, weights, make_cohort, tmp_path):
    manifest = run.manifest
    assert manifest.clip["mask"] == f"fov:{manifest.extra['mask']['weights_sha256']}"
    for name in ("model.safetensors", "manifest.json"):
        assert (run.folder / FOLDER / name).read_bytes() == (weights / name).read_bytes()
    elsewhere = tmp_path / "moved"
    shutil.copytree(run.folder, elsewhere)
    assert ClipSpec.from_dict(open_run(elsewhere).manifest.clip).mask == manifest.clip["mask"]
    gone = load_recipe(elsewhere / "recipe.yaml")
    gone = gone.model_copy(update={"mask": gone.mask.model_copy(update={"weights": "nowhere"})})
    assert train(gone, make_cohort(6, 2, 2), elsewhere).manifest == manifest


def test_data_on_disk_are_seen_as_the_training_saw_its_own(run, make_cohort, tmp_path):
    cohort = make_cohort(6, 2, 2)
    view_folders.write(cohort, tmp_path / "data", files="dicom")
    said, _, _ = predictions_of(run.folder, tmp_path / "data", cache=tmp_path / "cache", device="cpu")
    kept = read_predictions(run.folder / "predictions_test.csv")
    assert said["study"].tolist() == kept["study"].tolist()
    np.testing.assert_allclose(said["value"], kept["value"], rtol=1e-4)


def test_inference_applies_the_same_mask(run, tmp_path):
    predictor = load_predictor(run.folder, Settings(device="cpu"))
    assert predictor.mask is not None
    cine = echo_study(1, 0, max_frames=30).cines[0]
    loop = open_loop(cine, 0, cine.source, predictor.spec, 2, predictor.mask)
    np.testing.assert_array_equal(loop.frames, prepare(cine.source, cine, predictor.spec, mask=predictor.mask))
    with pytest.raises(ConfigError, match="belongs to the weights"):
        open_loop(cine, 0, cine.source, predictor.spec, 2)
    shutil.copytree(run.folder, tmp_path / "torn")
    shutil.rmtree(tmp_path / "torn" / FOLDER)
    with pytest.raises(CheckpointError):
        load_predictor(tmp_path / "torn", Settings(device="cpu"))


def test_a_recipe_is_another_one_with_another_mask(weights, tmp_path):
    plain = fingerprint(make_recipe({**TINY, "epochs": 1}))
    shutil.copytree(weights, tmp_path / "copy")
    save_bright(tmp_path / "other", SEEN, level=90.0)
    prints = [fingerprint(pin_mask(resolve(masked(path)))) for path in (weights, tmp_path / "copy", tmp_path / "other")]
    assert prints[0] == prints[1]
    assert len({plain, *prints}) == 3
    pinned = pin_mask(resolve(masked(weights)))
    changed = apply_overrides(pinned, ["--mask.weights", str(tmp_path / "other")])
    assert fingerprint(pin_mask(changed)) == prints[2]
    assert pin_mask(pinned) is pinned


def test_masks_that_cannot_be_used_stop_a_training_at_once(weights, tmp_path, cohort):
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "manifest.json").write_bytes((weights / "manifest.json").read_bytes())
    for name, told in (("torn", r"no model\.safetensors"), ("nowhere", "no such folder")):
        with pytest.raises(CheckpointError, match=f"MISSING_FILE: {name}: .*{told}"):
            train(masked(tmp_path / name), cohort, tmp_path / "run")
    wrong = apply_overrides(masked(weights), ["--mask.structure", "lv"])
    with pytest.raises(ConfigError, match="they outline fov"):
        train(wrong, cohort, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_sweep_leaves_a_name_that_no_folder_can_have(weights):
    recipe = masked(Path("long" * 100))
    assert _anywhere(recipe) is recipe


def test_a_sweep_finds_the_mask_from_anywhere(weights, monkeypatch):
    monkeypatch.chdir(weights.parent)
    recipe = _anywhere(masked(Path(weights.name)))
    assert Path(recipe.mask.weights) == weights
    assert recipe.start.weights is None


def test_a_sweep_finds_the_run_whose_splits_are_taken_over_from_anywhere(weights, monkeypatch):
    monkeypatch.chdir(weights.parent)
    recipe = make_recipe({**TINY, "split": {"by": "patient", "like": weights.name}})
    assert _anywhere(recipe).split.like == str(weights)


def test_the_lists_of_whom_the_mask_learned_from_go_with_it(weights, finished, make_cohort, tmp_path):
    """A mask that learned from the cohort of a finished run, which it says in that run's table."""
    mask = tmp_path / "mask"
    shutil.copytree(weights, mask)
    shutil.copyfile(finished.folder / CASES_NAME, mask / CASES_NAME)
    cohort = make_cohort()
    run = train(masked(mask), cohort, tmp_path / "run")
    table = (mask / CASES_NAME).read_bytes()
    assert (run.folder / FOLDER / CASES_NAME).read_bytes() == table
    assert len((run.folder / EARLIER_NAME).read_text().splitlines()) == len(table.splitlines())
    turned = [
        replace(study, split={"train": "test", "test": "train"}.get(study.split, study.split)) for study in cohort
    ]
    for where in (mask, run.folder / FOLDER):  # the copy knows them, too
        with pytest.raises(DatasetError, match=r"LEAKAGE: mask\.weights: 10 of the 14 patients"):
            train(masked(where), turned, tmp_path / "other")
