"""The order of an epoch's clips."""

import pytest

from cinecor.errors import ConfigError
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


def _parts(items, size, parts, **options):
    each = [EpochBatches(items, size, 0, part=part, parts=parts, **options) for part in range(parts)]
    return [list(batches) for batches in each]


def test_parts_are_equal_and_together_the_batch():
    (first, second), whole = _parts(10, 4, 2), _epoch()
    assert [sorted(one + other) for one, other in zip(first, second, strict=True)] == [sorted(batch) for batch in whole]
    assert all(len(one) == len(other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize(("items", "kept"), [(11, [4, 4, 2]), (9, [4, 4]), (8, [4, 4])])
def test_what_cannot_be_divided_of_the_last_batch_is_left_out(items, kept):
    first, second = _parts(items, 4, 2)
    assert [len(one) + len(other) for one, other in zip(first, second, strict=True)] == kept
    assert EpochBatches(items, 4, 0, part=1, parts=2).clips == sum(kept)


def test_the_views_of_a_loop_stay_in_one_part():
    for batches in _parts(16, 4, 2, views=2):
        assert all(
            one // 2 == other // 2 for batch in batches for one, other in zip(batch[::2], batch[1::2], strict=True)
        )


def test_a_batch_that_cannot_be_divided_is_refused():
    with pytest.raises(ConfigError, match=r"3 processes cannot share a batch of 4"):
        EpochBatches(10, 4, 0, parts=3)
