"""What a training needs to go on to the bit, in one file that is whole or not there.

``last.ckpt`` is a hash of what follows and torch's own format, which is read without unpickling objects. It is
written through :mod:`cinecor.storage` (temporary file beside it, fsync, rename, fsync of the folder). Random states
are not in it because none survives a step: order, clips, variation and dropout are functions of
(seed, epoch, step or index).
"""

from __future__ import annotations

import hashlib
import io
import pickle
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from cinecor import storage
from cinecor.errors import CheckpointError

FORMAT = 3
_MAGIC = b"cinecor run state 1\n"
_DIGEST = 32
_CURE = "delete it to begin the run again"

History = list[dict[str, float | int]]


@dataclass
class State:
    """Where a training is.

    ``step`` steps of ``epoch`` are done; ``history`` has the metrics of each finished epoch.
    """

    recipe: str
    """Fingerprint of the recipe."""
    data: str
    """Fingerprint of the training data."""
    epoch: int = 0
    step: int = 0
    loss_sum: float = 0.0
    """Of this epoch so far, over clips."""
    right: float = 0.0
    """Labelled clips of this epoch so far that were called what they are."""
    told: float = 0.0
    """Labelled clips of this epoch so far, where a class is learned."""
    history: History = field(default_factory=list)
    model: dict[str, Tensor] = field(default_factory=dict)
    optimiser: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    """Spent on training and validation so far, all sittings together."""
    epoch_seconds: list[float] = field(default_factory=list)
    """The same of each epoch that this version finished; apart from the history, which is the same however often it was
    interrupted."""
    epoch_so_far: float = 0.0
    """Seconds of this epoch so far."""
    best: dict[str, Tensor] = field(default_factory=dict)
    """Weights of the best epoch so far; empty before the first ends."""
    phase: int = 0
    """Which stage of the recipe, from 0."""
    before: int = 0
    """Epochs of the stages before."""
    start: dict[str, Any] = field(default_factory=dict)
    """What the manifest will say of the weights that the training started from."""
    more: dict[str, Any] = field(default_factory=dict)
    """What a learner of clips without labels keeps beside: a generator, running means."""
    format: int = FORMAT

    @property
    def phase_history(self) -> History:
        """The history of this stage alone."""
        return self.history[self.before :]


def save_state(path: Path, state: State) -> None:
    """Write the state in place of an earlier one.

    Raises:
        StorageError: the folder cannot be written or the disk is full; the earlier state is untouched.
    """
    buffer = io.BytesIO()
    torch.save({name: getattr(state, name) for name in state.__dataclass_fields__}, buffer)
    content = buffer.getvalue()
    storage.write_bytes(path, _MAGIC + hashlib.sha256(content).digest() + content)


def load_state(path: Path) -> State:
    """Read a state.

    Raises:
        CheckpointError: CORRUPT where it is damaged, TOO_NEW for a later format.
    """
    content = path.read_bytes()
    start = len(_MAGIC) + _DIGEST
    digest, payload = content[len(_MAGIC) : start], content[start:]
    if not content.startswith(_MAGIC) or hashlib.sha256(payload).digest() != digest:
        raise CheckpointError("CORRUPT", "the run's state is damaged", _CURE, where=path.name)
    try:
        values = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
        if values["format"] > FORMAT:
            raise CheckpointError("TOO_NEW", "a later cinecor wrote this", "update cinecor", where=path.name)
        return State(**{**values, "format": FORMAT})
    except (pickle.UnpicklingError, zipfile.BadZipFile, RuntimeError, KeyError, TypeError) as error:
        raise CheckpointError("CORRUPT", "this is not the state of a run", _CURE, where=path.name) from error
