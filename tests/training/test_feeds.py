"""Clips with labels beside clips without: who meets whom, in whatever step a training begins."""

from collections import Counter

import numpy as np
import pytest
from tests.training.test_few_labels import RECIPE, _study

from cinecor.training.data import open_data
from cinecor.training.feeds import open_feeds
from cinecor.training.processes import Processes
from cinecor.training.recipe import apply_overrides, make_recipe

SPLITS = ["train"] * 10 + ["validation"] * 2 + ["test"] * 2
WORDS = ["--semi.method", "fixmatch", "--semi.labels_per_class", "1", "--semi.ratio", "3", "--batch_size", "4"]
WORDS += ["--augmentation.shift", "0.2", "--augmentation.rotation_deg", "5"]


@pytest.fixture
def feeds(tmp_path):
    cohort = [_study(number, split, length=4) for number, split in enumerate(SPLITS)]
    data = open_data(apply_overrides(make_recipe(RECIPE), WORDS), cohort, tmp_path)
    return open_feeds(data, data.build_cache(), ("rgb",), Processes())


def _epoch(feeds, epoch, step=0):
    for feed in feeds:
        feed.set_position(epoch, step)
    return list(zip(*(feed.order for feed in feeds), strict=False))


def test_an_epoch_is_every_training_case_once_and_the_labelled_as_often_as_batches_want_them(feeds):
    weak, labelled, _ = feeds
    steps = _epoch(feeds, 0)
    assert len(steps) == 3 == weak.order.steps  # 30 cases, twelve in a batch
    assert sorted(item for batch, _, _ in steps for item in batch) == list(range(30))
    assert all(len(batch) == 4 for _, batch, _ in steps)
    counts = Counter(labelled.clips.origin(item)[0].id for _, batch, _ in steps for item in batch)
    assert len(counts) == 2  # one of either class
    assert len({item for _, batch, _ in steps for item in batch}) == 12  # each time another clip
    assert [batch for batch, _, _ in steps] == [batch for _, _, batch in steps]


def test_an_epoch_can_begin_at_any_step(feeds):
    assert _epoch(feeds, 2, 1) == _epoch(feeds, 2)[1:]
    assert _epoch(feeds, 1) != _epoch(feeds, 2)


def test_the_labelled_have_targets_and_each_copy_a_variation_of_its_own(feeds):
    weak, labelled, _ = feeds
    assert [feed.labelled for feed in feeds] == [False, True, False]
    assert weak.clips[0].targets == {}
    assert set(labelled.clips[0].targets) == {"group"}
    same = [item for item in range(len(labelled.clips)) if labelled.clips.origin(item)[0].id.startswith("s0")]
    turns = {labelled.clips.describe(item)[1].rotation_deg for item in same}
    assert len(turns) == len(same)


def test_strong_clips_are_of_the_same_frames_and_vary_more_and_by_themselves(feeds):
    weak, _, strong = feeds
    assert [weak.clips.origin(item) for item in range(30)] == [strong.clips.origin(item) for item in range(30)]
    drawn = [(weak.clips.describe(item), strong.clips.describe(item)) for item in range(30)]
    assert all(np.array_equal(one, other) for (one, _), (other, _) in drawn)
    assert len({tuple(one) for (one, _), _ in drawn}) > 1
    turns = np.array([(one.rotation_deg, other.rotation_deg) for (_, one), (_, other) in drawn])
    assert abs(np.corrcoef(turns.T)[0, 1]) < 0.6
    tones = [(weak.clips.describe(item)[1].gamma, strong.clips.describe(item)[1].gamma) for item in range(30)]
    assert all(one == 1.0 for one, _ in tones)
    assert np.std([other for _, other in tones]) > 0
