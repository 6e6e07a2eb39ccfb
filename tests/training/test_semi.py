"""Trainings from few labels, whole: what they leave, and that one that was killed ends as one that was not."""

from __future__ import annotations

import json
import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from cinecor.errors import ConfigError
from cinecor.io import images
from cinecor.models.checkpoint import load_checkpoint
from cinecor.models.gan import Discriminator
from cinecor.records import Cine, Study
from cinecor.training import loop, train
from cinecor.training.adversarial_learning import AdversarialLearner, keep_statistics
from cinecor.training.data import open_data
from cinecor.training.loop import Fit
from cinecor.training.processes import check_shared
from cinecor.training.recipe import apply_overrides, make_recipe
from cinecor.training.state import load_state
from cinecor.training.validation import validate

SIDE = 16
TINY = {
    "task": "classification",
    "target": "view",
    "case": "loop",
    "loss": {"name": "cross_entropy"},
    "monitor": "loss",
    "model": {"name": "gan", "options": {"widths": [4, 6], "dropout": 0.2}},
    "clip": {"length": 1, "height": SIDE, "width": SIDE, "mean": [127.5], "std": [127.5]},
    "sampling": {"test_clips": 1},
    "augmentation": {"pad": 1},
    "optimiser": {"lr": 3e-3, "momentum": 0.5},
    "semi": {"labels_per_class": 2, "noise": 6, "generator_width": 2, "average": 0.9},
    "batch_size": 4,
    "epochs": 2,
    "device": "cpu",
    "reference_clips": 4,
}
METHODS = {"gan": {}, "fixmatch": {"ratio": 2, "threshold": 0.5}}
KEPT = ("model.safetensors", "manifest.json", "metrics.csv", "predictions_test.csv")


def _study(number: int, split: str) -> Study:
    """Three views, which are where the light is."""
    rng, cines = np.random.default_rng(number), []
    for place, view in enumerate(("A2C", "A4C", "PLAX")):
        frames = rng.integers(0, 40, (2, 1, SIDE, SIDE)).astype(np.uint8)
        frames[:, :, 5 * place : 5 * place + 5, 3:13] += 180
        cines.append(Cine(source=frames, modality="US", view=view, frames=2, height=SIDE, width=SIDE))
    return Study(id=f"p{number:02d}", cines=tuple(cines), split=split)


@pytest.fixture(scope="module")
def cohort():
    return [_study(number, split) for number, split in enumerate(["train"] * 6 + ["validation"] * 2 + ["test"] * 2)]


def _recipe(method, **semi):
    return make_recipe({**TINY, "semi": {**TINY["semi"], "method": method, **METHODS[method], **semi}})


@pytest.fixture(scope="module", params=METHODS)
def whole(request, cohort, tmp_path_factory):
    return train(_recipe(request.param), cohort, tmp_path_factory.mktemp("semi") / request.param)


