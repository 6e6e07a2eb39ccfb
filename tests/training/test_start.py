"""Trainings that start from weights, as a whole or with the trunk as it is."""

import signal

import numpy as np
import pytest
import torch

from cinecor.errors import CheckpointError, ConfigError
from cinecor.models.checkpoint import Manifest, load_checkpoint, save_checkpoint
from cinecor.models.starting import head_names
from cinecor.training import train
from cinecor.training.loop import Fit
from cinecor.training.recipe import apply_overrides, fingerprint, load_recipe, resolve
from cinecor.training.run import make_task
from cinecor.training.start import pin_start

CPU = torch.device("cpu")


def test_the_first_weights_are_those_that_were_saved(start, finished):
    saved, _ = load_checkpoint(finished.folder)
    state = make_task(resolve(start()), np.array([1.0, 2.0]), CPU).network.state_dict()
    assert all(torch.equal(value, state[name]) for name, value in saved.state_dict().items())


def test_a_fresh_head_starts_at_the_mean(start):
    for words in (["--start.head", "fresh"], ["--target", "edv_ml"]):
        assert make_task(resolve(start(*words)), np.array([1.0, 2.0]), CPU).network.output_bias().item() == 1.5


def test_a_head_that_is_kept_predicts_as_before_where_the_target_is_standardised(start, finished):
    saved, _ = load_checkpoint(finished.folder)
    task = make_task(resolve(start("--standardise", "true")), np.array([40.0, 60.0]), CPU).eval()
    x = torch.randn(2, 1, 6, 24, 24)
    assert task.scale == 10
    torch.testing.assert_close(task(x), saved(x), rtol=1e-5, atol=1e-4)


def test_the_fingerprint_follows_the_weights_and_not_where_they_lie(start, finished, tmp_path):
    pinned = pin_start(resolve(start()))
    assert pinned.start.sha256 == finished.manifest.weights_sha256
    moved = apply_overrides(pinned, ["--start.weights", "elsewhere", "--start.sha256", pinned.start.sha256])
    assert fingerprint(moved) == fingerprint(pinned)
    assert apply_overrides(pinned, ["--start.weights", str(tmp_path)]).start.sha256 == ""
    network, _ = load_checkpoint(finished.folder)
    network.set_output_bias(0.0)
    save_checkpoint(tmp_path, network, finished.manifest)
    other = pin_start(apply_overrides(start(), ["--start.weights", str(tmp_path)]))
    assert fingerprint(other) != fingerprint(pinned)


def test_public_weights_that_were_not_imported_are_asked_for_in_one_line(tiny, cohort, tmp_path):
    with pytest.raises(ConfigError, match="cinecor import FILE --as uniformer") as caught:
        train(apply_overrides(tiny, ["--start.weights", "uniformer"]), cohort, tmp_path / "run")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_folder_without_weights_is_refused_at_once(tiny, finished, cohort, tmp_path):
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "manifest.json").write_bytes((finished.folder / "manifest.json").read_bytes())
    for name, told in (("torn", r"no model\.safetensors"), ("nowhere", "no such folder")):
        with pytest.raises(CheckpointError, match=f"MISSING_FILE: {name}: .*{told}"):
            train(apply_overrides(tiny, ["--start.weights", str(tmp_path / name)]), cohort, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_weights_that_changed_since_the_recipe_was_pinned_are_refused(start, cohort, tmp_path):
    recipe = apply_overrides(start(), ["--start.sha256", "f" * 64])
    with pytest.raises(CheckpointError, match="MISMATCH"):
        train(recipe, cohort, tmp_path / "run")


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["--model.name", "r2plus1d_18", "--model.options.pretrained", "true"], "start.weights"),
        (["--model.name", "i3d_outline", "--loss.outline", "1", "--start.freeze", "trunk"], "start.freeze"),
    ],
)
def test_what_contradicts_itself_is_refused(start, words, where):
    with pytest.raises(ConfigError, match=f"CONFLICT: {where}"):
        start(*words)


@pytest.mark.parametrize("freeze", ["none", "trunk"])
def test_a_frozen_trunk_stays_to_the_bit_and_the_head_does_not(start, finished, cohort, tmp_path, freeze):
    run = train(start("--start.freeze", freeze), cohort, tmp_path / "run")
    before, after = (load_checkpoint(folder)[0].state_dict() for folder in (finished.folder, run.folder))
    head = head_names(load_checkpoint(run.folder)[0])
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed & head
    assert (changed <= head) == (freeze == "trunk")


