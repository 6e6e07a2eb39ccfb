"""The folder of weights for cine MRI: what its file may name, and how many networks are asked."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.inference.painted import ES, OPTIONS, SPEC, make_network, paint, paint_labels, save_run, save_weights

from cinecor.errors import CheckpointError, ConfigError
from cinecor.inference import SHIPPED, Settings
from cinecor.inference.cine_mri import INDEX, load_weights, outlines_stacks, read_index
from cinecor.inference.ensemble import Ensemble, join
from cinecor.inference.predictor import load_predictor
from cinecor.inference.stack import find_stack
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.records import Study


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_weights(tmp_path)


def test_which_weights_outline_stacks(folder: Path, tmp_path: Path) -> None:
    assert outlines_stacks(folder)
    assert outlines_stacks(folder / "segmentation-fold0")
    assert not outlines_stacks(SHIPPED)
    assert not outlines_stacks(save_run(tmp_path / "lv", extra={"structures": ["lv"]}))
    assert not outlines_stacks(tmp_path / "nothing")


def test_all_networks_or_fewer(folder: Path) -> None:
    everything, diagnoser = load_weights(folder, Settings())
    assert len(everything.predictors) == 2
    assert diagnoser is None
    fewer, _ = load_weights(folder, Settings(networks=1))
    assert fewer.name == "unet"
    with pytest.raises(ConfigError, match="3 networks are asked for, the folder holds 2"):
        load_weights(folder, Settings(networks=3))
    with pytest.raises(ConfigError, match="below 1"):
        Settings(networks=0)


def test_the_mean_of_probabilities(tmp_path: Path) -> None:
    predictors = []
    for fold, sharpness in enumerate((5.0, 20.0)):
        manifest = Manifest(
            model="unet", options=OPTIONS, clip=SPEC.as_dict(), extra={"structures": ["rv", "myocardium", "lv"]}
        )
        save_checkpoint(tmp_path / str(fold), make_network(sharpness), manifest)
        predictors.append(load_predictor(tmp_path / str(fold), Settings(batch_size=1)))
    frames = np.random.default_rng(0).integers(0, 256, (9, 1, 48, 48), dtype=np.uint8)
    x = frames[:, 0] / 255.0
    logits = np.stack([1 / 6 - x, 1 / 6 - np.abs(x - 2 / 3), x - 5 / 6], axis=1)
    expected = np.mean([1 / (1 + np.exp(-sharpness * logits)) for sharpness in (5.0, 20.0)], axis=0)
    assert np.allclose(join(predictors).maps(frames), expected, atol=1e-5)


def test_networks_that_differ_are_refused(tmp_path: Path, folder: Path) -> None:
    other = save_run(tmp_path / "other", clip={**SPEC.as_dict(), "spacing_mm": 1.5})
    turned = save_run(tmp_path / "turned", extra={"structures": ["lv", "myocardium", "rv"]})
    unnamed = save_run(tmp_path / "unnamed", extra={})
    first = load_predictor(folder / "segmentation-fold0", Settings())
    for path in (other, turned):
        with pytest.raises(CheckpointError, match="the networks differ"):
            join([first, load_predictor(path, Settings())])
    with pytest.raises(CheckpointError, match="nothing by name"):
        join([load_predictor(unnamed, Settings())])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "no JSON"),
        ("[" * 10_000, "no JSON"),
        ("[]", "no JSON object"),
        ('{"segmentation": "x"}', "does not list"),
        ('{"segmentation": []}', "does not list"),
        ('{"segmentation": [1]}', "does not list"),
        ('{"segmentation": ["segmentation-fold0"], "diagnosis": ["x"]}', "does not list"),
        ('{"segmentation": ["segmentation-fold7"]}', "MISSING_FILE: .*is not there"),
        ('{"segmentation": ["../elsewhere"]}', "UNSAFE"),
        ('{"segmentation": ["/etc"]}', "UNSAFE"),
        ('{"segmentation": ["segmentation-fold0"], "diagnosis": "..\\\\x"}', "UNSAFE"),
        (" " * 70_000, "usual size"),
    ],
)
def test_what_the_file_may_not_say(folder: Path, content: str, told: str) -> None:
    (folder / INDEX).write_text(content)
    with pytest.raises(CheckpointError, match=told):
        read_index(folder)


def test_what_the_file_says(folder: Path) -> None:
    (folder / "diagnosis").mkdir()
    (folder / INDEX).write_text(json.dumps({"segmentation": ["segmentation-fold1"], "diagnosis": "diagnosis"}))
    index = read_index(folder)
    assert index.segmentation == (folder / "segmentation-fold1",)
    assert index.diagnosis == folder / "diagnosis"


def test_networks_see_slices_the_usual_way_and_labels_lie_as_recorded(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensemble, _ = load_weights(folder, Settings(networks=1))
    painted = paint(paint_labels()[[0, ES]]).cines
    odd = slice(None, 71)  # of so many pixels the middle ones are the same from either side
    whole = [replace(each, source=each.source[:, :, odd, odd], height=71, width=71) for each in painted]
    usual = find_stack(Study(id="usual", cines=tuple(whole)))
    seen: list[np.ndarray] = []
    maps = Ensemble.maps
    monkeypatch.setattr(Ensemble, "maps", lambda self, frames: [seen.append(frames), maps(self, frames)][1])
    expected = ensemble.outline(usual).labels
    right, down = (0.7, 0.7, 0.1), (0.1, 0.0, -0.99)
    minus = tuple(-value for value in down)
    for directions, change in (
        ((*right, *minus), lambda planes: planes[..., ::-1, :]),  # rows from the feet upwards
        ((*down, *right), lambda planes: planes.swapaxes(-1, -2)),
    ):
        cines = [
            replace(cine, source=np.ascontiguousarray(change(cine.source)), directions=directions)
            for cine in usual.cines
        ]
        stack = find_stack(Study(id="turned", cines=tuple(cines)))
        found = ensemble.outline(stack)
        assert np.abs(seen[-1].astype(int) - seen[0]).max() <= 1
        assert (found.labels == change(expected)).mean() > 0.999
        assert any("the networks saw them as is usual" in text for text in stack.warnings)
    assert not any("as is usual" in text for text in usual.warnings)
