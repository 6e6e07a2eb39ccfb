"""Benchmarks: the recipes of one paper's experiments, by row and table, and the runs that a comparison is made from."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cinecor.errors import ConfigError
from cinecor.models import model_options
from cinecor.training.recipe import apply_overrides, list_recipes, load_recipe, split_words
from cinecor.training.recipe_fields import Recipe
from cinecor.training.strict_yaml import parse_yaml
from cinecor.training.sweep import Job

_PLACES = {"mask.weights": "mask", "start.weights": "start"}
"""Options that say which run a row builds upon, and the part of a recipe that has to be there already."""


def list_benchmarks() -> list[str]:
    """Names of the benchmarks, sorted: the folders of recipes that are called by a paper's number."""
    folders = {name.split("/")[0] for name in list_recipes() if "/" in name}
    return sorted(folder for folder in folders if folder.isdigit())


def list_rows(benchmark: str) -> list[str]:
    """Names of all rows of a benchmark.

    Raises:
        ConfigError: UNKNOWN_KEY for a benchmark that there is not.
    """
    if benchmark not in list_benchmarks():
        known = f"choose of {', '.join(list_benchmarks())}"
        raise ConfigError("UNKNOWN_KEY", f"there is no benchmark {benchmark!r}", known, where="benchmark")
    prefix = f"{benchmark}/"
    return [name.removeprefix(prefix) for name in list_recipes() if name.startswith(prefix)]


def select_rows(benchmark: str, tables: Sequence[int] = (), only: Sequence[str] = ()) -> dict[str, Recipe]:
    """The rows of a benchmark by name, in the order of the paper.

    Args:
        benchmark: one of :func:`list_benchmarks`.
        tables: only rows that stand in one of these tables of the paper; empty: all.
        only: only rows whose name matches one of these shell-style patterns; empty: all.

    Raises:
        ConfigError: UNKNOWN_KEY for a benchmark that there is not; OUT_OF_RANGE where no row is left.
    """
    recipes = {name: load_recipe(f"{benchmark}/{name}") for name in list_rows(benchmark)}
    kept = {
        name: recipe
        for name, recipe in recipes.items()
        if _in_tables(recipe, tables) and (not only or any(fnmatch.fnmatch(name, pattern) for pattern in only))
    }
    if not kept:
        what = "no row has this table and name"
        raise ConfigError("OUT_OF_RANGE", what, f"names are {', '.join(recipes)}", where="benchmark")
    return dict(sorted(kept.items(), key=lambda item: _row(item[1])))


def fit_rows(rows: dict[str, Recipe], layout: str, only: Sequence[str] = ()) -> tuple[dict[str, Recipe], str]:
    """The rows that were published on data of this layout, or of none in particular; and a line on the others.

    Args:
        rows: recipes by name.
        layout: of the data folder.
        only: names and patterns by which rows were asked for.

    Raises:
        ConfigError: CONFLICT where no row fits, or one that was asked for by its whole name does not.
    """
    wanted = {name: recipe.published.layout for name, recipe in rows.items() if recipe.published is not None}
    unfit = {name: its for name, its in wanted.items() if its not in ("", layout)}
    if not unfit:
        return rows, ""
    kinds = dict.fromkeys(unfit.values())
    listed = "; ".join(f"{', '.join(name for name in unfit if unfit[name] == kind)} ({kind})" for kind in kinds)
    if len(unfit) == len(rows) or set(unfit) & set(only):
        what = f"the data folder is {layout}, which is not the layout of {listed}"
        raise ConfigError("CONFLICT", what, "give --data in the layout of the rows, or other rows", where="--data")
    fit = {name: recipe for name, recipe in rows.items() if name not in unfit}
    return fit, f"left out, because the data folder is {layout}: {listed}"


def plan(
    rows: dict[str, Recipe], seeds: int, changes: Sequence[str], out: Path, *, known: Sequence[str] = ()
) -> list[Job]:
    """A job for each row and seed, and for each fold where the recipe splits by folds; seed by seed, so that every row
    has a result early.

    Args:
        rows: recipes by name.
        seeds: how many trainings of each row, with seeds 0, 1, …
        changes: options of every recipe, as ``cinecor train`` takes them; ``--NAME:batch_size 2`` is one of the rows
            of that name only (* and ? are wild). ``--mask.weights`` and ``--start.weights`` are of those rows alone
            that have a mask or a start; any row gets one by its name.
        out: folder that will hold ``runs/NAME/seed0`` … or ``runs/NAME/seed0-fold0`` …
        known: rows that changes may be for although they are not run now, so that one list of changes serves any choice
            of rows.

    Raises:
        ConfigError: as ``apply_overrides``; OUT_OF_RANGE where a change is for rows that there are not; CONFLICT where
            weights are given that no row has a place for.
    """
    pairs = split_words(changes)
    _check_patterns([name for name, _ in pairs], list(dict.fromkeys([*rows, *known])))
    _check_places(pairs, rows)
    return [
        job
        for seed in range(seeds)
        for name, recipe in rows.items()
        for job in _jobs(name, recipe, [*_words_for(name, recipe, pairs), "--seed", str(seed)], out / "runs" / name)
    ]