def test_the_head_trains_as_if_the_trunk_were_in_evaluation(start):
    """Dropout and batch norm of the head are in training mode, those of the trunk are not."""
    recipe = apply_overrides(
        start("--start.weights", "null"),
        [
            *["--model.name", "uniformer_small", "--clip.height", "32", "--clip.width", "32"],
            *["--model.options", "{depths: [1, 1, 1, 1], widths: [4, 4, 8, 8], head_dim: 4, head: coreecho}"],
        ],
    )
    frozen = make_task(apply_overrides(recipe, ["--start.freeze", "trunk"]), np.array([1.0, 2.0]), CPU).train()
    x = torch.randn(4, 1, 6, 32, 32)
    network = make_task(recipe, np.array([1.0, 2.0]), CPU).network.eval()
    features = network.forward_features(x)
    torch.manual_seed(3)
    expected = network.train().forward_head(features)
    torch.manual_seed(3)
    assert torch.equal(frozen(x), expected)
    assert torch.equal(frozen.network.head[0].running_mean, network.head[0].running_mean)
    assert not frozen.network.head[0].running_mean.eq(0).all()
    assert all(module.training for module in frozen.modules())


def test_the_trunk_trains_under_a_head_that_is_in_evaluation(start):
    words = ["--model.name", "uniformer_small", "--clip.height", "32", "--clip.width", "32"]
    words += ["--model.options", "{depths: [1, 1, 1, 1], widths: [4, 4, 8, 8], head_dim: 4, head: coreecho}"]
    recipe = apply_overrides(start("--start.weights", "null", "--start.freeze", "head"), words)
    task = make_task(recipe, np.array([1.0, 2.0]), CPU).train()
    norms = task.network.head[0].running_mean.clone(), task.network.norm.running_mean.clone()
    x = torch.randn(4, 1, 6, 32, 32)
    torch.manual_seed(3)
    found = task(x)
    found.sum().backward()
    assert torch.equal(task.network.head[0].running_mean, norms[0])
    assert not torch.equal(task.network.norm.running_mean, norms[1])
    trained = {name for name, p in task.network.named_parameters() if p.grad is not None}
    assert trained == {name for name, _ in task.network.named_parameters()} - head_names(task.network)
    assert all(module.training for module in task.modules())
    torch.manual_seed(3)
    features = task.network.forward_features(x)
    torch.testing.assert_close(found, task.network.eval().forward_head(features))


def test_a_frozen_task_gives_gradients_to_the_head_alone(start):
    task = make_task(resolve(start("--start.freeze", "trunk")), np.array([1.0, 2.0]), CPU).train()
    task(torch.randn(2, 1, 6, 24, 24)).sum().backward()
    assert {n for n, p in task.network.named_parameters() if p.grad is not None} <= head_names(task.network)
    assert task.network.output_layer().weight.grad is not None


def test_the_result_says_what_it_started_from(start, finished, cohort, tmp_path):
    network, _ = load_checkpoint(finished.folder)
    imported = {"imported": {"source": "a far away lab"}}
    given = Manifest(**{**finished.manifest.model_dump(), "licence": "CC BY-NC 4.0", "extra": imported})
    saved = save_checkpoint(tmp_path / "given", network, given)
    run = train(start("--start.weights", str(tmp_path / "given")), cohort, tmp_path / "run")
    assert run.manifest.licence == "Apache-2.0, started from weights under CC BY-NC 4.0"
    assert run.manifest.extra["start"]["source"] == "a far away lab"
    assert run.manifest.extra["start"]["weights_sha256"] == saved.weights_sha256
    assert load_recipe(run.folder / "recipe.yaml").start.sha256 == saved.weights_sha256


def test_a_run_goes_on_and_ends_without_the_weights_that_it_started_from(
    start, finished, cohort, tmp_path, monkeypatch
):
    given = tmp_path / "given"
    network, _ = load_checkpoint(finished.folder)
    save_checkpoint(given, network, finished.manifest)
    recipe = start("--start.weights", str(given), "--start.freeze", "trunk", "--epochs", "2")
    whole = train(recipe, cohort, tmp_path / "whole")
    original, count = Fit._step, iter(range(100))

    def interrupted(self, batch):
        if next(count) == 2:
            signal.raise_signal(signal.SIGINT)
        original(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Fit, "_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, cohort, tmp_path / "parts")
    for path in given.iterdir():
        path.unlink()
    ended = train(load_recipe(tmp_path / "parts" / "recipe.yaml"), cohort, tmp_path / "parts")
    assert ended.manifest == whole.manifest
