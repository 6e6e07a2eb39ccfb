"""What goes together in a recipe of many classes. Imports no torch, like all that reads recipes."""

from __future__ import annotations

from cinecor.errors import ConfigError
from cinecor.training.recipe_fields import Recipe


def check_classes(recipe: Recipe) -> None:
    """Many classes, their names and cases that are parts of a study go together.

    Raises:
        ConfigError: CONFLICT, OUT_OF_RANGE.
    """
    many = recipe.kind == "classes"
    unfit = {
        "classes": bool(recipe.classes) and not many,
        "case": recipe.case != "study" and not many,
    }
    if recipe.loss.class_weights != "none" and recipe.task != "classification":
        what, cure = "only where classes or a yes or no are learned", "leave it out"
        raise ConfigError("CONFLICT", what, cure, where="loss.class_weights")
    for where, wrong in unfit.items():
        if wrong:
            cure = "choose task classification and loss.name cross_entropy, or leave it out"
            raise ConfigError("CONFLICT", "only where one of many classes is learned", cure, where=where)
    if len(set(recipe.classes)) < len(recipe.classes) or len(recipe.classes) == 1:
        raise ConfigError("OUT_OF_RANGE", "classes are two different names or more", where="classes")
    if recipe.split.by == "slice" and recipe.case == "study":
        what = "slices are split, but a case is a whole study"
        raise ConfigError("CONFLICT", what, "choose case frame or loop, or split.by patient", where="split.by")
