"""`cinecor recipes`: the trainings that ship with cinecor."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def recipes(
    name: Annotated[
        str | None, typer.Argument(help="Show one recipe (a name, or a YAML file) with every option.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """List the recipes, or show one: every option of `cinecor train` with its value and what it means."""
    from cinecor.training.recipe import describe_options, list_recipes, load_recipe

    if name is None:
        table = {found: load_recipe(found).summary for found in list_recipes()}
        text = json.dumps(table, indent=2) if as_json else "\n".join(f"{key:<20} {table[key]}" for key in table)
        typer.echo(text)
        return
    options = describe_options(load_recipe(name))
    if as_json:
        typer.echo(json.dumps(options, indent=2, ensure_ascii=False))
        return
    for option in options:
        typer.echo(f"--{option['name']:<32} {option['value']!s:<20} {option['help']}")
