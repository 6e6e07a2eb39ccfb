"""How well a network does on the validation split after an epoch, in a row of the history."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import torch
from jaxtyping import Float
from scipy.special import expit, softmax
from torch import Tensor

from cinecor.evaluation.classification import DECISIONS, HALF, auroc
from cinecor.evaluation.many_classes import PLACED
from cinecor.evaluation.regression import mae, rmse
from cinecor.objectives.dice import SMOOTH
from cinecor.records import Batch
from cinecor.training.loading import to_device
from cinecor.training.loss import compare_outlines, compare_values, stack_masks
from cinecor.training.prediction import predict_values
from cinecor.training.recipe_fields import Recipe
from cinecor.training.task import Task


def validate(
    recipe: Recipe, task: Task, loader: Iterable[Batch], device: torch.device, check: Callable[[], None]
) -> dict[str, float]:
    """Metrics by name; the task is left in evaluation mode.

    Args:
        recipe: says what is learned.
        task: on ``device``.
        loader: batches of the validation split.
        device: where to compute.
        check: called after each batch; may raise to end early.
    """
    kinds = {"segmentation": _validate_outlines, "outlines": _validate_outlines, "classes": _validate_classes}
    return kinds.get(recipe.kind, _validate_values)(recipe, task, loader, device, check)


def _validate_classes(
    recipe: Recipe, task: Task, loader: Iterable[Batch], device: torch.device, check: Callable[[], None]
) -> dict[str, float]:
    """Loss over clips; accuracy and macro F1 over studies, each the mean of the probabilities of its clips."""
    rows = predict_values(task, loader, device, check)
    logits = np.array([row.outputs for row in rows])
    true = np.array([row.targets[recipe.target] for row in rows])
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(true).long())
    _, first, study = np.unique([row.study for row in rows], return_index=True, return_inverse=True)
    likely = np.zeros((len(first), logits.shape[1]))
    np.add.at(likely, study, softmax(logits, axis=1))
    called, right, even = likely.argmax(1).astype(np.float64), true[first], np.ones(len(first))
    figures = {f"validation_{name}": float(PLACED[name](called, right, even)) for name in ("accuracy", "macro_f1")}
    return {"validation_loss": float(loss), **figures}


def _validate_values(
    recipe: Recipe, task: Task, loader: Iterable[Batch], device: torch.device, check: Callable[[], None]
) -> dict[str, float]:
    """Loss over clips; RMSE and MAE, or accuracy and F1, and AUROC where there are studies of both kinds, over studies,
    each the mean of its clips."""
    rows = predict_values(task, loader, device, check)
    true = np.array([row.targets[recipe.target] for row in rows])
    said = np.array([row.value for row in rows])
    loss = float(compare_values(recipe.loss)(torch.from_numpy(said), torch.from_numpy(true)))
    names = sorted({row.study for row in rows})
    by_study = {name: [place for place, row in enumerate(rows) if row.study == name] for name in names}
    if recipe.task == "classification":
        said = expit(said)
    said, true = (np.array([values[places].mean() for places in by_study.values()]) for values in (said, true))
    if recipe.task == "classification":
        area = float(auroc(said, true > HALF))
        found = {"validation_loss": loss} | ({"validation_auroc": area} if np.isfinite(area) else {})
        figures = {name: float(DECISIONS[name](said, true, None)) for name in ("accuracy", "f1")}
        return found | {f"validation_{name}": value for name, value in figures.items() if np.isfinite(value)}
    return {
        "validation_loss": loss,
        "validation_rmse": float(rmse(said, true)),
        "validation_mae": float(mae(said, true)),
    }


@torch.no_grad()
def _validate_outlines(
    recipe: Recipe, task: Task, loader: Iterable[Batch], device: torch.device, check: Callable[[], None]
) -> dict[str, float]:
    """Loss over outlined frames; Dice coefficient of what a study shows at one time (a frame of a loop, all slices of a
    stack), mean over times and, where there are several, of each structure."""
    task.eval()
    compare, losses = compare_outlines(recipe.loss), []
    counts: dict[tuple[str, int], np.ndarray] = {}  # 3 (common, both, known) × structures
    for cpu_batch in loader:
        batch = to_device(cpu_batch, device)
        logits, share = task(*task.pick(batch)), stack_masks(batch, recipe.structures)
        losses += [float(compare(*pair)) for pair in zip(torch.split(logits, 1), torch.split(share, 1), strict=True)]
        for key, found in zip(
            zip(batch.studies, batch.starts, strict=True), count_common(logits, share).numpy(), strict=True
        ):
            counts[key] = counts.get(key, 0) + found
        check()
    common, both, known = np.moveaxis(np.stack(list(counts.values())), 1, 0)
    dice = np.where(known > 0, (2.0 * common + SMOOTH) / (both + SMOOTH), np.nan)
    several = {
        f"validation_dice_{name}": float(np.nanmean(column))
        for name, column in zip(recipe.structures, dice.T, strict=True)
        if len(recipe.structures) > 1 and np.isfinite(column).any()
    }
    return {"validation_loss": float(np.mean(losses)), "validation_dice": float(np.nanmean(dice)), **several}


def count_common(
    logits: Float[Tensor, "batch structure time height width"],
    share: Float[Tensor, "batch structure time height width"],
) -> Float[Tensor, "batch 3 structure"]:
    """Pixels that both masks of a clip have, the sum of both masks' pixels, and how many pixels are known; unknown
    frames count for nothing."""
    known = ~share.isnan()
    one, other = (logits >= 0) & known, share >= 0.5
    counts = ((one & other).sum((2, 3, 4)), one.sum((2, 3, 4)) + other.sum((2, 3, 4)), known.sum((2, 3, 4)))
    return torch.stack(counts, dim=1).double().cpu()
