"""What goes together in a recipe of few labels. Imports no torch, like all that reads recipes."""

from __future__ import annotations

from collections.abc import Iterator

from cinecor.clips.transforms import AUGMENTATIONS
from cinecor.errors import ConfigError
from cinecor.models import model_entry, model_options
from cinecor.training.recipe_fields import Recipe


def check_semi(recipe: Recipe) -> None:
    """A method, its network and what is learned go together.

    Raises:
        ConfigError: CONFLICT, OUT_OF_RANGE.
    """
    semi = recipe.semi
    if semi.strong not in AUGMENTATIONS:
        raise ConfigError("OUT_OF_RANGE", f"{semi.strong!r} is no preset", "see augmentation", where="semi.strong")
    if recipe.task != "classification" and (semi.labels_per_class or semi.method != "none"):
        cure = "choose task classification, or leave semi out"
        raise ConfigError("CONFLICT", "only where classes are learned", cure, where="semi")
    if semi.method == "none":
        return
    unfit = {**dict(_common(recipe)), **(dict(_of_gan(recipe)) if semi.method == "gan" else {})}
    for where, (what, cure) in unfit.items():
        raise ConfigError("CONFLICT", f"semi.method {semi.method}: {what}", cure, where=where)


def _common(recipe: Recipe) -> Iterator[tuple[str, tuple[str, str]]]:
    """Where, what and cure of each thing that no method allows."""
    if recipe.second.epochs:
        yield "second", ("it has one stage", "give second.epochs 0")
    if recipe.sampling.views > 1:
        yield "sampling.views", ("a loop is once in a batch", "give sampling.views 1")
    if recipe.start.freeze != "none":
        yield "start.freeze", ("all of the network learns", "give start.freeze none")
    if recipe.compile:
        yield "compile", ("its steps are not compiled", "give compile false")


def _of_gan(recipe: Recipe) -> Iterator[tuple[str, tuple[str, str]]]:
    if not model_entry(recipe.model.name).adversarial:
        yield "model.name", (f"{recipe.model.name} does not tell real clips from generated ones", "choose model gan")
        return
    if recipe.clip_spec.length != 1:
        yield "clip.length", ("single frames are generated", "give clip.length 1")
    usual = {option.name: option.default for option in model_options(recipe.model.name)}
    form = {**usual, **recipe.model.options}.get("form")
    if form == "k_logits" and recipe.kind != "classes":
        cure = "choose model.options.form two_outputs, or loss.name cross_entropy"
        yield "model.options.form", ("one logit cannot be class and real at once", cure)
