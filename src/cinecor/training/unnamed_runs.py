"""Runs that a recipe builds upon: it says which recipe makes them, and only the user knows in which folder they lie.

Such a recipe has ``RUN-OF-`` and the other recipe's name where the folder of weights stands, until it is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cinecor.errors import ConfigError
from cinecor.training.recipe import list_recipes, load_recipe
from cinecor.training.recipe_fields import MaskPart, Recipe, StartPart

PREFIX = "RUN-OF-"


def unnamed_runs(recipe: Recipe) -> dict[str, str]:
    """The options that want the folder of a run, and the recipe that makes it; empty where all are named."""
    parts = {option: _part(recipe, option) for option in ("start.weights", "mask.weights")}
    wanted = {
        option: part.weights.removeprefix(PREFIX)
        for option, part in parts.items()
        if part.weights is not None and part.weights.startswith(PREFIX) and not part.sha256
    }
    known = list_recipes() if wanted else []
    return {option: name for option, name in wanted.items() if name in known and not Path(PREFIX + name).exists()}


def check_named(recipe: Recipe, row: str = "") -> None:
    """Stop where a recipe builds upon a run that nobody has named.

    Args:
        recipe: as the user changed it.
        row: of a benchmark, in which an option would be for other rows, too, without it.

    Raises:
        ConfigError: CONFLICT.
    """
    wanted = unnamed_runs(recipe)
    if not wanted:
        return
    options = " ".join(f"{_option(option, row)} {_folder(option)}" for option in wanted)
    trainings = " and ".join(_training(option, name) for option, name in wanted.items())
    what = f"no trained run of {' and none of '.join(wanted.values())} is named, which this recipe builds upon"
    cure = f"give {options}, made by {trainings}; where splits are drawn, each further one with --split.like of another"
    raise ConfigError("CONFLICT", what, cure, where=", ".join(wanted))


def tell_unnamed(rows: Mapping[str, Recipe]) -> str:
    """One line on the rows of a benchmark that will fail because runs are not named; empty where none will.

    The option of all rows is told where it is right for all that it would be for, else that of each row.
    """
    wanting: dict[tuple[str, str], list[str]] = {}
    for row, recipe in rows.items():
        for option, name in unnamed_runs(recipe).items():
            wanting.setdefault((option, name), []).append(row)
    said = []
    for (option, name), lacking in wanting.items():
        own = [row for row, recipe in rows.items() if _part(recipe, option).weights is not None]
        options = [f"--{option}"] if own == lacking else [_option(option, row) for row in lacking]
        said.append(f"{', '.join(lacking)} ({', '.join(options)}: a run of {name})")
    return f"will fail, because a run that they build upon is not named: {'; '.join(said)}" if said else ""


def _part(recipe: Recipe, option: str) -> StartPart | MaskPart:
    """The part of a recipe that has the weights."""
    return recipe.mask if option == "mask.weights" else recipe.start


def _option(option: str, row: str) -> str:
    return f"--{row}:{option}" if row else f"--{option}"


def _folder(option: str) -> str:
    """What a folder is called in an example."""
    return option.partition(".")[0].upper()


def _training(option: str, name: str) -> str:
    """The call that makes a run, with the options that it needs itself."""
    more = "".join(f" --{other} …" for other in unnamed_runs(load_recipe(name)))
    return f"`cinecor train {name} --data DATA --out {_folder(option)}{more}`"
