"""Views told apart from a folder of stills and loops, by grey frames, by themselves and behind a mask."""

from __future__ import annotations

import numpy as np
import pytest
from tests.clips.bright import save_bright

from cinecor.datasets import view_folders
from cinecor.evaluation.table import read_predictions
from cinecor.records import Cine, ClipSpec, Study
from cinecor.training import train
from cinecor.training.recipe import make_recipe

RECIPE = {
    "task": "classification",
    "target": "view",
    "case": "loop",
    "model": {"name": "resnet50v2", "options": {"width": 4, "depths": [2, 2, 2, 2]}},
    "clip": {"length": 1, "height": 16, "width": 16, "resize": "nearest"},
    "sampling": {"validation_clips": 2, "test_clips": 2},
    "loss": {"name": "cross_entropy"},
    "monitor": "accuracy",
    "batch_size": 8,
    "epochs": 1,
    "device": "cpu",
    "reference_clips": 4,
}


def make(number: int, split: str) -> Study:
    """A still and a loop of each view: bright on the left, or on the right; dim noise is what no probe sees."""
    rng, cines = np.random.default_rng(number), []
    for view, half in (("A4C", slice(0, 16)), ("PLAX", slice(16, 32))):
        for frames in (1, 3):
            source = rng.integers(0, 40, (frames, 1, 32, 32)).astype(np.uint8)
            source[..., half] += 150
            times = tuple(40.0 * index for index in range(frames))
            cines.append(Cine(source=source, modality="US", view=view, frames=frames, times_ms=times))
    return Study(id=f"p{number}", cines=tuple(cines), split=split)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("views")
    splits = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    view_folders.write([make(number, split) for number, split in enumerate(splits)], folder, files="dicom")
    return folder


@pytest.mark.parametrize("behind", [False, True])
def test_stills_and_loops_are_told_by_single_grey_frames(data, behind, tmp_path):
    save_bright(tmp_path / "bright", ClipSpec(length=1, height=32, width=32))
    mask = {"mask": {"weights": str(tmp_path / "bright")}} if behind else {}
    run = train(make_recipe({**RECIPE, **mask}), data, tmp_path / "run", cache=tmp_path / "cache")
    assert list(run.recipe.classes) == ["A4C", "PLAX"]
    said = read_predictions(run.folder / "predictions_test.csv")
    per_case = said.groupby("study").size()
    assert sorted(per_case.unique()) == [2, 4]  # of a still one frame, of a loop two, each with two classes
    assert len(per_case) == 8
    assert said.groupby(["study", "start"])["value"].sum().to_numpy() == pytest.approx(1.0)
    assert set(said["patient"]) == {"p8", "p9"}
    assert run.manifest.clip["resize"] == "nearest"
    frames = np.concatenate([np.fromfile(path, np.uint8) for path in (tmp_path / "cache").rglob("*.u8")])
    assert ((frames > 0) & (frames < 77)).any() != behind