def _jobs(name: str, recipe: Recipe, words: list[str], folder: Path) -> Iterator[Job]:
    """The job of one seed, or those of its folds; of one fold where the words say which."""
    changed = apply_overrides(recipe, words)
    home = folder / f"seed{changed.seed}"
    besides = _tell_besides(recipe, changed)
    whole = Job(name=name, recipe=changed, folder=home, swapped=_swap(recipe, changed), besides=besides)
    if changed.split.by not in ("fold", "kfold"):
        yield whole
        return
    told = any(word.partition("=")[0] == "--split.fold" for word in words)
    folds = (changed.split.fold,) if told else tuple(range(changed.split.folds))
    for fold in folds:
        one = apply_overrides(changed, ["--split.fold", str(fold)])
        place = home.with_name(f"{home.name}-fold{fold}")
        yield replace(whole, recipe=one, folder=place, folds=folds)


def _swap(recipe: Recipe, changed: Recipe) -> str:
    """What the changes made of a row's network; empty where it is still the same."""
    if changed.model.name != recipe.model.name:
        return f"{changed.model.name} instead of {recipe.model.name}"
    usual = {option.name: option.default for option in model_options(recipe.model.name)}
    before, after = ({**usual, **each.model.options} for each in (recipe, changed))
    others = [f"{name} {after[name]}" for name in after if _plain(after[name]) != _plain(before.get(name))]
    return f"with {', '.join(others)}" if others else ""


def _tell_besides(recipe: Recipe, changed: Recipe) -> str:
    """What the changes put before a row's network, or under it, that its paper has not there, or took away; weights in
    the place of others are what a user is asked for, and are not told."""
    told = {"mask": ("behind a mask", "without a mask"), "start": ("from given weights", "from fresh weights")}
    return ", ".join(
        given if _has_weights(changed, part) else taken
        for part, (given, taken) in told.items()
        if _has_weights(changed, part) != _has_weights(recipe, part)
    )


def _has_weights(recipe: Recipe, part: str) -> bool:
    """Whether a recipe has a mask, or a start."""
    return getattr(recipe, part).weights is not None


def _plain(value: Any) -> Any:
    """Tuples as the lists that YAML has for them."""
    return list(value) if isinstance(value, tuple) else value


def _words_for(row: str, recipe: Recipe, pairs: Sequence[tuple[str, str]]) -> list[str]:
    """The changes of one row, those that are for it alone last, so that they win."""
    common = [f"--{name}={text}" for name, text in pairs if ":" not in name and _has_place(recipe, name)]
    own = [
        f"--{option}={text}"
        for pattern, _, option, text in ((*name.partition(":"), text) for name, text in pairs if ":" in name)
        if fnmatch.fnmatch(row, pattern)
    ]
    return common + own


def _has_place(recipe: Recipe, option: str) -> bool:
    """Whether an option of all rows is one of this: weights are where it has some."""
    part = _PLACES.get(option)
    return part is None or _has_weights(recipe, part)


def _check_places(pairs: Sequence[tuple[str, str]], rows: dict[str, Recipe]) -> None:
    for name, text in pairs:
        wanted = parse_yaml(text, f"--{name}") is not None
        if wanted and not any(_has_place(recipe, name) for recipe in rows.values()):
            what = f"no row that is run has a {_PLACES[name]}"
            cure = f"name the row that shall have one all the same: --{next(iter(rows))}:{name}"
            raise ConfigError("CONFLICT", what, cure, where=f"--{name}")


def _check_patterns(names: Sequence[str], rows: Sequence[str]) -> None:
    for name in names:
        pattern = name.partition(":")[0]
        if ":" in name and not fnmatch.filter(rows, pattern):
            raise ConfigError("OUT_OF_RANGE", "no row has this name", f"rows are {', '.join(rows)}", where=f"--{name}")


def _in_tables(recipe: Recipe, tables: Sequence[int]) -> bool:
    return not tables or (recipe.published is not None and bool(set(tables) & set(recipe.published.tables)))


def _row(recipe: Recipe) -> int:
    return 0 if recipe.published is None else recipe.published.row
