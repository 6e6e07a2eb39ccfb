"""What a network says of every clip of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy.special import expit, softmax
from torch import Tensor

from cinecor.evaluation.quantities import class_quantity
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
    outputs: tuple[float, ...] = ()
    """All outputs of a network that has several."""
    more: Mapping[str, float] = field(default_factory=dict)
    """Other quantities that were said of the same place."""


@torch.no_grad()
def predict_values(
    task: Task, loader: Iterable[Batch], device: torch.device, check: Callable[[], None] = lambda: None
) -> list[Said]:
    """The outputs for every clip, in the loader's order; the task is left in evaluation mode.

    Args:
        task: on ``device``.
        loader: batches of clips with targets.
        device: where to compute.
        check: called after each batch; may raise to end early.
    """
    task.eval()
    rows: list[Said] = []
    for batch in loader:
        values = task(*task.pick(to_device(batch, device))).float().tolist()
        for place, outputs in enumerate(values):
            targets = {name: float(tensor[place]) for name, tensor in batch.targets.items()}
            clip = (batch.studies[place], batch.cines[place], batch.starts[place])
            rows.append(Said(*clip, outputs[0], targets, tuple(outputs) if len(outputs) > 1 else ()))
        check()
    return rows


def to_probabilities(rows: Sequence[Said]) -> list[Said]:
    """Logits as the probabilities that they mean."""
    return [replace(row, value=float(expit(row.value))) for row in rows]


def to_class_rows(rows: Sequence[Said], quantity: str, classes: Sequence[str]) -> Iterator[tuple[str, Said]]:
    """The softmax of each clip's outputs, class by class, each with the name of its quantity (``group=DCM``)."""
    for row in rows:
        shares = softmax(np.asarray(row.outputs, dtype=np.float64))
        for name, share in zip(classes, shares.tolist(), strict=True):
            yield class_quantity(quantity, name), replace(row, value=share)


def to_named_rows(rows: Sequence[Said], target: str) -> Iterator[tuple[str, Said]]:
    """The target of each row, and the other quantities that were said with it."""
    for row in rows:
        yield target, row
        for name, value in row.more.items():
            yield name, replace(row, value=value)


def embed_clips(task: Task, loader: Iterable[Batch], device: torch.device) -> Tensor:
    """Embeddings of all clips of a loader, ``clips feature``, on the CPU."""
    task.eval()
    return torch.cat([task.embed(*task.pick(to_device(batch, device))).cpu() for batch in loader])


def to_predictions(
    rows: Sequence[Said], studies: Sequence[Study], split: Split, target: str, classes: Sequence[str] = ()
) -> list[Prediction]:
    """The rows as records for a table: one a clip, or one a clip and class."""
    patients = {study.id: study.patient_id for study in studies}
    named = to_class_rows(rows, target, classes) if classes else to_named_rows(rows, target)
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
        for quantity, row in named
    ]
