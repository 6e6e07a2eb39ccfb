"""Items are a function of (seed, epoch, index) alone, whoever makes them; batches are items side by side."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.clips.loops import SPEC, make_study
from torch.utils.data import DataLoader

from cinecor.clips import Cache, ClipDataset, Sampling, collate
from cinecor.clips.cutting import cut, gather, normalise, padding_levels
from cinecor.clips.dataset import start_worker
from cinecor.clips.sampling import count_starts
from cinecor.clips.transforms import WIDE, apply
from cinecor.errors import ConfigError, DatasetError, InputError
from cinecor.records import Clip, Study

STUDIES = [make_study(0, 4), make_study(1, 9, cines=2), make_study(2, 30)]  # the first is shorter than a clip


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Cache:
    return Cache.build(STUDIES, SPEC, tmp_path_factory.mktemp("cache"), workers=1, progress=False)


def make(built: Cache, **options: Any) -> ClipDataset:
    return ClipDataset(STUDIES, built, options.pop("spec", SPEC), **options)


def same(one: Clip, other: Clip) -> bool:
    return (one.study, one.cine, one.indices) == (other.study, other.cine, other.indices) and np.array_equal(
        one.inputs["rgb"], other.inputs["rgb"]
    )


def test_one_random_clip_of_every_loop_is_the_default(built: Cache) -> None:
    dataset = make(built)
    assert [(dataset[index].study, dataset[index].cine) for index in range(len(dataset))] == [
        ("s0", 0), ("s1", 0), ("s1", 1), ("s2", 0),
    ]  # fmt: skip
    assert dataset[-1].study == "s2"
    assert [dataset[index].targets for index in range(4)] == [{"ef": 40.0}, {"ef": 41.0}, {"ef": 41.0}, {"ef": 42.0}]


@pytest.mark.parametrize("padding", ["before", "after"])
def test_an_item_is_the_cached_frames_cut(built: Cache, padding: Any) -> None:
    spec = replace(SPEC, padding=padding, mean=(30.0,), std=(50.0,))
    for clip in make(built, spec=spec, sampling=Sampling(how="all")):
        expected = cut(built.frames(clip.study, clip.cine), np.array(clip.indices), spec)
        assert np.array_equal(clip.inputs["rgb"], expected)


@pytest.mark.parametrize("padding", ["before", "after"])
def test_a_varied_item_can_be_replayed_from_its_description(built: Cache, padding: Any) -> None:
    spec = replace(SPEC, padding=padding, mean=(30.0,), std=(50.0,))
    dataset = make(built, spec=spec, transform=WIDE, seed=5)
    for index in range(len(dataset)):
        indices, variation = dataset.describe(index)
        assert variation is not None
        clip = gather(built.frames(dataset[index].study, dataset[index].cine), indices, spec)
        varied = normalise(apply(variation, clip, padding_levels(spec)), spec)
        real = indices >= 0
        assert np.array_equal(dataset[index].inputs["rgb"][:, real], varied[:, real])
        absent = dataset[index].inputs["rgb"][:, ~real]
        np.testing.assert_allclose(absent, 0.0 if padding == "after" else -0.6, rtol=1e-6)


@pytest.mark.parametrize(("how", "each"), [("first", [1, 1, 1, 1]), ("even", [3, 3, 3, 3]), ("random", [3, 3, 3, 3])])
def test_clips_of_each_loop(built: Cache, how: Any, each: list[int]) -> None:
    spec = replace(SPEC, length=2)
    dataset = make(built, spec=spec, sampling=Sampling(how=how, clips=3))
    loops = [(clip.study, clip.cine) for clip in dataset]
    assert [loops.count(loop) for loop in dict.fromkeys(loops)] == each


def test_all_starts_and_listed_starts(built: Cache) -> None:
    every = make(built, sampling=Sampling(how="all"))
    assert len(every) == sum(
        count_starts(built.count_frames(s, c), SPEC) for s, c in [("s0", 0), ("s1", 0), ("s1", 1), ("s2", 0)]
    )
    listed = make(built, sampling=Sampling(how="listed", starts={"s0": (1,), "s1": (0, 3), "s2": (24, 2, 7)}))
    assert [clip.start for clip in listed] == [1, 0, 3, 0, 3, 24, 2, 7]
    with pytest.raises(ConfigError, match="s2"):
        make(built, sampling=Sampling(how="listed", starts={"s0": (1,), "s1": (0,)}))


def test_epochs_differ_and_repeat(built: Cache) -> None:
    dataset = make(built, transform=WIDE)
    first = list(dataset)
    dataset.set_epoch(1)
    second = list(dataset)
    dataset.set_epoch(0)
    assert dataset.epoch == 0
    assert all(same(*pair) for pair in zip(first, dataset, strict=True))
    assert not any(same(*pair) for pair in zip(first, second, strict=True))
    assert not any(same(*pair) for pair in zip(first, make(built, transform=WIDE, seed=1), strict=True))


def test_clips_of_one_loop_differ(built: Cache) -> None:
    dataset = make(built, sampling=Sampling(clips=20))
    starts = [clip.start for clip in dataset if clip.study == "s2"]
    assert len(set(starts)) > 8


def test_a_batch_is_its_items_side_by_side(built: Cache) -> None:
    dataset = make(built, transform=WIDE)
    clips = list(dataset)
    batch = collate(clips)
    assert batch.inputs["rgb"].shape == (4, 1, SPEC.length, SPEC.height, SPEC.width)
    assert batch.inputs["rgb"].dtype == torch.float32
    for row, clip in enumerate(clips):
        assert np.array_equal(batch.inputs["rgb"][row].numpy(), clip.inputs["rgb"])
    assert batch.targets["ef"].tolist() == [40.0, 41.0, 41.0, 42.0]
    assert batch.studies == ("s0", "s1", "s1", "s2")
    assert batch.cines == (0, 0, 1, 0)
    assert batch.starts == tuple(clip.start for clip in clips)


def test_batches_of_nothing_or_of_different_things_are_refused(built: Cache) -> None:
    one = make(built)[0]
    with pytest.raises(ValueError, match="at least one"):
        collate([])
    with pytest.raises(ValueError, match="same streams"):
        collate([one, replace(one, targets={})])


def test_neither_workers_nor_order_change_an_item_and_workers_that_live_on_see_the_epoch_change(built: Cache) -> None:
    dataset = make(built, sampling=Sampling(clips=2), transform=WIDE, seed=3)
    order = [5, 0, 7, 2, 1, 6, 3, 4]
    living = {"num_workers": 2, "persistent_workers": True, "multiprocessing_context": "spawn"}
    loader = DataLoader(dataset, batch_size=3, sampler=order, collate_fn=collate, worker_init_fn=start_worker, **living)
    for epoch in (4, 5):
        dataset.set_epoch(epoch)
        alone = {index: dataset[index].inputs["rgb"] for index in range(len(dataset))}
        rows = [row for batch in loader for row in batch.inputs["rgb"].numpy()]
        for index, row in zip(order, rows, strict=True):
            assert np.array_equal(row, alone[index])
    del loader  # ends its workers here


class Ending(Cache):
    """A cache whose reading stops an iteration, as a broken reader's generator may."""

    def frames(self, study: str, cine: int = 0) -> Any:
        raise StopIteration


