"""Who makes the batches of a training: workers that read the cache, or the device, which keeps all frames itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from cinecor.clips import ClipDataset
from cinecor.clips.resident import ResidentClips, count_bytes, find_obstacle
from cinecor.errors import ResourceError
from cinecor.records import Batch
from cinecor.training.feeds import Feed
from cinecor.training.loading import make_loader
from cinecor.training.recipe_fields import Recipe

SHARE = 0.5
"""Part of the device's free memory that frames may take unasked; the rest is for the network's own."""


@dataclass(frozen=True, kw_only=True)
class Loaders:
    """Batches of an epoch, anew at each iteration."""

    train: tuple[Iterable[Batch], ...]
    """Of each feed."""
    validation: Iterable[Batch]
    said: str
    """Which way was taken and why, for the log."""


class ResidentLoader:
    """Batches made on the device.

    Args:
        clips: makes them.
        order: items of each batch, anew at each iteration.
    """

    def __init__(self, clips: ResidentClips, order: Iterable[Sequence[int]]) -> None:
        self._clips, self._order = clips, order

    def __iter__(self) -> Iterator[Batch]:
        return (self._clips.make_batch(items) for items in self._order)


def make_loaders(recipe: Recipe, feeds: Sequence[Feed], validation: ClipDataset, device: torch.device) -> Loaders:
    """The loaders of a training, as ``recipe.data_path`` says.

    Args:
        recipe: says which way, how many workers, how large a batch.
        feeds: training clips, each read in its own order.
        validation: is read from first to last.
        device: where the network is.

    Raises:
        ConfigError: CONFLICT for clips that cannot be made on the device as asked.
        ResourceError: OOM where it has not the memory that was asked for.
    """
    datasets = [*(feed.clips for feed in feeds), validation]
    size = sum(count_bytes(dataset) for dataset in datasets)
    reason = _why_loader(recipe, datasets, size, device)
    if reason:
        return Loaders(
            train=tuple(make_loader(feed.clips, recipe.workers, device, order=feed.order) for feed in feeds),
            validation=make_loader(validation, recipe.workers, device, batch_size=recipe.batch_size),
            said=f"clips are made by a loader: {reason}",
        )
    _check_memory(size, device)
    places = range(len(validation))
    batches = [places[first : first + recipe.batch_size] for first in places[:: recipe.batch_size]]
    return Loaders(
        train=tuple(ResidentLoader(ResidentClips(feed.clips, device), feed.order) for feed in feeds),
        validation=ResidentLoader(ResidentClips(validation, device), batches),
        said=f"clips are made on {device}, which keeps {_gigabytes(size)} of frames",
    )


def _why_loader(recipe: Recipe, datasets: Sequence[ClipDataset], size: int, device: torch.device) -> str:
    """Why a loader makes the clips; empty where the device does."""
    if recipe.data_path == "loader":
        return "data_path says so"
    if recipe.data_path == "resident":
        return ""
    free = _free_bytes(device)
    if free is None:
        return f"on {device.type} nothing is gained by keeping the frames there"
    obstacle = next((found for dataset in datasets if (found := find_obstacle(dataset))), "")
    if not obstacle and size > SHARE * free:
        return f"{_gigabytes(size)} of frames are more than half of the {_gigabytes(free)} that {device} has free"
    return obstacle


def _check_memory(size: int, device: torch.device) -> None:
    free = _free_bytes(device)
    if free is not None and size > free:
        what = f"{_gigabytes(size)} of frames do not fit into the {_gigabytes(free)} that {device} has free"
        raise ResourceError("OOM", what, "choose data_path auto or loader", where="data_path")


def _free_bytes(device: torch.device) -> int | None:
    """Free memory of a GPU; None of other devices, whose memory is that of the machine, where the cache lies anyway."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else None


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
