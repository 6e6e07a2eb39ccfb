"""CoReEcho's two stages: what trains what, which clips meet in a batch, and that a run goes on in either stage."""

import signal
from dataclasses import replace

import numpy as np
import pytest
import torch

from cinecor.clips import collate
from cinecor.errors import ConfigError
from cinecor.models.checkpoint import load_checkpoint
from cinecor.models.starting import head_names
from cinecor.objectives import rank_n_contrast
from cinecor.training import train
from cinecor.training.batches import EpochBatches
from cinecor.training.data import open_data
from cinecor.training.loop import Fit
from cinecor.training.loss import make_loss
from cinecor.training.phases import list_phases
from cinecor.training.recipe import apply_overrides, resolve
from cinecor.training.run import make_task
from cinecor.training.state import load_state

CPU = torch.device("cpu")
TWO = ["--loss.name", "coreecho", "--sampling.views", "2", "--sampling.drop_last", "true", "--second.epochs", "2"]
TWO += ["--epochs", "2", "--second.lr", "0.05", "--sampling.validation", "random", "--monitor", "mae"]


@pytest.fixture(scope="module")
def two(finished):
    return apply_overrides(finished.recipe, TWO)


@pytest.fixture(scope="module")
def whole(two, make_cohort, tmp_path_factory):
    return train(two, make_cohort(), tmp_path_factory.mktemp("two") / "run")


def _pairs(recipe, cohort, tmp_path):
    data = open_data(recipe, cohort, tmp_path)
    dataset = data.make_dataset(data.build_cache(), "train", "train")
    order = EpochBatches(len(dataset), 4, 0, views=2, drop_last=True)
    return dataset, list(order)


def test_two_views_of_a_loop_are_other_frames_with_the_same_target(two, cohort, tmp_path):
    recipe = apply_overrides(two, ["--augmentation.pad", "4"])
    dataset, batches = _pairs(recipe, cohort, tmp_path)
    assert [len(batch) for batch in batches] == [8, 8]
    clips = [dataset[index] for batch in batches for index in batch]
    pairs = list(zip(clips[::2], clips[1::2], strict=True))
    assert all(one.study == other.study and one.targets == other.targets for one, other in pairs)
    assert len({one.study for one, _ in pairs}) == len(pairs)
    assert any(one.start != other.start for one, other in pairs)
    assert all((one.inputs["rgb"] != other.inputs["rgb"]).any() for one, other in pairs)


def test_one_clip_twice_is_the_same_to_the_bit(two, cohort, tmp_path):
    recipe = apply_overrides(two, ["--augmentation.pad", "4", "--sampling.views_differ", "false"])
    dataset, batches = _pairs(recipe, cohort, tmp_path)
    clips = [dataset[index] for batch in batches for index in batch]
    for one, other in zip(clips[::2], clips[1::2], strict=True):
        assert one.indices == other.indices
        np.testing.assert_array_equal(one.inputs["rgb"], other.inputs["rgb"])
    assert len({clip.start for clip in clips}) > 1


def test_the_contrast_alone_trains_the_trunk_and_the_error_alone_the_head(two, cohort, tmp_path):
    dataset, batches = _pairs(two, cohort, tmp_path)
    batch = collate([dataset[index] for index in batches[0]])
    task = make_task(two, np.array([40.0, 60.0]), CPU).train()
    make_loss(two)(task(*task.pick(batch)), batch).backward()
    got = {name: p.grad.clone() for name, p in task.network.named_parameters()}
    head = head_names(task.network)
    parts = {}
    for part in ("contrast", "error"):
        fresh = make_task(two, np.array([40.0, 60.0]), CPU).train().network
        features = fresh.forward_features(*task.pick(batch))
        if part == "contrast":
            rank_n_contrast(fresh.forward_head(features, pre_logits=True), batch.targets["ef"], 1.0).backward()
        else:
            torch.manual_seed(0)
            (fresh.forward_head(features.detach())[:, 0] - batch.targets["ef"]).abs().mean().backward()
        parts[part] = {name: p.grad for name, p in fresh.named_parameters()}
    for name, gradient in got.items():
        own, other = ("error", "contrast") if name in head else ("contrast", "error")
        assert parts[other][name] is None
        if name not in head:  # the head has dropout
            torch.testing.assert_close(gradient, parts[own][name], rtol=1e-4, atol=1e-6)
        assert gradient.abs().sum() > 0 or name not in head


