"""What a network says of every clip of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from scipy.special import expit
from torch import Tensor

from cinecor.records import Batch, Prediction, Split, Study
from cinecor.training.loading import to_device
from cinecor.training.task import Task


@dataclass(frozen=True)
class Said:
    """One clip: where it is from, what was said and what is true."""

    study: str
    cine: int
    start: int
    value: float
    targets: Mapping[str, float]


@torch.no_grad()
def predict_values(
    task: Task, loader: Iterable[Batch], device: torch.device, check: Callable[[], None] = lambda: None
) -> list[Said]:
    """The first output for every clip, in the loader's order; the task is left in evaluation mode.

    Args:
        task: on ``device``.
        loader: batches of clips with targets.
        device: where to compute.
        check: called after each batch; may raise to end early.
    """
    task.eval()
    rows: list[Said] = []
    for batch in loader:
        values = task(*task.pick(to_device(batch, device)))[:, 0].float().tolist()
        for place, value in enumerate(values):
            targets = {name: float(tensor[place]) for name, tensor in batch.targets.items()}
            rows.append(Said(batch.studies[place], batch.cines[place], batch.starts[place], value, targets))
        check()
    return rows


def to_probabilities(rows: Sequence[Said]) -> list[Said]:
    """Logits as the probabilities that they mean."""
    return [replace(row, value=float(expit(row.value))) for row in rows]


def embed_clips(task: Task, loader: Iterable[Batch], device: torch.device) -> Tensor:
    """Embeddings of all clips of a loader, ``clips feature``, on the CPU."""
    task.eval()
    return torch.cat([task.embed(*task.pick(to_device(batch, device))).cpu() for batch in loader])


def to_predictions(rows: Sequence[Said], studies: Sequence[Study], split: Split, quantity: str) -> list[Prediction]:
    """The rows as records for a table."""
    patients = {study.id: study.patient_id for study in studies}
    return [
        Prediction(
            study=row.study,
            patient=patients[row.study],
            split=split,
            cine=row.cine,
            start=row.start,
            quantity=quantity,
            value=row.value,
        )
        for row in rows
    ]
