"""What a training minimises."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from cinecor.objectives import (
    coreecho_first_stage,
    dice_and_cross_entropy,
    mean_cross_entropy,
    summed_cross_entropy,
)
from cinecor.records import LV, Batch
from cinecor.training.recipe_fields import LossPart, Recipe

Loss: TypeAlias = Callable[[Any, Batch], Tensor]
"""Of a task's outputs for a batch."""


def make_loss(recipe: Recipe, class_weights: Tensor | None = None) -> Loss:
    """The recipe's loss: mean over a batch, in which each class may have a weight."""
    if recipe.task == "segmentation":
        compare_maps = compare_outlines(recipe.loss)
        return lambda logits, batch: compare_maps(logits, stack_masks(batch, recipe.structures))
    if recipe.loss.name == "coreecho":
        return partial(_of_contrast, recipe)
    if recipe.kind == "classes":
        compare_classes = partial(nn.functional.cross_entropy, weight=class_weights)
        return lambda logits, batch: compare_classes(logits, batch.targets[recipe.target].long())
    compare, weight = compare_values(recipe.loss), recipe.loss.outline
    if class_weights is not None:
        compare = partial(_weighted_entropy, class_weights)

    def of_values(values: Tensor, batch: Batch) -> Tensor:
        return compare(values.squeeze(1), batch.targets[recipe.target])

    def of_both(outputs: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
        values, logits = outputs
        return of_values(values, batch) + weight * dice_and_cross_entropy(logits, batch.masks[LV].unsqueeze(1))

    return of_both if weight > 0 else of_values


def stack_masks(batch: Batch, structures: Sequence[str]) -> Tensor:
    """The masks of a batch, ``batch structure time height width``."""
    return torch.stack([batch.masks[name] for name in structures], dim=1)


def _of_contrast(recipe: Recipe, outputs: tuple[Tensor, Tensor], batch: Batch) -> Tensor:
    """CoReEcho's first stage; the values are the head's of features without a gradient (``Task``).

    The contrast is of the whole batch, however many processes share it.
    """
    embeddings, values = outputs
    targets, temperature = batch.targets[recipe.target], recipe.loss.temperature
    return coreecho_first_stage(embeddings, targets, lambda _: values, temperature=temperature, across=True).total


def compare_outlines(part: LossPart) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of logits against the covered share of each pixel; frames that nobody outlined count for nothing."""
    losses = {"bce": mean_cross_entropy, "bce_sum": summed_cross_entropy}
    return losses.get(part.name) or partial(dice_and_cross_entropy, pooled=part.pooled)


def spread_classes(logits: Tensor) -> Tensor:
    """Logits of classes: as they are; where there is one, that of yes, those of no and yes (their softmax is its
    sigmoid)."""
    return torch.cat([torch.zeros_like(logits), logits], dim=1) if logits.shape[1] == 1 else logits


def count_right(logits: Tensor, targets: Tensor) -> Tensor:
    """How many clips are called what they are: the class of the largest logit; of a yes or no, yes from 0 on."""
    called = logits[:, 0] >= 0 if logits.shape[1] == 1 else logits.argmax(1)
    return (called.long() == targets.long()).sum()


def _weighted_entropy(class_weights: Tensor, values: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy in which no and yes have a weight each, as in that of many classes."""
    return nn.functional.cross_entropy(spread_classes(values[:, None]), targets.long(), weight=class_weights)


def compare_values(part: LossPart) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of predicted values (logits, where yes or no is learned) against true ones."""
    losses: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        "mse": nn.functional.mse_loss,
        "l1": nn.functional.l1_loss,
        "coreecho": nn.functional.l1_loss,  # the part of it that compares values
        "bce": nn.functional.binary_cross_entropy_with_logits,
        "huber": partial(nn.functional.huber_loss, delta=part.delta),
    }
    return losses[part.name]