@pytest.mark.parametrize("workers", [0, 1])
def test_a_stray_stop_does_not_end_an_epoch_silently(built: Cache, workers: int) -> None:
    context = "spawn" if workers else None
    ending = Ending(built._home, SPEC, built._entries)
    loader = DataLoader(make(ending), collate_fn=collate, num_workers=workers, multiprocessing_context=context)
    batches = iter(loader)
    with pytest.raises(RuntimeError, match="ended an iteration"):
        next(batches)
    if workers:
        batches._shutdown_workers()  # left to the collector it takes seconds, in some other test


def test_an_index_outside_ends_a_loop_over_the_dataset_and_nothing_else(built: Cache) -> None:
    dataset = make(built)
    assert len(list(dataset)) == 4
    for index in (4, -5):
        with pytest.raises(IndexError):
            dataset[index]


def test_a_cache_of_another_specification_is_refused(built: Cache) -> None:
    with pytest.raises(ConfigError, match="CONFLICT"):
        make(built, spec=replace(SPEC, height=32))


def test_loops_that_are_not_cached_are_named(built: Cache) -> None:
    with pytest.raises(DatasetError, match=r"2 of 6 loops.*s8, s9"):
        ClipDataset([*STUDIES, make_study(8), make_study(9)], built, SPEC)


def test_loops_that_were_left_out_of_the_cache_by_wish_are_left_out(tmp_path: Path) -> None:
    bad = replace(make_study(5), cines=(replace(STUDIES[0].cines[0], source=tmp_path / "lost.avi"),))
    studies = [STUDIES[0], bad]
    partial = Cache.build(studies, SPEC, tmp_path, workers=1, progress=False, skip_damaged=True)
    assert [clip.study for clip in ClipDataset(studies, partial, SPEC)] == ["s0"]


@pytest.mark.parametrize("labels", [{}, {"ef": "55"}, {"ef": float("nan")}])
def test_targets_must_be_finite_numbers(built: Cache, labels: dict[str, Any]) -> None:
    studies: list[Study] = [STUDIES[0], replace(STUDIES[1], labels=labels), STUDIES[2]]
    with pytest.raises(DatasetError, match=r"BAD_LABEL: 1 of 3 .*: s1"):
        ClipDataset(studies, built, SPEC)
    assert ClipDataset(studies, built, SPEC, targets=())[0].targets == {}


def test_a_time_step_needs_times_before_training_starts(built: Cache) -> None:
    spec = replace(SPEC, step_ms=20.0)
    assert np.array_equal(
        make(built, spec=spec, sampling=Sampling(how="first"))[3].inputs["rgb"],
        make(built, sampling=Sampling(how="first"))[3].inputs["rgb"],
    )
    untimed = [STUDIES[0], replace(STUDIES[2], cines=(replace(STUDIES[2].cines[0], times_ms=None),))]
    with pytest.raises(InputError, match="NO_TIMING: s2"):
        ClipDataset(untimed, built, spec)
