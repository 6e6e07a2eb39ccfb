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
    from cinecor.cli.listing import columns, option_entry
    from cinecor.training.recipe import describe_options, list_recipes, load_recipe

    if name is None:
        table = {found: load_recipe(found).summary for found in list_recipes()}
        typer.echo(json.dumps(table, indent=2) if as_json else columns(list(table.items())))
        return
    options = describe_options(load_recipe(name))
    if as_json:
        typer.echo(json.dumps(options, indent=2, ensure_ascii=False))
        return
    for option in options:
        typer.echo(option_entry(option["name"], option["value"], option["type"], option["help"]))
