"""The order in which an epoch's clips are seen: a function of (seed, epoch) alone, which can begin anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

_ORDER = 0x0BDE5  # keeps this stream apart from the clips' own (seed, epoch, index)


class EpochBatches(Sampler[list[int]]):
    """Batches of indices in the order of one epoch.

    Args:
        items: how many clips there are.
        batch_size: clips in a batch; the last may be smaller.
        seed: of the order.
    """

    def __init__(self, items: int, batch_size: int, seed: int) -> None:
        self.items, self.batch_size, self.seed = items, batch_size, seed
        self._epoch, self._start = 0, 0

    def set_position(self, epoch: int, start: int = 0) -> None:
        """Which epoch comes next, and from which of its batches on."""
        self._epoch, self._start = epoch, start

    @property
    def steps(self) -> int:
        """Batches of a whole epoch."""
        return -(-self.items // self.batch_size)

    def __len__(self) -> int:
        return self.steps - self._start

    def __iter__(self) -> Iterator[list[int]]:
        key = np.random.SeedSequence((self.seed, self._epoch, _ORDER))
        order = np.random.Generator(np.random.Philox(key)).permutation(self.items).tolist()
        for first in range(self._start * self.batch_size, self.items, self.batch_size):
            yield order[first : first + self.batch_size]
