"""What a training minimises."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from torch import Tensor, nn

from cinecor.clips.dataset import LV
from cinecor.objectives import dice_and_cross_entropy
from cinecor.records import Batch
from cinecor.training.recipe_fields import LossPart, Recipe

Loss: TypeAlias = Callable[[Tensor, Batch], Tensor]
"""Of a network's outputs for a batch."""


def make_loss(recipe: Recipe) -> Loss:
    """The recipe's loss: mean over a batch."""
    if recipe.task == "segmentation":
        return lambda outputs, batch: dice_and_cross_entropy(outputs, batch.masks[LV].unsqueeze(1))
    compare = compare_values(recipe.loss)
    return lambda outputs, batch: compare(outputs.squeeze(1), batch.targets[recipe.target])


def compare_values(part: LossPart) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of predicted against true values."""
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "mse": nn.functional.mse_loss,
        "l1": nn.functional.l1_loss,
        "huber": partial(nn.functional.huber_loss, delta=part.delta),
    }
    return losses[part.name]
