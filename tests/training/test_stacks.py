"""A training that learns three structures of short-axis stacks, and what it says of them."""

from dataclasses import replace

import numpy as np
import pytest

from cinecor.errors import ConfigError, DatasetError
from cinecor.evaluation import table
from cinecor.evaluation.segmentation import MASKS_NAME, read_masks
from cinecor.io import nifti
from cinecor.measures.components import largest_components
from cinecor.records import Cine, Study
from cinecor.training import predictions_of, train
from cinecor.training.mask_keeping import MASKS_FOLDER, mask_name
from cinecor.training.recipe import make_recipe
from cinecor.training.recipe_fields import SplitPart
from cinecor.training.splitting import draw_folds, split_studies
from cinecor.training.stacks import MEASURED, is_stack, measure_truth

RECIPE = {
    "task": "segmentation",
    "structures": ["rv", "myocardium", "lv"],
    "model": {"name": "unet", "options": {"widths": [6, 12, 16]}},
    "clip": {"length": 1, "height": 32, "width": 32, "crop": "centre", "spacing_mm": 2.5},
    "augmentation": {"preset": "cine_mri", "elastic_px": 0.5, "rotation_deg": 20.0, "window_px": 28},
    "split": {"by": "kfold", "folds": 3, "stratify": "group"},
    "optimiser": {"lr": 0.02},
    "loss": {"name": "dice"},
    "monitor": "dice",
    "batch_size": 4,
    "epochs": 10,
    "device": "cpu",
    "reference_clips": 4,
}
TALL, WIDE = 44, 40
GROUPS = ("NOR", "DCM", "RV")


def _labels(radius, wall, slices):
    rows, columns = np.mgrid[:TALL, :WIDE]
    volume = []
    for place in range(slices):
        inner = radius * (1 - 0.15 * place)
        away = np.hypot(rows - 22, columns - 22)
        beside = np.hypot(rows - 22, columns - 11) < 7
        volume.append(np.select([away < inner, away < inner + wall, beside], [3, 2, 1], 0).astype(np.uint8))
    return volume


def _study(number, group, slices=3):
    rng = np.random.default_rng(number)
    phases = [_labels(rng.uniform(6.0, 7.5), 2.5, slices), _labels(rng.uniform(3.5, 5.5), 3.5, slices)]
    cines = []
    for place in range(slices):
        masks = {frame: phases[frame][place] for frame in (0, 1)}
        frames = np.stack([np.array([20, 190, 60, 220])[mask] for mask in masks.values()])
        noisy = (frames + rng.normal(0, 6, frames.shape)).astype(np.float32)[:, None]
        cine = Cine(source=noisy, modality="MR", view="SAX", frames=2, height=TALL, width=WIDE, spacing_mm=(2.0, 2.0))
        cines.append(replace(cine, slice_index=place, position_mm=8.0 * place, thickness_mm=8.0, masks=masks))
    labels = {"group": group, "ed_frame": 0.0, "es_frame": 1.0}
    return Study(id=f"patient{number:03d}", cines=tuple(cines), labels=labels)


@pytest.fixture(scope="module")
def cohort():
    return [_study(number, GROUPS[number % 3]) for number in range(15)]


@pytest.fixture(scope="module")
def run(cohort, tmp_path_factory):
    return train(make_recipe(RECIPE), cohort, tmp_path_factory.mktemp("runs") / "run")


