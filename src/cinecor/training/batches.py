"""The order in which an epoch's clips are seen: a function of (seed, epoch) alone, which can begin anywhere."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler

from cinecor.errors import ConfigError

_ORDER = 0x0BDE5  # keeps this stream apart from the clips' own (seed, epoch, index)


class EpochBatches(Sampler[list[int]]):
    """Batches of indices in the order of one epoch.

    Args:
        items: how many clips there are.
        batch_size: clips in a batch; the last may be smaller.
        seed: of the order.
        views: so many consecutive clips stay together and count as one in ``batch_size``.
        drop_last: leave out a last batch that is smaller.
        part: which equal part of each batch is wanted, from 0.
        parts: how many there are. A last batch that cannot be divided is cut, so that no clip counts more than another.

    Raises:
        ConfigError: OUT_OF_RANGE where no batch is left, or where a batch cannot be divided into the parts.
    """

    def __init__(
        self,
        items: int,
        batch_size: int,
        seed: int,
        *,
        views: int = 1,
        drop_last: bool = False,
        part: int = 0,
        parts: int = 1,
    ) -> None:
        if batch_size % parts:
            what = f"{parts} processes cannot share a batch of {batch_size} equally"
            raise ConfigError("OUT_OF_RANGE", what, f"give a multiple of {parts}", where="batch_size")
        self.items, self.batch_size, self.seed = items // views, batch_size, seed
        self.views = views
        if drop_last:
            self.items -= self.items % batch_size
        self.items -= self.items % parts  # batches are multiples of the parts, so that this is of the last
        self.part, self.parts = part, parts
        self._groups = items // views
        if items and not self.items:
            what = f"{self._groups} loops fill no batch of {batch_size if drop_last else parts}"
            raise ConfigError("OUT_OF_RANGE", what, "give fewer, or sampling.drop_last false", where="batch_size")
        self._epoch, self._start = 0, 0

    def set_position(self, epoch: int, start: int = 0) -> None:
        """Which epoch comes next, and from which of its batches on."""
        self._epoch, self._start = epoch, start

    @property
    def clips(self) -> int:
        """Clips of a whole epoch, all parts together."""
        return self.items * self.views

    @property
    def steps(self) -> int:
        """Batches of a whole epoch."""
        return -(-self.items // self.batch_size)

    def __len__(self) -> int:
        return self.steps - self._start

    def __iter__(self) -> Iterator[list[int]]:
        key = np.random.SeedSequence((self.seed, self._epoch, _ORDER))
        order = np.random.Generator(np.random.Philox(key)).permutation(self._groups).tolist()
        for first in range(self._start * self.batch_size, self.items, self.batch_size):
            chosen = order[first : min(first + self.batch_size, self.items)]
            own = chosen[self.part :: self.parts]
            yield [self.views * group + view for group in own for view in range(self.views)]
