"""The training loop: steps, validation, the best epoch, and a state on disk from which all of it goes on to the bit."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric

from cinecor.clips import ClipDataset
from cinecor.errors import CheckpointError
from cinecor.records import Batch
from cinecor.training.adversarial_learning import AdversarialLearner
from cinecor.training.classes import weigh_classes
from cinecor.training.consistency_learning import ConsistencyLearner
from cinecor.training.data_path import make_loaders
from cinecor.training.feeds import Feed
from cinecor.training.interruption import Interruption
from cinecor.training.leakage import SHARED, describe_leak, patients_of
from cinecor.training.learning import Learner, on_cpu
from cinecor.training.loading import to_device
from cinecor.training.logs import Reporter
from cinecor.training.processes import Processes
from cinecor.training.recipe_fields import Recipe
from cinecor.training.schedule import learning_rate
from cinecor.training.state import State, load_state, save_state
from cinecor.training.task import Task, seed_step
from cinecor.training.validation import validate

STATE_NAME = "last.ckpt"
SAVE_SECONDS = 300.0  # a killed training loses at most so much work
_LEARNERS: dict[str, type[Learner]] = {"none": Learner, "gan": AdversarialLearner, "fixmatch": ConsistencyLearner}


class Fit:
    """One training, from wherever ``state`` is to its end.

    Args:
        recipe: resolved.
        task: the network as it is trained; has its first weights.
        feeds: clips to learn from; an epoch is one of the first.
        validation: clips that decide on the best epoch.
        folder: of the run; its state is read from there and kept there.
        fabric: device and backward pass.
        state: where the training is.
        processes: those that share each batch; the first of them validates and writes.
    """

    def __init__(
        self,
        recipe: Recipe,
        task: Task,
        feeds: Sequence[Feed],
        validation: ClipDataset,
        folder: Path,
        fabric: Fabric,
        state: State,
        processes: Processes,
    ) -> None:
        self.recipe, self.task, self.folder, self.fabric, self.state = recipe, task, folder, fabric, state
        self.feeds, self.validation, self.processes = feeds, validation, processes
        self.order = feeds[0].order
        (known,) = (feed.clips for feed in feeds if feed.labelled)
        weights = weigh_classes(recipe, (known.targets_of(item) for item in range(len(known))))
        self.shared = sorted(set.union(*(patients_of(feed.clips) for feed in feeds)) & patients_of(validation))
        if state.model:
            task.network.load_state_dict(state.model)
        weights = None if weights is None else weights.to(fabric.device)
        self.learner = _LEARNERS[recipe.semi.method](recipe, task, fabric, processes, state, weights)
        self._since = time.monotonic()
        sums = [state.loss_sum, state.right, state.told]
        self.sums = torch.tensor(sums, dtype=torch.float64, device=fabric.device)
        """Of this epoch so far: the loss over clips, labelled clips called what they are, labelled clips."""

    def run(self) -> State:
        """Train until the epochs or the patience are used up; returns the last state, whose ``best`` holds weights.

        Raises:
            CheckpointError: NONFINITE where the training diverges.
            StorageError: where its state cannot be written.
        """
        first = self.state.epoch * self.order.steps + self.state.step
        total = self.state.before + self.recipe.epochs
        reporter = Reporter(self.folder, total, first, silent=not self.processes.first)
        with Interruption(self.processes.any, shared=self.processes.count > 1) as interruption, reporter:
            loaders = make_loaders(self.recipe, self.feeds, self.validation, self.fabric.device)
            reporter.say(loaders.said)
            if self.shared:
                reporter.say(f"warning: {describe_leak(len(self.shared))}")
            while not self.finished:
                self._train_epoch(loaders.train, interruption, reporter)
                row = self._validate(loaders.validation, interruption)
                self._end_epoch(row, reporter)
                interruption.check()
        return self.state

    @property
    def finished(self) -> bool:
        """Whether the epochs or the patience are used up."""
        values = [self.recipe.watch(row) for row in self.state.phase_history]
        if len(values) >= self.recipe.epochs:
            return True
        waited = len(values) - 1 - int(np.argmin(values)) if values else 0
        return 0 < self.recipe.patience <= waited

    def save(self) -> None:
        """Put the state on disk as it is between two steps."""
        if not self.processes.first:
            return
        self.state.loss_sum, self.state.right, self.state.told = self.sums.tolist()
        self.learner.keep(self.state)
        self._count_seconds()
        save_state(self.folder / STATE_NAME, self.state)

    def _count_seconds(self) -> None:
        now = time.monotonic()
        self.state.seconds += now - self._since
        self.state.epoch_so_far += now - self._since
        self._since = now

    def _train_epoch(self, loaders: Sequence[Any], interruption: Interruption, reporter: Reporter) -> None:
        state = self.state
        for feed in self.feeds:
            feed.set_position(state.epoch, state.step)
        self.learner.start_epoch()
        saved = time.monotonic()
        last = state.history[-1] if state.history else {}
        with reporter.epoch(state.epoch, self.order.steps, state.step, last):
            for batches in zip(*loaders, strict=False):  # the first ends the epoch
                self._step([to_device(batch, self.fabric.device) for batch in batches])
                reporter.advance()
                interruption.check(self.save)
                if time.monotonic() - saved > SAVE_SECONDS:
                    self.save()
                    saved = time.monotonic()

    def _step(self, batches: Sequence[Batch]) -> None:
        state = self.state
        seed_step(self.recipe.seed, state.epoch, state.step, self.processes.rank)
        learned = self.learner.step(batches, self._rate(), state.epoch * self.order.steps + state.step)
        sums = torch.zeros_like(self.sums)
        sums[0], sums[1], sums[2] = learned.loss.double() * len(batches[0].studies), learned.right, learned.told
        self.sums += self.processes.add(sums)
        state.step += 1

    def _rate(self) -> float:
        state = self.state
        return learning_rate(
            self.recipe.schedule,
            self.recipe.optimiser.lr,
            step=(state.epoch - state.before) * self.order.steps + state.step,
            steps_per_epoch=self.order.steps,
            epochs=self.recipe.epochs,
            monitored=[self.recipe.watch(row) for row in state.phase_history],
        )

    def _validate(self, loader: Any, interruption: Interruption) -> dict[str, float]:
        """By the first process, so that all agree on the best epoch; one alone cannot stop at a signal half-way."""
        self.validation.set_epoch(self.state.epoch)
        alone = self.processes.count == 1
        if not alone:
            self.save()

        def check() -> None:
            if alone:
                interruption.check(self.save)

        def judge() -> dict[str, float]:
            with self.learner.as_tested():
                return validate(self.recipe, self.task, loader, self.fabric.device, check)

        return self.processes.tell(judge)

    def _end_epoch(self, row: dict[str, float], reporter: Reporter) -> None:
        state, step = self.state, (self.state.epoch + 1) * self.order.steps
        loss_sum, right, told = self.sums.tolist()
        train_loss = loss_sum / self.order.clips
        if not np.isfinite([train_loss, *row.values()]).all():
            what = f"the loss is not finite in epoch {state.epoch + 1}"
            raise CheckpointError("NONFINITE", what, "lower the learning rate or cut gradients", where="training")
        best = min((self.recipe.watch(old) for old in state.phase_history), default=float("inf"))
        stage = {"phase": state.phase + 1} if self.recipe.second.epochs else {}
        leak = {SHARED: len(self.shared)} if self.shared else {}
        state.history.append(
            {
                "epoch": state.epoch + 1,
                **stage,
                "learning_rate": self.learner.rate,
                "train_loss": train_loss,
                **({"train_accuracy": right / told} if told else {}),
                **row,
                **leak,
            }
        )
        if self.recipe.watch(row) < best:
            with self.learner.as_tested():
                state.best = on_cpu(self.task.network.state_dict())
        state.epoch, state.step = state.epoch + 1, 0
        self.sums.zero_()
        self._count_seconds()
        state.epoch_seconds.append(state.epoch_so_far)
        state.epoch_so_far = 0.0
        if self.processes.first:
            self.learner.end_epoch(self.folder, state.epoch)
        self.save()
        reporter.end_epoch(state.history, step, state.epoch_seconds[-1])


def find_state(path: Path, recipe: str, data: str) -> State:
    """The state of a run that was begun, or that of one that begins.

    Raises:
        CheckpointError: CORRUPT, TOO_NEW; MISMATCH where it belongs to another recipe or other data.
    """
    if not path.exists():
        return State(recipe=recipe, data=data)
    state = load_state(path)
    if (state.recipe, state.data) != (recipe, data):
        what = "the run was begun with another " + ("recipe" if state.recipe != recipe else "set of studies or labels")
        raise CheckpointError("MISMATCH", what, "give another folder for the new run", where=path.name)
    return state
