"""How a training learns from one step's batches, and what of it has to survive a training that is stopped."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lightning.fabric import Fabric
from torch import Tensor, nn

from cinecor.models.starting import head_names
from cinecor.records import Batch
from cinecor.training.averaging import Average
from cinecor.training.compiling import compile_task
from cinecor.training.loss import count_right, make_loss
from cinecor.training.optimiser import cut_gradients, make_optimiser, set_rate
from cinecor.training.processes import Processes
from cinecor.training.recipe_fields import Recipe
from cinecor.training.state import State
from cinecor.training.task import Task


@dataclass(frozen=True)
class Learned:
    """What a step made of its batches."""

    loss: Tensor
    """Mean over clips."""
    right: Tensor | int = 0
    """Labelled clips that were called what they are, varied and with dropout as they were learned from."""
    told: int = 0
    """Labelled clips that were called anything; 0 where no class is learned."""


class Learner:
    """Learns from clips with labels. What learns otherwise is a kind of it.

    Args:
        recipe: resolved.
        task: the network as it is trained, with its weights.
        fabric: device and backward pass.
        processes: those that share each batch.
        state: where the training is.
        class_weights: how much a clip of each class counts; None: alike.
    """

    def __init__(
        self,
        recipe: Recipe,
        task: Task,
        fabric: Fabric,
        processes: Processes,
        state: State,
        class_weights: Tensor | None = None,
    ) -> None:
        self.recipe, self.task, self.fabric = recipe, task, fabric
        self.loss = make_loss(recipe, class_weights)
        self.class_weights = class_weights
        self.module, self.optimiser = self._set_up(processes)
        if state.optimiser:
            self.optimiser.load_state_dict(state.optimiser)
        self.average = Average(task.network, recipe.semi.average)
        if "average" in state.more:
            self.average.restore(state.more["average"])
        self._open(state)

    @property
    def rate(self) -> float:
        """The learning rate of the last step."""
        rate: float = self.optimiser.param_groups[0]["lr"]
        return rate

    def start_epoch(self) -> None:
        """Put all that learns into training mode."""
        self.module.train()

    def step(self, batches: Sequence[Batch], rate: float, step: int) -> Learned:
        """One step, on a batch of each feed.

        Args:
            batches: on the device.
            rate: the learning rate.
            step: its number since the training began, from 0.
        """
        set_rate(self.optimiser, rate)
        learned = self._learn(batches)
        self.average.update(step)
        return learned

    def keep(self, state: State) -> None:
        """Put into a state what a later process needs to go on."""
        state.model = on_cpu(self.average.learned())
        state.optimiser = self.optimiser.state_dict()
        state.more = {"average": on_cpu(self.average.tensors)} if self.average.tensors else {}

    def as_tested(self) -> AbstractContextManager[None]:
        """The network as it is validated and kept, while this lasts."""
        return self.average.in_place()

    def end_epoch(self, folder: Path, number: int) -> None:
        """Show in the run's folder what was learned by the end of an epoch, counted from 1."""

    def _open(self, state: State) -> None:
        """Make what else learns, as the state has it; nothing here."""

    def _learn(self, batches: Sequence[Batch]) -> Learned:
        (batch,) = batches
        self.optimiser.zero_grad()
        outputs = self.module(*self.task.pick(batch))
        loss = self.loss(outputs, batch)
        self._descend(loss)
        return self._count(loss, outputs[0] if isinstance(outputs, tuple) else outputs, batch)

    def _count(self, loss: Tensor, logits: Tensor, batch: Batch) -> Learned:
        """What was learned of a labelled batch, of which these were the logits before the step."""
        if self.recipe.task != "classification":
            return Learned(loss.detach())
        targets = batch.targets[self.recipe.target]
        return Learned(loss.detach(), count_right(logits.detach(), targets), len(targets))

    def _descend(self, loss: Tensor) -> None:
        self.fabric.backward(loss)
        cut_gradients(self.task, self.recipe.gradient_clip, self.recipe.gradient_clip_by)
        self.optimiser.step()

    def _set_up(self, processes: Processes) -> tuple[Any, Any]:
        if processes.count > 1 and self.fabric.device.type == "cuda":  # torch has it for GPUs only
            nn.SyncBatchNorm.convert_sync_batchnorm(self.task.network)  # type: ignore[no-untyped-call]
        part = self.recipe.optimiser
        names = head_names(self.task.network) if part.head_decay is not None else ()
        optimiser = make_optimiser(self.task, part, {f"network.{name}" for name in names})
        if (
            self.recipe.compile and self.task.frozen == "none"
        ):  # a graph cannot turn a part's mode; a head gains nothing
            compile_task(self.task, self.fabric.device)
        # A convolution of 1x1x1 has the same numbers in either layout; DDP warns that it copies them.
        warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        warnings.filterwarnings("ignore", "find_unused_parameters=True was specified")
        return self.fabric.setup(self.task, optimiser)


def on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies of tensors, on the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
