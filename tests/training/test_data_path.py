"""Which way the clips of a training take, and that both lead to the same training."""

import math
from pathlib import Path

import pytest
import torch

from cinecor.errors import ConfigError, ResourceError
from cinecor.records import SPLITS
from cinecor.training import data_path, train
from cinecor.training.batches import EpochBatches
from cinecor.training.data import open_data
from cinecor.training.data_path import ResidentLoader, make_loaders
from cinecor.training.feeds import Feed
from cinecor.training.recipe import apply_overrides, fingerprint, make_recipe

CPU, GPU = torch.device("cpu"), torch.device("cuda")
SIZE = 14 * 10 * 24 * 24  # bytes of the frames of 10 + 4 loops
SHIFTED = ["--augmentation.preset", "coreecho", "--augmentation.pad", "3", "--clip.length", "4"]


@pytest.fixture
def datasets(tiny, cohort, tmp_path):
    recipe = apply_overrides(tiny, SHIFTED)
    data = open_data(recipe, cohort, tmp_path)
    cache = data.build_cache()
    return [data.make_dataset(cache, split, split) for split in SPLITS[:2]]


def _choose(recipe, datasets, device=CPU, **fields):
    changed = make_recipe(recipe.model_dump(exclude_unset=True) | fields)
    return make_loaders(changed, [Feed(clips=datasets[0], order=EpochBatches(10, 4, 0))], datasets[1], device)


def test_auto_takes_the_loader_on_a_processor_and_says_why(tiny, datasets):
    loaders = _choose(tiny, datasets)
    assert not isinstance(loaders.train[0], ResidentLoader)
    assert loaders.said == "clips are made by a loader: on cpu nothing is gained by keeping the frames there"
    assert "data_path says so" in _choose(tiny, datasets, data_path="loader").said


@pytest.mark.parametrize(
    ("free", "said"),
    [(2 * SIZE, ""), (2 * SIZE - 1, "are more than half of the 0.00 GB that cuda has free")],
)
def test_auto_asks_for_the_free_memory_of_a_gpu(tiny, datasets, monkeypatch, free, said):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 10 * free))
    reason = data_path._why_loader(tiny, datasets, SIZE, GPU)
    assert said in reason
    assert (reason == "") == (said == "")


def test_auto_gives_way_to_an_augmentation_that_needs_a_loader(tiny, cohort, datasets, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10**12, 10**12))
    wide = apply_overrides(tiny, ["--augmentation.preset", "transfer"])
    data = open_data(wide, cohort, tmp_path / "wide")
    turned = data.make_dataset(data.build_cache(), "train", "train")
    assert "rotation_deg, scale, shift is not made on the device" in data_path._why_loader(
        wide, [turned, datasets[1]], SIZE, GPU
    )


def test_memory_that_was_asked_for_and_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (SIZE - 1, SIZE))
    with pytest.raises(ResourceError, match=r"OOM: data_path: .* choose data_path auto or loader"):
        data_path._check_memory(SIZE, GPU)


@pytest.mark.parametrize(
    "changes",
    [
        {"augmentation": {"preset": "wide"}},
        {"task": "segmentation", "model": {"name": "unet"}, "loss": {"name": "dice"}, "monitor": "loss"},
        {"model": {"name": "i3d_outline"}, "loss": {"outline": 1.0}},
    ],
)
def test_a_recipe_cannot_ask_the_device_for_what_it_cannot_make(changes):
    make_recipe(changes)
    with pytest.raises(ConfigError, match="CONFLICT: data_path"):
        make_recipe(changes | {"data_path": "resident"})


def test_streams_that_the_device_cannot_make_are_refused_at_the_start(tiny, cohort, tmp_path):
    data = open_data(tiny, cohort, tmp_path)
    cache = data.build_cache()
    both = [data.make_dataset(cache, split, split, ("rgb", "difference")) for split in SPLITS[:2]]
    with pytest.raises(ConfigError, match="difference"):
        _choose(tiny, both, data_path="resident")


def test_the_batches_are_the_loaders_in_its_order_and_from_any_step_on(tiny, datasets):
    feed = Feed(clips=datasets[0], order=EpochBatches(10, 4, 0))
    ways = [
        make_loaders(make_recipe(tiny.model_dump(exclude_unset=True) | {"data_path": name}), [feed], datasets[1], CPU)
        for name in ("loader", "resident")
    ]
    for epoch, start in ((0, 0), (1, 2)):
        feed.set_position(epoch, start)
        pairs = [*zip(ways[0].train[0], ways[1].train[0], strict=True)]
        pairs += [*zip(ways[0].validation, ways[1].validation, strict=True)]
        assert len(pairs) == 3 - start + 1
        for loaded, made in pairs:
            assert loaded.starts == made.starts
            assert loaded.studies == made.studies
            torch.testing.assert_close(made.inputs["rgb"], loaded.inputs["rgb"], rtol=1e-5, atol=1e-5)


def test_both_ways_train_to_the_same_weights_and_belong_to_one_run(tiny, cohort, tmp_path: Path, capsys):
    runs = {}
    for name in ("loader", "resident"):
        recipe = apply_overrides(tiny, [*SHIFTED, "--epochs", "2", "--data_path", name])
        runs[name] = train(recipe, cohort, tmp_path / name)
        said = capsys.readouterr().err
        assert ("keeps 0.00 GB of frames" if name == "resident" else "by a loader: data_path says so") in said
    assert len({fingerprint(run.recipe) for run in runs.values()}) == 1
    maes = [run.manifest.metrics["validation"]["mae"] for run in runs.values()]
    assert math.isclose(*maes, rel_tol=1e-3)
