"""Names as targets, from a recipe to tables, pages and warnings."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.metrics import accuracy_score, f1_score, log_loss
from torch import nn

from cinecor.errors import ConfigError, DatasetError
from cinecor.evaluation import table
from cinecor.inference.predictor import load_predictor
from cinecor.inference.settings import Settings
from cinecor.models.checkpoint import load_checkpoint
from cinecor.records import Batch, Cine, Study
from cinecor.training import score_run, train
from cinecor.training.classes import encode_classes, list_classes, weigh_classes
from cinecor.training.data import open_data
from cinecor.training.gathering import gather
from cinecor.training.loss import make_loss
from cinecor.training.recipe import apply_overrides, load_recipe, make_recipe
from cinecor.training.run import make_task
from cinecor.training.sweep import Job, Outcome
from cinecor.training.task import Task
from cinecor.training.validation import validate

NAMES = ("DCM", "NOR", "RV")
TINY = {
    "model": {"name": "resnet50v2", "options": {"width": 4, "depths": [2, 2, 2, 2]}},
    "clip": {"length": 1, "height": 16, "width": 16, "channels": 3, "crop": "roi", "mean": [127.5], "std": [127.5]},
    "task": "classification",
    "target": "group",
    "case": "masked",
    "loss": {"name": "cross_entropy"},
    "monitor": "accuracy",
    "split": {"by": "slice", "validation": 0.25, "test": 0.25},
    "batch_size": 8,
    "epochs": 2,
    "device": "cpu",
    "reference_clips": 4,
}


def make_study(number: int) -> Study:
    """Three slices, outlined in frames 0 and 1, of a square whose grey says the group."""
    rng, heart = np.random.default_rng(number), np.zeros((20, 20), np.uint8)
    heart[4:12, 5:13] = 2
    grey = 60 + 80 * (number % 3)
    cines = [
        Cine(
            source=(rng.integers(0, 20, (2, 1, 20, 20)) + heart[None, None] * grey // 2).astype(np.uint8),
            modality="MR",
            view="SAX",
            frames=2,
            height=20,
            width=20,
            masks={0: heart, 1: heart},
            notes=("synthetic heart",),
        )
        for _ in range(3)
    ]
    return Study(id=f"patient{number:03d}", cines=tuple(cines), labels={"group": NAMES[number % 3]})


@pytest.fixture(scope="module")
def studies() -> list[Study]:
    return [make_study(number) for number in range(9)]


@pytest.fixture(scope="module")
def recipe():
    return make_recipe(TINY)


@pytest.fixture(scope="module")
def leaky(studies, recipe, tmp_path_factory):
    return train(recipe, studies, tmp_path_factory.mktemp("runs") / "leaky")


def test_the_tables_hold_the_softmax_of_the_saved_network(leaky, studies) -> None:
    said = table.read_predictions(leaky.folder / "predictions_test.csv")
    assert sorted(set(said["quantity"])) == [f"group={name}" for name in NAMES]
    assert said.groupby("study")["value"].sum().to_numpy() == pytest.approx(1.0)
    network, manifest = load_checkpoint(leaky.folder)
    assert (manifest.num_outputs, manifest.extra["classes"], manifest.extra["case"]) == (3, list(NAMES), "masked")
    first = said[said["study"] == said["study"][0]]
    loop, frame = (int(text[-2:]) for text in first["study"].iloc[0].split("_")[1:])
    source = next(each for each in studies if each.id == first["patient"].iloc[0]).cines[loop].source
    box = torch.from_numpy(source[frame, 0, 4:12, 5:13]).float()[None, None]
    picture = torch.nn.functional.interpolate(box, (16, 16), mode="bilinear").round()
    with torch.no_grad():
        likely = network(((picture - 127.5) / 127.5).expand(1, 3, 16, 16)[:, :, None]).softmax(1)[0]
    assert first["value"].tolist() == pytest.approx(likely.tolist(), abs=0.03)  # OpenCV rounds otherwise
    patients = pd.read_csv(leaky.folder / "patients_test.csv")
    means = said.pivot_table(index="patient", columns="quantity", values="value")
    assert patients[["p_DCM", "p_NOR", "p_RV"]].to_numpy() == pytest.approx(means.to_numpy())


def test_a_split_by_slice_is_said_in_every_output(leaky, capsys) -> None:
    warning = "PATIENTS LEAK: slices were split at random"
    assert warning in leaky.summary()
    assert (pd.read_csv(leaky.folder / "metrics.csv")["shared_patients"] > 0).all()
    manifest = json.loads((leaky.folder / "manifest.json").read_text("utf-8"))
    assert manifest["training_data"]["leakage"]["warning"].startswith(warning)
    assert "PATIENTS LEAK" in manifest["training_data"]["description"]
    results, _ = score_run(leaky.folder)
    assert results.warnings[0].startswith(warning)
    job = Job(name="leaky", recipe=leaky.recipe, folder=leaky.folder)
    (row,) = gather([Outcome(job=job)])
    assert row.warning.startswith("PATIENTS LEAK")
    assert row.pairs["test"]["quantity"].unique().tolist() == ["group"]


def test_a_split_by_patient_leaks_nobody_and_takes_the_classes_from_the_data(studies, recipe) -> None:
    opened = open_data(apply_overrides(recipe, ["--split.by", "patient"]), studies)
    assert opened.recipe.classes == NAMES
    assert "leakage" not in opened.describe()
    owners = [{study.patient_id for study in each} for each in opened.splits.values()]
    assert sum(map(len, owners)) == len(set.union(*owners)) == 9
    assert len(opened.studies) == 54
    folds = open_data(apply_overrides(recipe, ["--split.by", "kfold", "--split.folds", "3"]), studies)
    assert [np.bincount(folds.read_targets(split).astype(int)).tolist() for split in folds.splits] == [[6] * 3] * 3
    leaky = open_data(recipe, studies)
    with pytest.raises(DatasetError, match="LEAKAGE"):
        open_data(
            apply_overrides(recipe, ["--split.by", "layout"]),
            [
                replace(study, split="test" if place % 2 else "train", patient="one")
                for place, study in enumerate(studies)
            ]
            + [replace(studies[0], id="v", split="validation")],
        )
    assert leaky.describe()["leakage"]["patients"] == 9


class _Fixed(Task):
    """A task that says what it is told."""

    def __init__(self) -> None:
        nn.Module.__init__(self)

    def pick(self, batch: Batch) -> tuple[torch.Tensor, ...]:
        return (batch.inputs["rgb"],)

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values[:, :, 0, 0, 0]


def test_loss_and_validation_are_those_of_scikit_learn(recipe) -> None:
    rng = np.random.default_rng(0)
    logits, true = rng.normal(0, 2, (20, 3)), np.arange(20) // 2 % 3  # two clips a study
    batch = Batch(
        inputs={"rgb": torch.from_numpy(logits).float().reshape(20, 3, 1, 1, 1)},
        targets={"group": torch.from_numpy(true).float()},
        studies=tuple(f"{number // 2:02d}" for number in range(20)),
        cines=(0,) * 20,
        starts=tuple(range(20)),
    )

    recipe = recipe.model_copy(update={"classes": NAMES})
    row = validate(recipe, _Fixed(), [batch], torch.device("cpu"), lambda: None)
    likely = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    called = likely.reshape(10, 2, 3).mean(1).argmax(1)
    assert row["validation_loss"] == pytest.approx(log_loss(true, likely), rel=1e-5)
    assert row["validation_accuracy"] == pytest.approx(accuracy_score(true[::2], called))
    assert row["validation_macro_f1"] == pytest.approx(f1_score(true[::2], called, average="macro"))
    loss, values = make_loss(recipe), torch.from_numpy(logits).float()
    assert float(loss(values, batch)) == pytest.approx(row["validation_loss"], rel=1e-5)
    weights = torch.tensor([1.0, 2.0, 5.0])
    wanted = log_loss(true, likely, sample_weight=weights.numpy()[true])
    assert float(make_loss(recipe, weights)(values, batch)) == pytest.approx(wanted, rel=1e-5)
    assert recipe.watch(row) == -row["validation_accuracy"]


def test_rare_classes_count_more_where_the_recipe_says_so(studies, recipe) -> None:
    part = [*studies[:6], studies[6], studies[7]]
    words = ["--loss.class_weights", "balanced", "--split.seed", "1"]
    opened = open_data(apply_overrides(recipe, words), part)
    places = opened.read_targets("train").astype(int)

    clips = [{"group": float(place)} for place in places]
    weights = weigh_classes(opened.recipe, clips)
    assert weights.tolist() == pytest.approx((len(places) / (3 * np.bincount(places))).tolist())
    assert weigh_classes(recipe, clips) is None


def test_no_and_yes_may_count_by_how_rare_they_are() -> None:
    recipe = make_recipe(
        {
            "task": "classification",
            "target": "lvh",
            "loss": {"name": "bce", "class_weights": "balanced"},
            "monitor": "loss",
        }
    )
    true = np.array([0.0, 0, 0, 0, 1])
    weights = weigh_classes(recipe, [{"lvh": value} for value in true])
    assert weights.tolist() == pytest.approx([5 / 8, 5 / 2])
    logits = np.random.default_rng(0).normal(0, 2, 5)
    batch = Batch(inputs={}, targets={"lvh": torch.from_numpy(true).float()}, studies=(), cines=(), starts=())
    found = make_loss(recipe, weights)(torch.from_numpy(logits).float()[:, None], batch)
    likely = 1 / (1 + np.exp(-logits))
    assert float(found) == pytest.approx(
        log_loss(true, likely, sample_weight=weights.numpy()[true.astype(int)]), rel=1e-5
    )
    plain = make_loss(recipe)(torch.from_numpy(logits).float()[:, None], batch)
    assert float(plain) == pytest.approx(log_loss(true, likely), rel=1e-5)
    with pytest.raises(ConfigError, match=r"CONFLICT: loss\.class_weights"):
        make_recipe({"loss": {"class_weights": "balanced"}})


def test_the_network_starts_at_the_shares_of_the_classes(recipe) -> None:
    recipe = recipe.model_copy(update={"classes": NAMES})
    task = make_task(recipe, np.array([0.0, 0.0, 0.0, 1.0]), torch.device("cpu"))
    assert task.network.output_bias().softmax(0).tolist() == pytest.approx([0.75, 0.25, 0.0], abs=1e-3)


def test_names_are_checked(studies, recipe) -> None:
    assert list_classes(studies, "group") == NAMES
    with pytest.raises(DatasetError, match="RV is none of the classes"):
        encode_classes(studies, "group", ("DCM", "NOR"))
    with pytest.raises(DatasetError, match="no plain name"):
        encode_classes(studies, "group", ("DCM", "a/b"))
    with pytest.raises(DatasetError, match="1 name"):
        open_data(recipe, [replace(study, labels={"group": "NOR"}) for study in studies])
    unlabelled = [*studies[1:], replace(studies[0], labels={})]
    assert open_data(recipe, unlabelled).left_out == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--monitor", "auroc"], "does not go with task"),
        (["--loss.name", "bce", "--monitor", "loss"], "CONFLICT: case"),
        (["--classes", "[A]"], "OUT_OF_RANGE: classes"),
        (["--classes", "[A, A]"], "OUT_OF_RANGE: classes"),
        (["--case", "study"], r"CONFLICT: split\.by"),
    ],
)
def test_what_does_not_go_together_is_refused(recipe, words, message) -> None:
    with pytest.raises(ConfigError, match=message):
        apply_overrides(recipe, words)


def test_weights_that_need_masks_are_refused_in_an_analysis(leaky) -> None:
    with pytest.raises(ConfigError, match="nobody has masks of a new patient"):
        load_predictor(leaky.folder, Settings())


def test_paper_003_is_there_with_its_figures() -> None:
    slices, patients = (load_recipe(f"003/resnet50v2_{name}") for name in ("slice", "patient"))
    assert (slices.split.by, patients.split.by, slices.start.freeze) == ("slice", "patient", "trunk")
    assert (slices.split.validation, slices.split.test, slices.epochs, slices.optimiser.lr) == (0.2, 0.1, 50, 1e-3)
    found = slices.published
    counts = [one["images"] for one in found.classes.values()]
    assert sum(counts) == 2443
    # precision and F1 give recalls of whole numbers of images that sum to the accuracy; the printed recalls do not
    parts = [(one["precision"], one["f1"], one["images"]) for one in found.classes.values()]
    right = [f1 * precision / (2 * precision - f1) * images for precision, f1, images in parts]
    assert right == pytest.approx([470, 493, 494, 476, 481], abs=0.01)
    assert sum(right) / 2443 == pytest.approx(found.accuracy, abs=1e-5)
    assert np.mean([count / images for count, (_, _, images) in zip(right, parts, strict=True)]) == pytest.approx(
        found.macro_recall, abs=1e-5
    )