def test_the_second_stage_starts_from_the_best_of_the_first_and_moves_the_head_alone(
    two, whole, cohort, tmp_path, monkeypatch
):
    first = train(apply_overrides(two, ["--second.epochs", "0"]), cohort, tmp_path / "first")
    before, after = (load_checkpoint(run.folder)[0].state_dict() for run in (first, whole))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert changed <= head_names(load_checkpoint(whole.folder)[0])


def test_metrics_say_the_stage_of_each_epoch(whole):
    rows = [line.split(",") for line in (whole.folder / "metrics.csv").read_text().splitlines()]
    assert rows[0][:2] == ["epoch", "phase"]
    assert [row[:2] for row in rows[1:]] == [["1", "1"], ["2", "1"], ["3", "2"], ["4", "2"]]
    assert whole.manifest.metrics["epochs"] == 4
    assert whole.manifest.metrics["best_epoch"] in (3, 4)


@pytest.mark.parametrize(("step", "phase"), [(1, 0), (3, 0), (4, 0), (6, 1)])
def test_a_run_interrupted_in_either_stage_ends_with_the_same_files(
    two, whole, cohort, tmp_path, monkeypatch, step, phase
):
    """Two steps an epoch; before step 4 the first stage has ended and the second has saved nothing."""
    original, count = Fit._step, iter(range(100))

    def interrupted(self, batch):
        if next(count) == step:
            if step == 4:
                raise RuntimeError("power cut")
            signal.raise_signal(signal.SIGINT)
        original(self, batch)

    with monkeypatch.context() as patch:
        patch.setattr(Fit, "_step", interrupted)
        with pytest.raises((KeyboardInterrupt, RuntimeError)):
            train(two, cohort, tmp_path / "run")
    assert load_state(tmp_path / "run" / "last.ckpt").phase == phase
    train(two, cohort, tmp_path / "run")
    for name in ("model.safetensors", "manifest.json", "metrics.csv", "predictions_test.csv"):
        assert (tmp_path / "run" / name).read_bytes() == (whole.folder / name).read_bytes()


@pytest.fixture(scope="module")
def transferred(finished):
    """A yes or no: the head first, then the trunk under it with a falling rate."""
    words = ["--task", "classification", "--target", "large", "--loss.name", "bce", "--monitor", "loss"]
    words += ["--start.freeze", "trunk", "--epochs", "1", "--second.epochs", "2", "--second.freeze", "head"]
    words += ["--second.loss", "bce", "--second.factor", "0.5", "--second.lr", "0.02"]
    return apply_overrides(finished.recipe, words)


def test_the_second_stage_can_tune_the_trunk_under_a_head_that_stays(transferred, make_cohort, tmp_path):
    cohort = [replace(study, labels={"large": float(study.labels["ef"] > 45)}) for study in make_cohort()]
    first = train(apply_overrides(transferred, ["--second.epochs", "0"]), cohort, tmp_path / "first")
    both = train(transferred, cohort, tmp_path / "both")
    before, after = (load_checkpoint(run.folder)[0].state_dict() for run in (first, both))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not changed & head_names(load_checkpoint(both.folder)[0])
    rows = [line.split(",") for line in (both.folder / "metrics.csv").read_text().splitlines()[1:]]
    assert [float(row[2]) for row in rows] == [0.01, 0.02, 0.01]


def test_the_stages_are_recipes_and_one_is_one(two):
    first, second = list_phases(two)
    assert (first.epochs, first.loss.name, first.start.freeze, first.sampling.views) == (2, "coreecho", "none", 2)
    assert (second.epochs, second.loss.name, second.start.freeze, second.sampling.views) == (2, "l1", "trunk", 1)
    assert (second.schedule.name, second.optimiser.lr, second.patience) == ("constant", 0.05, 0)
    assert list_phases(resolve(first.model_copy(update={"second": type(first.second)()})))[0].second.epochs == 0


@pytest.mark.parametrize(
    ("words", "where"),
    [
        (["--sampling.train", "first"], "sampling.views"),
        (["--sampling.test", "listed"], "sampling.test_starts"),
        (["--sampling.test_starts", "x.csv"], "sampling.test_starts"),
        (["--model.name", "i3d_outline", "--loss.outline", "1"], "loss.outline"),
        (["--second.loss", "bce"], "second.loss"),
        (["--start.freeze", "head"], "start.freeze"),
    ],
)
def test_what_contradicts_itself_is_refused(two, words, where):
    with pytest.raises(ConfigError, match=f"CONFLICT: {where}"):
        apply_overrides(two, words)


def test_loops_that_fill_no_batch_are_too_few():
    with pytest.raises(ConfigError, match="OUT_OF_RANGE: batch_size: 3 loops fill no batch of 4"):
        EpochBatches(6, 4, 0, views=2, drop_last=True)
