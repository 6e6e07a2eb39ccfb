"""From a recipe and a data folder to trained weights; the only home of Lightning.

Names are imported when they are first used, so that recipes can be listed without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cinecor.training.recipe import apply_overrides, dump_recipe, list_recipes, load_recipe
    from cinecor.training.recipe_fields import Recipe
    from cinecor.training.run import Run, open_run, train
    from cinecor.training.scoring import predictions_of, score_outlines, score_run

__all__ = [
    "Recipe",
    "Run",
    "apply_overrides",
    "dump_recipe",
    "list_recipes",
    "load_recipe",
    "open_run",
    "predictions_of",
    "score_outlines",
    "score_run",
    "train",
]

_HOME = {
    "Recipe": "recipe_fields",
    "Run": "run",
    "apply_overrides": "recipe",
    "dump_recipe": "recipe",
    "list_recipes": "recipe",
    "load_recipe": "recipe",
    "open_run": "run",
    "predictions_of": "scoring",
    "score_outlines": "scoring",
    "score_run": "scoring",
    "train": "run",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cinecor.training' has no attribute {name!r}")
    return getattr(import_module(f"cinecor.training.{_HOME[name]}"), name)
