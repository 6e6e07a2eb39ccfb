"""Random numbers that depend on what is drawn for, never on who draws or when."""

from __future__ import annotations

import numpy as np


def make_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The random numbers of one sample in one epoch.

    The same arguments give the same numbers in any process and in any order, so that a run can be resumed and does
    not depend on the number of workers. Philox is counter-based: streams of different keys do not overlap.
    """
    return np.random.Generator(np.random.Philox(np.random.SeedSequence((seed, epoch, index))))