def test_it_leaves_what_every_training_leaves_and_says_what_was_labelled(whole):
    network, manifest = load_checkpoint(whole.folder)
    assert isinstance(network, Discriminator)
    assert manifest.extra["classes"] == ["A2C", "A4C", "PLAX"]
    data = manifest.training_data
    assert len(data["labelled"]["cases"]) == 6
    assert data["unlabelled"] == 12
    assert data["studies"]["train"] == 6
    assert {"accuracy", "macro_f1"} <= set(manifest.metrics["test"])
    rows = (whole.folder / "metrics.csv").read_text().splitlines()
    assert len(rows) == 3
    assert all(np.isfinite([float(cell) for cell in row.split(",")]).all() for row in rows[1:])
    shares = [float(row.split(",")[rows[0].split(",").index("train_accuracy")]) for row in rows[1:]]
    steps = 5 if whole.recipe.semi.method == "gan" else 3  # of 18 clips without a label, 4 or 8 a batch
    told = 6 * -(-4 * steps // 6)  # six labels, as often as they fill so many batches of 4
    rights = [share * min(told, 4 * steps) for share in shares]
    assert rights == pytest.approx(np.round(rights))


def test_a_picture_of_samples_follows_each_epoch(whole):
    folder = whole.folder / "samples"
    if whole.recipe.semi.method != "gan":
        assert not folder.exists()
        return
    pictures = [images.load(path) for path in sorted(folder.iterdir())]
    assert [path.name for path in sorted(folder.iterdir())] == ["epoch_0001.png", "epoch_0002.png"]
    assert pictures[0].shape == (1, 1, 2 * SIDE, 4 * SIDE)
    assert (pictures[0] != pictures[1]).any()
    assert (pictures[0][..., :SIDE] != pictures[0][..., SIDE : 2 * SIDE]).any()


@pytest.mark.parametrize("step", [1, 5])
def test_one_that_was_killed_ends_as_one_that_was_not(whole, cohort, tmp_path, monkeypatch, step):
    """Eighteen clips without a label, four or eight a batch: in the first epoch, and in the second."""
    original, count = Fit._step, iter(range(100))
    step = min(step, whole.manifest.metrics["epochs"] * 3 - 1) if whole.recipe.semi.method == "fixmatch" else step

    def interrupted(self, batches):
        if next(count) == step:
            signal.raise_signal(signal.SIGINT)
        original(self, batches)

    with monkeypatch.context() as patch:
        patch.setattr(Fit, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(whole.recipe, cohort, tmp_path / "run")
    state = load_state(tmp_path / "run" / "last.ckpt")
    assert state.step > 0
    assert set(state.more) >= {"average"}
    train(whole.recipe, cohort, tmp_path / "run")
    names = [*KEPT, *(f"samples/{path.name}" for path in (whole.folder / "samples").glob("*"))]
    for name in names:
        assert (tmp_path / "run" / name).read_bytes() == (whole.folder / name).read_bytes(), name


def test_one_that_was_killed_while_it_was_validated_goes_on_with_its_own_weights(whole, cohort, tmp_path, monkeypatch):
    def interrupted(*args):
        signal.raise_signal(signal.SIGINT)
        return validate(*args)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "validate", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(whole.recipe, cohort, tmp_path / "run")
    train(whole.recipe, cohort, tmp_path / "run")
    for name in KEPT:
        assert (tmp_path / "run" / name).read_bytes() == (whole.folder / name).read_bytes(), name


def test_both_networks_learn_each_its_own_loss(cohort, tmp_path, monkeypatch):
    """The gradients of a step are those of the two losses, each of its network alone."""
    seen = {}

    def look(self, loss, matched):
        own, others = list(self.task.parameters()), list(self._bare.parameters())
        seen["own"] = torch.autograd.grad(loss, own, retain_graph=True)
        seen["others"] = torch.autograd.grad(matched, others, retain_graph=True)
        original(self, loss, matched)
        seen["found"] = [parameter.grad.clone() for parameter in own], [each.grad.clone() for each in others]
        raise RuntimeError("seen enough")

    original = AdversarialLearner._descend_both
    monkeypatch.setattr(AdversarialLearner, "_descend_both", look)
    recipe = _recipe("gan", matching="mean", weight=0.5)
    with pytest.raises(RuntimeError, match="seen enough"):
        train(recipe, cohort, tmp_path / "run")
    for expected, found in zip((seen["own"], seen["others"]), seen["found"], strict=True):
        assert len(expected) == len(found) > 0
        for one, other in zip(expected, found, strict=True):
            torch.testing.assert_close(one, other)


def test_generated_clips_leave_no_trace_in_what_evaluation_normalises_by(cohort, tmp_path, monkeypatch):
    seen = []

    def look(self, loss, matched):
        seen.append({name: each.clone() for name, each in self.task.named_buffers() if "running" in name})
        raise RuntimeError("seen enough")

    monkeypatch.setattr(AdversarialLearner, "_descend_both", look)
    for width in (2, 3):  # another generator, other pictures
        recipe = apply_overrides(_recipe("gan"), ["--semi.generator_width", str(width)])
        with pytest.raises(RuntimeError, match="seen enough"):
            train(recipe, cohort, tmp_path / str(width))
    assert seen[0]
    assert any(each.any() for name, each in seen[0].items() if "mean" in name)
    for name, each in seen[0].items():
        torch.testing.assert_close(each, seen[1][name])


def test_a_yes_or_no_can_be_learned_so_too(cohort, tmp_path):
    """One logit, whose softmax with a zero is its sigmoid."""
    labelled = [replace(study, labels={"lvh": float(number % 2)}) for number, study in enumerate(cohort)]
    values = {**TINY, "target": "lvh", "case": "study", "loss": {"name": "bce"}, "epochs": 1}
    for method in METHODS:
        semi = {**TINY["semi"], "method": method}
        run = train(make_recipe({**values, "semi": semi}), labelled, tmp_path / method)
        assert 0 <= run.manifest.metrics["test"]["accuracy"] <= 1
        assert run.manifest.num_outputs == 1


def test_generated_clips_are_normalised_as_real_ones():
    learner = object.__new__(AdversarialLearner)
    learner.recipe = apply_overrides(_recipe("gan"), ["--clip.mean", "[50]", "--clip.std", "[20]"])
    found = learner._as_clips(torch.tensor([-1.0, 0.0, 1.0]).view(3, 1, 1, 1, 1))
    torch.testing.assert_close(found.flatten(), (torch.tensor([0.0, 127.5, 255.0]) - 50) / 20)


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["--model.name", "vgg"], "model.name"),
        (["--clip.length", "2"], "clip.length"),
        (["--start.freeze", "trunk"], "start.freeze"),
        (["--sampling.views", "2"], r"sampling\.views"),
        (["--second.epochs", "1", "--second.loss", "cross_entropy"], "second"),
        (["--compile", "true"], "compile"),
        (["--semi.strong", "strange"], r"semi\.strong"),
    ],
)
def test_what_does_not_go_together_is_refused(words, where):
    with pytest.raises(ConfigError, match=f"(CONFLICT|OUT_OF_RANGE): {where}"):
        apply_overrides(_recipe("gan"), words)


