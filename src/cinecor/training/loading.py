"""Batches of clips for a device."""

from __future__ import annotations

import torch
from torch.utils.data import DataLoader, Dataset

from cinecor.clips import collate
from cinecor.clips.dataset import start_worker
from cinecor.records import Batch, Clip
from cinecor.training.batches import EpochBatches


def make_loader(
    dataset: Dataset[Clip],
    workers: int,
    device: torch.device,
    *,
    order: EpochBatches | None = None,
    batch_size: int = 1,
) -> DataLoader[Clip]:
    """A loader in the order of ``order``, or from first to last in batches of ``batch_size``."""
    common = {
        "num_workers": workers,
        "collate_fn": collate,
        "worker_init_fn": start_worker,
        "pin_memory": device.type == "cuda",
        "persistent_workers": workers > 0,
        "generator": torch.Generator(),  # its own, so that making an iterator takes nothing from the global stream
    }
    if order is not None:
        return DataLoader(dataset, batch_sampler=order, **common)  # type: ignore[arg-type]
    return DataLoader(dataset, batch_size=batch_size, shuffle=False, **common)  # type: ignore[arg-type]


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch where the network is."""
    return batch if device.type == "cpu" else batch.to(device)
