"""The order of an epoch's clips."""

import pytest

from cinecor.training.batches import EpochBatches


def _epoch(items=10, size=4, seed=0, epoch=0, start=0) -> list[list[int]]:
    batches = EpochBatches(items, size, seed)
    batches.set_position(epoch, start)
    return list(batches)


def test_every_clip_comes_once():
    assert sorted(index for batch in _epoch() for index in batch) == list(range(10))
    assert [len(batch) for batch in _epoch()] == [4, 4, 2]


def test_the_order_is_a_function_of_seed_and_epoch():
    assert _epoch() == _epoch()
    assert _epoch(epoch=1) != _epoch()
    assert _epoch(seed=1) != _epoch()


@pytest.mark.parametrize("start", range(4))
def test_it_can_begin_anywhere(start):
    assert _epoch(start=start, epoch=3) == _epoch(epoch=3)[start:]
    batches = EpochBatches(10, 4, 0)
    batches.set_position(3, start)
    assert len(batches) == 3 - start
    assert batches.steps == 3
