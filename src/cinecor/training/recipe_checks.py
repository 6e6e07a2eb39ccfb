"""What of a recipe goes together: checks of fields that are right one by one. Imports no torch."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from cinecor.clips.transforms import AUGMENTATIONS, beyond_offsets
from cinecor.errors import ConfigError
from cinecor.models import list_models, model_entry, model_options
from cinecor.records import LV, OUTLINED, STRUCTURES
from cinecor.training.class_checks import check_classes
from cinecor.training.recipe_fields import LIKE, OUTLINED_FRAMES, Recipe
from cinecor.training.semi_checks import check_semi

_LOSSES = {
    "regression": ("mse", "l1", "huber", "coreecho"),
    "classification": ("bce",),
    "classes": ("cross_entropy",),
    "segmentation": ("dice", "bce", "bce_sum"),
    "outlines": ("dice", "bce", "bce_sum"),
}
_MONITORS = {
    "regression": ("rmse", "mae", "loss"),
    "classification": ("loss", "auroc"),
    "classes": ("loss", "accuracy", "macro_f1"),
    "segmentation": ("loss", "dice"),
    "outlines": ("loss", "dice"),
}


def check_recipe(recipe: Recipe) -> None:
    """Stop where fields that are right one by one do not go together.

    Raises:
        ConfigError: UNKNOWN_KEY, OUT_OF_RANGE, CONFLICT, for the first that is found.
    """
    _check_model(recipe)
    _within("clip", lambda: recipe.clip_spec)
    _within("augmentation", lambda: recipe.augmentation_ranges)
    _check_task(recipe)
    _check_structures(recipe)
    _check_neighbours(recipe)
    check_classes(recipe)
    _check_start(recipe)
    _check_sampling(recipe)
    _check_second(recipe)
    check_semi(recipe)
    _check_data_path(recipe)
    _check_outlines(recipe)
    _check_epochs_and_split(recipe)


def _check_neighbours(recipe: Recipe) -> None:
    if recipe.clip_spec.neighbours and recipe.task != "segmentation":
        what = "only a segmentation is asked slice after slice of a stack"
        raise ConfigError("CONFLICT", what, "choose 0, or task segmentation", where="clip.neighbours")
    if recipe.augmentation_ranges.swap and not recipe.clip_spec.neighbours:
        what = "there are no neighbours to change sides"
        raise ConfigError("CONFLICT", what, "choose 0, or clip.neighbours 1", where="augmentation.swap")


def _check_model(recipe: Recipe) -> None:
    known = [option.name for option in model_options(recipe.model.name)]
    for key in recipe.model.options:
        if key not in known:
            what = f"{key!r} is not an option of model {recipe.model.name}"
            raise ConfigError("UNKNOWN_KEY", what, nearest(key, known), where="model.options")
    preset = recipe.augmentation.preset
    if preset not in AUGMENTATIONS:
        cure = nearest(preset, list(AUGMENTATIONS))
        raise ConfigError("OUT_OF_RANGE", f"{preset!r} is no preset", cure, where="augmentation.preset")


def _check_outlines(recipe: Recipe) -> None:
    if recipe.loss.outline > 0 and not model_entry(recipe.model.name).outlines:
        what = f"{recipe.model.name} has no head for outlines"
        raise ConfigError("CONFLICT", what, "choose model i3d_outline, or loss.outline 0", where="loss.outline")
    if recipe.clip_spec.time != "frames" and (recipe.task == "segmentation" or recipe.loss.outline > 0):
        what = "frames between recorded ones have no outlines"
        raise ConfigError("CONFLICT", what, "choose clip.time frames", where="clip.time")


def _check_epochs_and_split(recipe: Recipe) -> None:
    if recipe.schedule.warmup_epochs >= recipe.epochs:
        raise ConfigError("CONFLICT", "the warm-up is as long as the training", where="schedule.warmup_epochs")
    if recipe.split.validation + recipe.split.test >= 1:
        raise ConfigError("CONFLICT", "validation and test leave no patients to train on", where="split")
    if recipe.split.by == "layout" and recipe.split.keep_test_apart:
        what = "the layout's test split is what is tested on"
        raise ConfigError("CONFLICT", what, "choose split.by kfold or patient", where="split.keep_test_apart")
    if recipe.split.like is not None and recipe.split.by not in LIKE:
        what = f"the splits of another run and split.by {recipe.split.by} are two divisions"
        raise ConfigError("CONFLICT", what, f"choose split.by {' or '.join(LIKE)}", where="split.like")
    if recipe.split.by == "kfold" and recipe.split.fold >= recipe.split.folds:
        what = f"there is no fold {recipe.split.fold} of {recipe.split.folds}"
        raise ConfigError("OUT_OF_RANGE", what, "folds count from 0", where="split.fold")


def _check_task(recipe: Recipe) -> None:
    """A dense network, outlines, their loss and ejection fraction go together; so do yes or no and its loss."""
    outlines, plain = recipe.task == "segmentation", recipe.task == "regression"
    unfit = {
        "model.name": (model_entry(recipe.model.name).dense != outlines, recipe.model.name),
        "loss.name": (recipe.loss.name not in _LOSSES[recipe.kind], recipe.loss.name),
        "monitor": (recipe.monitor not in _MONITORS[recipe.kind], recipe.monitor),
        "target": (outlines and recipe.target not in ("ef", OUTLINED_FRAMES), recipe.target),
        "standardise": (not plain and recipe.standardise, recipe.standardise),
        "structures": (not outlines and recipe.structures != (LV,), ", ".join(recipe.structures)),
    }
    dense = " or ".join(name for name in list_models() if model_entry(name).dense)
    wanted = (
        f"task segmentation goes with a dense model ({dense}), loss.name dice, bce or bce_sum, monitor loss or dice,"
        " target ef or outlined; task classification with loss.name bce, monitor loss or auroc, or with loss.name"
        " cross_entropy, monitor loss, accuracy or macro_f1"
    )
    for where, (wrong, value) in unfit.items():
        if wrong:
            raise ConfigError("CONFLICT", f"{value!r} does not go with task {recipe.task}", wanted, where=where)


def _check_structures(recipe: Recipe) -> None:
    """Each once, in order; where something is measured, those of label masks, the left ventricle among them."""
    alone = recipe.kind == "outlines"
    ordered = tuple(name for name in (*STRUCTURES, *(OUTLINED if alone else ())) if name in recipe.structures)
    if recipe.structures != ordered or not ordered or (LV not in ordered and not alone):
        what = (
            f"{', '.join(recipe.structures) or 'nothing'} is not what a segmentation with target {recipe.target} learns"
        )
        cure = f"give {LV}, or {', '.join(STRUCTURES)}, in this order; with target {OUTLINED_FRAMES} any of them, then"
        raise ConfigError("CONFLICT", what, f"{cure} {', '.join(OUTLINED)}", where="structures")


def _check_start(recipe: Recipe) -> None:
    start = recipe.start
    if start.weights is not None and recipe.model.options.get("pretrained"):
        what = "the network would start from two sets of weights"
        raise ConfigError("CONFLICT", what, "give model.options.pretrained false, or no start", where="start.weights")
    if start.freeze == "head" and recipe.loss.name == "coreecho":
        what = "the head learns the error in coreecho, and is frozen"
        raise ConfigError("CONFLICT", what, "choose freeze none or trunk", where="start.freeze")
    if start.freeze == "trunk" and recipe.loss.outline > 0:
        what = "outlines are learned by the trunk, which is frozen"
        raise ConfigError("CONFLICT", what, "choose loss.outline 0, or freeze none", where="start.freeze")


def _check_sampling(recipe: Recipe) -> None:
    part, second = recipe.sampling, recipe.second
    if max(part.views, second.views if second.epochs else 1) > 1 and part.train != "random":
        what = f"several views of a loop are random clips, not {part.train!r}"
        raise ConfigError("CONFLICT", what, "choose sampling.train random, or views 1", where="sampling.views")
    if recipe.loss.name == "coreecho" and recipe.loss.outline > 0:
        raise ConfigError("CONFLICT", "coreecho learns no outlines", "give loss.outline 0", where="loss.outline")
    if (part.test == "listed") != (part.test_starts is not None):
        what = "listed test clips and their table go together"
        raise ConfigError("CONFLICT", what, "give sampling.test listed and a table", where="sampling.test_starts")


def _check_second(recipe: Recipe) -> None:
    second = recipe.second
    if not second.epochs:
        return
    if recipe.task == "segmentation" or recipe.loss.outline > 0:
        what = "a second stage learns values or classes alone"
        raise ConfigError("CONFLICT", what, "give second.epochs 0", where="second")
    if second.loss not in _LOSSES[recipe.kind]:
        fit = " or ".join(name for name in _LOSSES[recipe.kind] if name != "coreecho")
        what = f"{second.loss!r} is no loss of what the first stage learns"
        raise ConfigError("CONFLICT", what, f"give {fit}", where="second.loss")


def _check_data_path(recipe: Recipe) -> None:
    """What is asked to be made on the device can be made there."""
    if recipe.data_path != "resident":
        return
    others = [f"augmentation.{name}" for name in beyond_offsets(recipe.augmentation_ranges)]
    others += ["task segmentation"] if recipe.task == "segmentation" else []
    others += ["loss.outline"] if recipe.loss.outline > 0 else []
    if others:
        what = f"{', '.join(others)} cannot be made on the device"
        raise ConfigError("CONFLICT", what, "choose data_path auto or loader", where="data_path")


def _within(part: str, make: Any) -> None:
    try:
        make()
    except ConfigError as error:
        raise ConfigError(error.code, error.what, error.cure, where=f"{part}.{error.where}") from error


def nearest(name: str, known: Sequence[str]) -> str:
    """What a name that does not exist may have meant."""
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"choose of {', '.join(sorted(known))}"
