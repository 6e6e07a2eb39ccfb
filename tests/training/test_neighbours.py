"""A segmentation that sees the slices beside learns what no slice shows alone; analysis sees what training saw."""

from dataclasses import replace

import numpy as np
import pytest

from cinecor.errors import ConfigError
from cinecor.evaluation.segmentation import MASKS_NAME, read_masks
from cinecor.inference import Settings
from cinecor.inference.ensemble import join
from cinecor.inference.predictor import load_predictor
from cinecor.inference.stack import find_stack
from cinecor.io import nifti
from cinecor.measures.components import largest_components
from cinecor.records import Cine, Study
from cinecor.training import train
from cinecor.training.mask_keeping import MASKS_FOLDER, mask_name
from cinecor.training.recipe import make_recipe

RECIPE = {
    "task": "segmentation",
    "structures": ["rv", "myocardium", "lv"],
    "model": {"name": "unet", "options": {"widths": [6, 12, 16]}},
    "clip": {"length": 1, "height": 32, "width": 32, "crop": "centre", "spacing_mm": 2.0, "neighbours": 1},
    "augmentation": {"preset": "none", "pad": 2, "swap": 0.5},
    "split": {"by": "kfold", "folds": 3, "stratify": "group"},
    "optimiser": {"lr": 0.02},
    "loss": {"name": "dice", "pooled": True},
    "monitor": "dice",
    "batch_size": 4,
    "epochs": 15,
    "patience": 0,
    "device": "cpu",
    "reference_clips": 4,
}
SIZE, SLICES = 36, 4


def _study(number):
    """Slices but that at the apex show a patch beside the ventricle; on that at the base it is no right ventricle."""
    rng = np.random.default_rng(number)
    upwards = number % 2 == 0
    phases = []
    for radius, wall in ((rng.uniform(6.0, 7.0), 2.5), (rng.uniform(3.5, 5.0), 3.5)):
        rows, columns = np.mgrid[:SIZE, :SIZE]
        away, beside = np.hypot(rows - 18, columns - 21), np.hypot(rows - 18, columns - 7) < 5
        phases.append(np.select([away < radius, away < radius + wall, beside], [3, 2, 1], 0).astype(np.uint8))
    cines = []
    for place in range(SLICES):
        at_base, at_apex = (place == end for end in ((0, SLICES - 1) if upwards else (SLICES - 1, 0)))
        shown = [np.where(labels == 1, 0, labels) if at_apex else labels for labels in phases]
        frames = np.stack([np.array([20, 190, 60, 220])[labels] for labels in shown])
        noisy = (frames + rng.normal(0, 6, frames.shape)).astype(np.float32)[:, None]
        masks = {phase: np.where(labels == 1, 0, labels) if at_base else labels for phase, labels in enumerate(shown)}
        cine = Cine(source=noisy, modality="MR", view="SAX", frames=2, height=SIZE, width=SIZE, spacing_mm=(2.0, 2.0))
        cines.append(replace(cine, slice_index=place, position_mm=8.0 * place, thickness_mm=8.0, masks=masks))
    labels = {"group": ("NOR", "DCM")[number % 4 // 2], "ed_frame": 0.0, "es_frame": 1.0}
    return Study(id=f"patient{number:03d}", cines=tuple(cines), labels=labels)


@pytest.fixture(scope="module")
def cohort():
    return [_study(number) for number in range(12)]


def _right_ventricle(run):
    table = read_masks(run / MASKS_NAME)
    return table.loc[table["structure"] == "rv", "dice"].mean()


def test_what_only_neighbours_show_is_learned(cohort, tmp_path):
    together = train(make_recipe(RECIPE), cohort, tmp_path / "together").folder
    alone = {**RECIPE, "clip": {**RECIPE["clip"], "neighbours": 0}, "augmentation": {"preset": "none", "pad": 2}}
    apart = train(make_recipe(alone), cohort, tmp_path / "apart").folder
    # Of three patches two are right ventricles: to call them all so has a Dice coefficient of 0.8, to call none 0.
    assert _right_ventricle(together) > 0.9
    assert _right_ventricle(apart) < 0.85
    _analysis_sees_the_same(cohort, together)


def _analysis_sees_the_same(cohort, run):
    ensemble = join([load_predictor(run, Settings(threads=1))])
    paths = sorted((run / MASKS_FOLDER).glob("*_ed.nii.gz"))
    assert len(paths) == 4
    for study in cohort:
        if not (run / MASKS_FOLDER / mask_name(study.id, "ed")).exists():
            continue
        found = ensemble.outline(find_stack(study)).labels
        for frame, phase in enumerate(("ed", "es")):
            path = run / MASKS_FOLDER / mask_name(study.id, phase)
            kept = np.stack([nifti.load_mask(path, place) for place in range(SLICES)])
            np.testing.assert_array_equal(largest_components(found[frame]), kept)


def test_only_a_segmentation_sees_neighbours():
    with pytest.raises(ConfigError, match="slice after slice"):
        make_recipe({"clip": {"neighbours": 1}})


def test_sides_are_exchanged_only_where_there_are_neighbours():
    with pytest.raises(ConfigError, match="no neighbours"):
        make_recipe({"augmentation": {"swap": 0.5}})