def test_salimans_form_needs_two_classes_or_more_and_values_have_none():
    yes_or_no = {**TINY, "target": "lvh", "case": "study", "loss": {"name": "bce"}, "semi": {"method": "gan"}}
    make_recipe(yes_or_no)
    with pytest.raises(ConfigError, match=r"CONFLICT: model\.options\.form"):
        make_recipe({**yes_or_no, "model": {"name": "gan", "options": {"form": "k_logits"}}})
    with pytest.raises(ConfigError, match="CONFLICT: semi"):
        make_recipe({"semi": {"labels_per_class": 3}})


def test_processes_cannot_share_it():
    with pytest.raises(ConfigError, match=r"semi\.method gan"):
        check_shared(_recipe("gan"))


def test_the_same_labels_can_be_learned_from_with_other_weights(cohort):
    found = [
        json.dumps(open_data(_recipe("gan").model_copy(update={"seed": seed}), cohort).describe()["labelled"])
        for seed in (0, 1)
    ]
    assert found[0] == found[1]


def test_evaluation_normalises_by_real_clips_alone():
    torch.manual_seed(0)
    network, real, made = torch.nn.BatchNorm2d(3), torch.randn(8, 3, 4, 4) + 2.0, torch.randn(8, 3, 4, 4) - 5.0
    network(real)
    mean, variance = network.running_mean.clone(), network.running_var.clone()
    with keep_statistics(network):
        normalised = network(made)
    torch.testing.assert_close(normalised.mean((0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    torch.testing.assert_close(network.running_mean, mean)
    torch.testing.assert_close(network.running_var, variance)
    network(real)
    assert (network.running_mean > mean).all()
