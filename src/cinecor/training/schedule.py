"""The learning rate as a function of where a training is, so that it has no state that a resumed run could lose."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cinecor.training.recipe_fields import SchedulePart


def learning_rate(
    schedule: SchedulePart,
    highest: float,
    *,
    step: int,
    steps_per_epoch: int,
    epochs: int,
    monitored: Sequence[float],
) -> float:
    """The rate of one step.

    Args:
        schedule: which curve.
        highest: the recipe's rate.
        step: number of the step since the training began, from 0.
        steps_per_epoch: steps in an epoch.
        epochs: of the whole training.
        monitored: the monitored metric after each finished epoch (lower is better); only a plateau looks at it.
    """
    warmup = schedule.warmup_epochs * steps_per_epoch
    if step < warmup:
        return highest * (step + 1) / (math.floor(warmup) + 1)
    epoch = step // steps_per_epoch
    match schedule.name:
        case "step":
            return highest * schedule.factor ** _count_steps(schedule, epoch)
        case "halve":
            return highest * 0.5 ** _count_steps(schedule, epoch)
        case "cosine":
            part = (step - warmup) / (epochs * steps_per_epoch - warmup)
            return highest * (schedule.floor + (1 - schedule.floor) * 0.5 * (1 + math.cos(math.pi * part)))
        case "plateau":
            return highest * max(schedule.floor, schedule.factor ** _count_plateaus(monitored, schedule.every))
    return highest


def _count_steps(schedule: SchedulePart, epoch: int) -> int:
    steps = epoch // schedule.every
    return min(steps, schedule.times) if schedule.times else steps


def _count_plateaus(values: Sequence[float], every: int) -> int:
    """How many times ``every`` epochs in a row brought no better value."""
    best, waiting, plateaus = math.inf, 0, 0
    for value in values:
        waiting = 0 if value < best else waiting + 1
        best = min(best, value)
        if waiting == every:
            waiting, plateaus = 0, plateaus + 1
    return plateaus