def _overlap(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def test_a_study_is_labelled_by_its_own_masks(cohort):
    study = measure_truth(cohort[0])
    volumes = [np.stack(_volume(cohort[0], frame)) for frame in (0, 1)]
    millilitres = [(volume == 3).sum() * 2.0 * 2.0 * 8.0 / 1000 for volume in volumes]
    assert study.labels["edv_ml"] == pytest.approx(millilitres[0])
    assert study.labels["ef"] == pytest.approx(100 * (1 - millilitres[1] / millilitres[0]))
    assert study.labels["rv_esv_ml"] == pytest.approx((volumes[1] == 1).sum() * 0.032)
    assert measure_truth(replace(cohort[0], labels={**cohort[0].labels, "ef": 1.0})).labels["ef"] == 1.0


def _volume(study, frame):
    return [cine.masks[frame] for cine in study.cines]


def test_what_cannot_be_measured_is_left_as_it_is(cohort):
    loop = replace(cohort[0], cines=tuple(replace(cine, position_mm=None) for cine in cohort[0].cines))
    bare = replace(cohort[0], cines=tuple(replace(cine, masks={0: cine.masks[0]}) for cine in cohort[0].cines))
    silent = replace(cohort[0], labels={"ed_frame": 0.0})
    assert not is_stack(loop)
    for study in (loop, bare, silent):
        assert measure_truth(study).labels == study.labels


def test_it_learns_all_three(run):
    dice = run.manifest.metrics["test"]["dice"]
    assert set(dice) == {"ed", "es"}
    assert all(value > 0.85 for phase in dice.values() for value in phase.values())
    assert run.manifest.metrics["test"]["studies"] == 5
    assert run.manifest.metrics["test"]["mae"] < 6


def test_the_history_has_dice_by_structure(run):
    header, *rows = (run.folder / "metrics.csv").read_text().splitlines()
    columns = dict(zip(header.split(","), zip(*(row.split(",") for row in rows), strict=True), strict=True))
    for name in ("rv", "myocardium", "lv"):
        assert float(columns[f"validation_dice_{name}"][-1]) > 0.8
    mean = np.mean([float(columns[f"validation_dice_{name}"][-1]) for name in ("rv", "myocardium", "lv")])
    assert float(columns["validation_dice"][-1]) == pytest.approx(mean)


def test_the_manifest_names_the_outputs(run):
    assert run.manifest.num_outputs == 3
    assert run.manifest.extra["structures"] == ["rv", "myocardium", "lv"]
    assert run.manifest.extra["calibration"]["line"] == {"slope": 1.0, "intercept": 0.0}
    assert "stacks" in run.manifest.extra["calibration"]["method"]


def test_the_labels_of_test_patients_are_kept_on_the_recorded_grid(run, cohort):
    tested = [study for study in cohort if (run.folder / MASKS_FOLDER / mask_name(study.id, "ed")).exists()]
    assert len(tested) == 5
    kept = sorted(path.name for path in (run.folder / MASKS_FOLDER).iterdir())
    assert kept == sorted(mask_name(study.id, phase) for study in tested for phase in ("ed", "es"))
    figures = read_masks(run.folder / MASKS_NAME).set_index(["study", "phase", "structure"])
    for study in tested:
        for frame, phase in enumerate(("ed", "es")):
            path = run.folder / MASKS_FOLDER / mask_name(study.id, phase)
            said = np.stack([nifti.load_mask(path, place) for place in range(3)])
            assert said.shape == (3, TALL, WIDE)
            assert nifti.describe(path).spacing_mm == (2.0, 2.0)
            np.testing.assert_array_equal(said, largest_components(said))
            for label, name in enumerate(("rv", "myocardium", "lv"), start=1):
                dice = _overlap(said == label, np.stack(_volume(study, frame)) == label)
                assert figures.loc[(study.id, phase, name), "dice"] == pytest.approx(dice)


def test_the_tables_have_volumes_beside_the_ejection_fraction(run):
    said = table.read_predictions(run.folder / "predictions_test.csv")
    true = table.read_truth(run.folder / "truth.csv")
    assert set(said["quantity"]) == set(MEASURED) == set(true["quantity"])
    pairs = table.pair(said, true)
    edv = pairs[pairs["quantity"] == "edv_ml"]
    assert (edv["predicted"] / edv["true"]).between(0.85, 1.15).all()


def test_another_folder_of_stacks_is_measured_as_the_run_was(run, cohort, tmp_path):
    from cinecor.datasets import acdc

    whole = [replace(study, split="test") for study in cohort[:2]]
    acdc.write(whole, tmp_path / "data")
    said, true, _ = predictions_of(run.folder, tmp_path / "data", "all", cache=tmp_path / "cache")
    assert set(said["study"]) == set(true["study"]) == {"patient000", "patient001"}
    ef = true[(true["study"] == "patient000") & (true["quantity"] == "ef")]["value"].item()
    assert ef == pytest.approx(measure_truth(cohort[0]).labels["ef"])


def test_folds_hold_every_group_evenly(cohort):
    folded = draw_folds(cohort, 3, 0, "group")
    for fold in (0.0, 1.0, 2.0):
        groups = [study.labels["group"] for study in folded if study.labels["fold"] == fold]
        assert {groups.count(name) for name in GROUPS} <= {1, 2}
        assert len(groups) == 5


def test_a_part_of_the_other_folds_can_choose_the_epoch(cohort):
    seen = []
    for fold in range(3):
        part = SplitPart(by="kfold", folds=3, fold=fold, stratify="group", validate_on="part", validation=0.25)
        splits = split_studies(cohort, part)
        assert {name: len(studies) for name, studies in splits.items()} == {"train": 7, "validation": 3, "test": 5}
        seen += [study.id for study in splits["test"]]
    assert sorted(seen) == [study.id for study in cohort]


def test_what_is_stratified_by_must_be_known(cohort):
    with pytest.raises(DatasetError, match="BAD_LABEL"):
        draw_folds([*cohort, Study(id="x", cines=())], 3, 0, "group")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"structures": ["lv", "rv"]}, "structures"),
        ({"structures": ["rv"]}, "structures"),
        ({"structures": []}, "structures"),
        ({"monitor": "mae"}, "monitor"),
        ({"task": "regression", "model": {"name": "i3d"}, "loss": {"name": "mse"}, "monitor": "mae"}, "structures"),
    ],
)
def test_what_does_not_go_together_is_refused(change, where):
    with pytest.raises(ConfigError) as caught:
        make_recipe({**RECIPE, **change})
    assert caught.value.where == where
