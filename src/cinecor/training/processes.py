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
from functools import partial
from typing import TypeVar

import torch
from torch import Tensor, distributed

from cinecor.errors import CinecorError, ConfigError, ResourceError
from cinecor.training.recipe_fields import Recipe

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
        """What the first makes, in all of them; where it fails with an error of ours, all do."""
        if self.count == 1:
            return make()
        told: list[T | CinecorError | None] = [_attempt(make) if self.first else None]
        distributed.broadcast_object_list(told, device=torch.device("cpu"))
        if isinstance(told[0], CinecorError):
            raise told[0]
        return told[0]  # type: ignore[return-value]

    def wait(self) -> None:
        """Until all are here."""
        self.any(False)

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """The first does this alone; then all others, who find its files, or fail as it did."""
        if not self.first:
            self.tell(_nothing)
            yield
            return
        try:
            yield
        except CinecorError as error:
            self.tell(partial(_fail, error))
            raise
        self.tell(_nothing)


def check_shared(recipe: Recipe) -> None:
    """What processes can share: losses that are a mean over clips, whose mean over equal parts is that of the whole.

    Raises:
        ConfigError: CONFLICT for a loss that is a sum, or weighs each clip by what else its batch holds.
    """
    part = recipe.loss
    others = {
        f"loss.name {part.name}": part.name in ("dice", "bce_sum"),
        "loss.outline": part.outline > 0,
        "loss.class_weights": part.class_weights != "none",
        f"semi.method {recipe.semi.method}": recipe.semi.method != "none",
    }
    named = [name for name, there in others.items() if there]
    if named:
        what = f"{', '.join(named)} of a part of a batch is not that of the whole"
        raise ConfigError("CONFLICT", what, "train with one process", where="torchrun")


def are_several() -> bool:
    """Whether ``torchrun`` started this process as one of several."""
    return distributed.is_available() and distributed.is_torchelastic_launched() and int(os.environ["WORLD_SIZE"]) > 1


def is_first() -> bool:
    """Whether this process speaks for its training."""
    return not are_several() or os.environ["RANK"] == "0"


def join_processes(device: str = "auto") -> Processes:
    """Meet the other processes of the training, if there are any.

    Values on the CPU go by gloo, those on a GPU by NCCL. They stay together until they end, for one training more.

    Args:
        device: of the recipe; ``cpu`` leaves the GPUs alone.

    Raises:
        ResourceError: NO_DEVICE where this machine has fewer GPUs than processes.
    """
    if not are_several():
        return Processes()
    if not distributed.is_initialized():
        _connect(device != "cpu" and torch.cuda.is_available())
    count = distributed.get_world_size()
    return Processes(rank=distributed.get_rank(), count=count, machines=count // int(os.environ["LOCAL_WORLD_SIZE"]))


def _connect(gpus: bool) -> None:
    if gpus:
        wanted, there = int(os.environ["LOCAL_WORLD_SIZE"]), torch.cuda.device_count()
        if wanted > there:
            what = f"{wanted} processes were started for {there} GPUs"
            raise ResourceError("NO_DEVICE", what, "start one for each", where="torchrun")
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("cpu:gloo,cuda:nccl" if gpus else "gloo", timeout=_PATIENCE)
    atexit.register(distributed.destroy_process_group)


def _attempt(make: Callable[[], T]) -> T | CinecorError:
    try:
        return make()
    except CinecorError as error:
        return error


def _fail(error: CinecorError) -> None:
    raise error


def _nothing() -> None:
    return None
