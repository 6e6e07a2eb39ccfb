"""`cinecor models`: the networks that recipes can name."""

from __future__ import annotations

import json
from typing import Annotated

import typer


def models(
    name: Annotated[str | None, typer.Argument(help="Show one model with all its options.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the networks, or one of them with its options, their defaults and the paper it comes from."""
    from cinecor.cli.listing import columns, option_entry
    from cinecor.models import describe_model, list_models

    cards = [describe_model(found) for found in ([name] if name else list_models())]
    if as_json:
        typer.echo(json.dumps(cards, indent=2, ensure_ascii=False))
        return
    typer.echo(columns([(card["name"], f"{card['summary']}\n{card['paper']}") for card in cards]))
    for option in cards[0]["options"] if name else ():
        typer.echo(option_entry(f"model.options.{option['name']}", option["default"], option["type"], option["help"]))
