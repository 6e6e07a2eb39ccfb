"""Clips made on a device are those of the data set, item by item, whoever is asked for them and in which order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.clips.loops import SPEC, make_coloured, make_study

from cinecor.clips import Cache, ClipDataset, Sampling, collate
from cinecor.clips.resident import ResidentClips, count_bytes, find_obstacle
from cinecor.clips.transforms import AUGMENTATIONS, COREECHO, ECHONET, Augmentation, beyond_offsets
from cinecor.errors import ConfigError
from cinecor.records import Study

CPU = torch.device("cpu")
STUDIES = [make_study(0, 4), make_study(1, 9, cines=2), make_study(2, 30)]  # the first is shorter than a clip
GREY, COLOUR = (
    replace(SPEC, channels=channels, mean=mean, std=std)
    for channels, mean, std in ((1, (32.7,), (49.6,)), (3, (30.0, 40.0, 50.0), (40.0, 50.0, 60.0)))
)


@pytest.fixture(scope="module")
def caches(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Cache]:
    folder = tmp_path_factory.mktemp("cache")
    specs = (GREY, COLOUR)
    return {spec.channels: Cache.build(STUDIES, spec, folder, workers=1, progress=False) for spec in specs}


@pytest.fixture(scope="module")
def grey(caches: dict[int, Cache]) -> Cache:
    return caches[1]


BEFORE, AFTER = (replace(GREY, padding=padding) for padding in ("before", "after"))
COLOURED = replace(COLOUR, padding="after")


def test_equal_channels_are_kept_once_where_no_loop_needs_more(tmp_path: Path) -> None:
    def count(studies: list[Study]) -> int:
        cache = Cache.build(studies, COLOUR, tmp_path, workers=1, progress=False)
        dataset = ClipDataset(studies, cache, COLOUR)
        made, expected = ResidentClips(dataset, CPU).make_batch([0, 1]), collate([dataset[0], dataset[1]])
        np.testing.assert_allclose(made.inputs["rgb"], expected.inputs["rgb"], rtol=1e-5, atol=1e-5)
        return count_bytes(dataset)

    grey, other, coloured = make_study(1, 9), make_study(2, 9), make_coloured(1)  # nine frames each
    assert count([grey, other]) == 2 * 9 * 16 * 20
    assert count([grey, coloured]) == 3 * 2 * 9 * 16 * 20


@pytest.mark.parametrize(
    ("spec", "transform"),
    [(spec, transform) for spec in (BEFORE, AFTER, COLOURED) for transform in (None, COREECHO)]
    + [(AFTER, ECHONET), (BEFORE, Augmentation(pad=40)), (replace(BEFORE, std=(1.0,)), None)]
    + [(replace(AFTER, step_ms=45.0), COREECHO)],
)
def test_every_item_of_every_epoch_is_the_data_sets(caches: Any, spec: Any, transform: Any) -> None:
    dataset = ClipDataset(STUDIES, caches[spec.channels], spec, sampling=Sampling(clips=2), transform=transform, seed=7)
    resident = ResidentClips(dataset, CPU)
    order = [3, 0, 7, 5, 1, 2, 6, 4]
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        made, expected = resident.make_batch(order), collate([dataset[item] for item in order])
        np.testing.assert_allclose(made.inputs["rgb"], expected.inputs["rgb"], rtol=1e-5, atol=1e-5)
        assert torch.equal(made.targets["ef"], expected.targets["ef"])
        assert (made.studies, made.cines, made.starts) == (expected.studies, expected.cines, expected.starts)
        assert made.inputs["rgb"].dtype == torch.float32
        assert made.inputs["rgb"].shape == expected.inputs["rgb"].shape


def test_one_mean_for_three_channels_still_gives_three(caches: Any) -> None:
    spec = replace(COLOUR, mean=(32.7,), std=(49.6,))
    dataset = ClipDataset(STUDIES, caches[3], spec)
    made, expected = ResidentClips(dataset, CPU).make_batch([0, 1]), collate([dataset[0], dataset[1]])
    assert made.inputs["rgb"].shape == expected.inputs["rgb"].shape
    np.testing.assert_allclose(made.inputs["rgb"], expected.inputs["rgb"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("how", ["first", "even", "all"])
def test_every_way_of_sampling(grey: Cache, how: Any) -> None:
    dataset = ClipDataset(STUDIES, grey, GREY, sampling=Sampling(how=how, clips=2), targets=())
    made = ResidentClips(dataset, CPU).make_batch(range(len(dataset)))
    expected = collate([dataset[item] for item in range(len(dataset))])
    np.testing.assert_allclose(made.inputs["rgb"], expected.inputs["rgb"], rtol=1e-5, atol=1e-5)
    assert (made.starts, dict(made.targets)) == (expected.starts, {})


def test_a_batch_is_its_items_side_by_side_to_the_bit(grey: Cache) -> None:
    resident = ResidentClips(ClipDataset(STUDIES, grey, GREY, transform=COREECHO), CPU)
    together = resident.make_batch([2, 0, 3]).inputs["rgb"]
    assert torch.equal(together, torch.cat([resident.make_batch([item]).inputs["rgb"] for item in (2, 0, 3)]))


def test_the_frames_of_a_part_of_the_studies_take_their_bytes(grey: Cache) -> None:
    dataset = ClipDataset(STUDIES[1:], grey, GREY, sampling=Sampling(how="all"))
    assert count_bytes(dataset) == (9 + 9 + 30) * SPEC.height * SPEC.width
    assert ResidentClips(dataset, CPU)._frames.nbytes == count_bytes(dataset)


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_only_shifts_by_whole_pixels_are_supported(name: str) -> None:
    assert (beyond_offsets(AUGMENTATIONS[name]) == []) == (name in ("none", "coreecho", "echonet"))


class Others(ClipDataset):
    """A data set that makes its clips in some way of its own."""


def test_what_cannot_be_made_on_the_device_is_refused(grey: Cache) -> None:
    assert find_obstacle(ClipDataset(STUDIES, grey, GREY)) == ""
    others = {
        "rotation_deg, flip": ClipDataset(STUDIES, grey, GREY, transform=Augmentation(flip=0.5, rotation_deg=5.0)),
        "difference": ClipDataset(STUDIES, grey, GREY, streams=("rgb", "difference")),
        "outlines": ClipDataset(STUDIES, grey, GREY, structures=("lv",)),
        "Others": Others(STUDIES, grey, GREY),
    }
    for word, dataset in others.items():
        assert word in find_obstacle(dataset)
        with pytest.raises(ConfigError, match="CONFLICT: data_path"):
            ResidentClips(dataset, CPU)
