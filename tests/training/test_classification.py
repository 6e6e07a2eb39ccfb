"""Yes or no: probabilities from training to tables, and what does not go together."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from torch import nn

from cinecor.errors import ConfigError, DatasetError
from cinecor.evaluation import table
from cinecor.models.checkpoint import load_checkpoint
from cinecor.records import Batch
from cinecor.training import score_run, train
from cinecor.training.data import open_data
from cinecor.training.loss import make_loss
from cinecor.training.recipe import apply_overrides, make_recipe
from cinecor.training.run import make_task
from cinecor.training.task import Task
from cinecor.training.validation import validate

CHOSEN = {"task": "classification", "target": "weak_a4c", "view": "A4C", "loss": {"name": "bce"}, "monitor": "auroc"}


@pytest.fixture(scope="module")
def weak(make_cohort):
    """Whether a heart ejects less than half; every other one has a second view that says nothing."""
    cohort = [replace(study, labels={"weak_a4c": float(study.labels["ef"] < 50)}) for study in make_cohort(12, 4, 6)]
    blank = replace(cohort[0].cines[0], source=np.zeros((10, 1, 24, 24), np.uint8), view="A2C")
    return [replace(s, cines=(*s.cines, blank)) if n % 2 else s for n, s in enumerate(cohort)]


@pytest.fixture(scope="module")
def recipe():
    values = {
        "model": {"name": "i3d", "options": {"depth": "stem", "width": 0.1, "norm_momentum": 0.1}},
        "clip": {"length": 6, "height": 24, "width": 24},
        "optimiser": {"lr": 0.01},
        "batch_size": 4,
        "epochs": 2,
        "device": "cpu",
        "reference_clips": 0,
    }
    return make_recipe({**values, **CHOSEN})


@pytest.fixture(scope="module")
def run(weak, recipe, tmp_path_factory):
    return train(recipe, weak, tmp_path_factory.mktemp("runs") / "weak")


def test_predictions_are_probabilities_of_the_saved_networks_logits(run, weak):
    said = table.read_predictions(run.folder / "predictions_test.csv")
    assert said["value"].between(0, 1).all()
    assert set(said["quantity"]) == {"weak_a4c"}
    assert set(said["cine"]) == {0}  # the other view was left out
    network, manifest = load_checkpoint(run.folder)
    assert (manifest.target, manifest.unit, manifest.extra["view"]) == ("weak_a4c", "", "A4C")
    study = next(study for study in weak if study.id == said["study"][0])
    first = int(said["start"][0])
    clip = study.cines[0].source[first : first + 6].swapaxes(0, 1)[None] / 255.0
    with torch.no_grad():
        logit = network(torch.from_numpy(clip.astype(np.float32)))[0, 0]
    assert said["value"][0] == pytest.approx(float(torch.sigmoid(logit)), abs=1e-4)


def test_the_summary_says_what_scikit_learn_says(run):
    pairs = table.pair(
        table.read_predictions(run.folder / "predictions_train.csv"), table.read_truth(run.folder / "truth.csv")
    )
    found = run.manifest.metrics["train"]
    assert found["auroc"] == pytest.approx(roc_auc_score(pairs["true"], pairs["predicted"]))
    assert found["f1"] == pytest.approx(f1_score(pairs["true"], pairs["predicted"] >= 0.5))
    assert "sensitivity" in run.summary()
    assert "RMSE" not in run.summary()
    results, _ = score_run(run.folder)
    assert results.quantities[0].figure("auroc").value == pytest.approx(run.manifest.metrics["test"]["auroc"])
    json.dumps(results.as_dict(), allow_nan=False)


def test_the_epoch_of_the_highest_auroc_is_kept(recipe):
    row = {"validation_loss": 0.4, "validation_auroc": 0.8}
    assert recipe.watch(row) < recipe.watch({**row, "validation_auroc": 0.7})
    assert apply_overrides(recipe, ["--monitor", "loss"]).watch(row) == 0.4


class _Fixed(Task):
    """A task that says what it is told."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def pick(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        return (batch.inputs["rgb"],)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values[:, :1, 0, 0, 0]


def test_validation_and_loss_are_those_of_scikit_learn(recipe):
    rng = np.random.default_rng(0)
    logits, true = rng.normal(0, 2, 20), (np.arange(20) // 2 % 2).astype(float)  # two clips a study
    batch = Batch(
        inputs={"rgb": torch.from_numpy(logits).float().reshape(-1, 1, 1, 1, 1)},
        targets={"weak_a4c": torch.from_numpy(true).float()},
        studies=tuple(f"{number // 2}" for number in range(20)),
        cines=(0,) * 20,
        starts=tuple(range(20)),
    )
    row = validate(recipe, _Fixed(), [batch], torch.device("cpu"), lambda: None)
    likely = 1 / (1 + np.exp(-logits))
    assert row["validation_loss"] == pytest.approx(log_loss(true, likely), rel=1e-5)
    assert row["validation_auroc"] == pytest.approx(roc_auc_score(true[::2], likely.reshape(-1, 2).mean(1)))
    assert float(make_loss(recipe)(batch.inputs["rgb"][:, :, 0, 0, 0], batch)) == pytest.approx(row["validation_loss"])
    called = likely.reshape(-1, 2).mean(1) >= 0.5
    assert row["validation_accuracy"] == pytest.approx(accuracy_score(true[::2], called))
    assert row["validation_f1"] == pytest.approx(f1_score(true[::2], called))
    alike = replace(batch, targets={"weak_a4c": torch.ones(20)})
    assert set(validate(recipe, _Fixed(), [alike], torch.device("cpu"), lambda: None)) == {
        *("validation_loss", "validation_accuracy", "validation_f1")
    }


def test_the_network_starts_at_the_share_of_the_positive(recipe):
    clip = torch.zeros(1, 1, 6, 24, 24)
    half, third, all_ = (
        float(make_task(recipe, np.array([share]), torch.device("cpu")).eval()(clip).detach()[0, 0])
        for share in (0.5, 0.25, 1.0)
    )
    assert third - half == pytest.approx(np.log(1 / 3), abs=1e-4)
    assert all_ - half == pytest.approx(np.log(0.99 / 0.01), abs=1e-4)


def test_what_does_not_go_together_is_refused(recipe, weak):
    for words in (["--loss.name", "mse"], ["--monitor", "mae"], ["--standardise", "true"], ["--task", "regression"]):
        with pytest.raises(ConfigError, match="does not go with task"):
            apply_overrides(recipe, words)
    with pytest.raises(DatasetError, match="BAD_LABEL: weak_a4c: 1 of 22 studies are neither 0 nor 1"):
        open_data(recipe, [replace(weak[0], labels={"weak_a4c": 0.5}), *weak[1:]])
    alike = [replace(s, labels={"weak_a4c": 1.0}) if s.split == "validation" else s for s in weak]
    with pytest.raises(DatasetError, match="BAD_SPLIT: monitor"):
        open_data(recipe, alike)
