"""The processes that share the batches of one training: this one alone, or those that ``torchrun`` started.

Lightning moves gradients between them. Files are the first one's: it reads and decodes the data before the others look
at them, and it alone writes the run's folder, which all must see under the same path.
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed

T = TypeVar("T")

_PATIENCE = timedelta(days=7)  # the others wait while the first decodes a cohort; torchrun ends all where one fails


@dataclass(frozen=True, kw_only=True)
class Processes:
    """This process among those of its training."""

    rank: int = 0
    count: int = 1
    machines: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def add(self, amount: Tensor) -> Tensor:
        """The sum of what all have, in place."""
        if self.count > 1:
            distributed.all_reduce(amount)
        return amount

    def any(self, flag: bool) -> bool:
        """Whether it is so in one of them; all must ask."""
        return flag if self.count == 1 else bool(self.add(torch.tensor(int(flag))).item())

    def tell(self, make: Callable[[], T]) -> T:
        """What the first makes, in all of them."""
        if self.count == 1:
            return make()
        told = [make() if self.first else None]
        distributed.broadcast_object_list(told, device=torch.device("cpu"))
        return told[0]  # type: ignore[return-value]

    def wait(self) -> None:
        """Until all are here."""
        self.any(False)

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """The first does this alone; then all others, who find its files."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()


def are_several() -> bool:
    """Whether ``torchrun`` started this process as one of several."""
    return distributed.is_available() and distributed.is_torchelastic_launched() and int(os.environ["WORLD_SIZE"]) > 1


def is_first() -> bool:
    """Whether this process speaks for its training."""
    return not are_several() or os.environ["RANK"] == "0"


def join_processes() -> Processes:
    """Meet the other processes of the training, if there are any.

    Values on the CPU go by gloo, those on a GPU by NCCL. They stay together until they end, for one training more.
    """
    if not are_several():
        return Processes()
    if not distributed.is_initialized():
        _connect()
    count = distributed.get_world_size()
    return Processes(rank=distributed.get_rank(), count=count, machines=count // int(os.environ["LOCAL_WORLD_SIZE"]))


def _connect() -> None:
    gpus = torch.cuda.is_available()
    if gpus:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=_PATIENCE)
    atexit.register(distributed.destroy_process_group)
