"""`cinecor train`: a recipe, a data folder, a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name (see `cinecor recipes`) or a YAML file.")],
    changes: Annotated[
        list[str] | None, typer.Argument(metavar="[--any.option value]…", help="Fields of the recipe to change.")
    ] = None,
    *,
    data: Annotated[
        Path,
        typer.Option(
            help="The data folder, in any known layout (see `cinecor check`), as published or from the phantom."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The run's folder. A run that was interrupted there goes on.")],
    print_config: Annotated[bool, typer.Option("--print-config", help="Print the resolved recipe and stop.")] = False,
) -> None:
    """Train a network. Every field of the recipe is an option: `--optimiser.lr 3e-4 --batch_size 8`.

    `cinecor recipes NAME` lists them all. The run's folder gets the resolved recipe, the weights of the best epoch,
    logs (CSV, TensorBoard), the predictions for every split and the metrics recomputed at the best epoch.
    """
    from cinecor.training.recipe import apply_overrides, dump_recipe, load_recipe

    resolved = apply_overrides(load_recipe(recipe), changes or [])
    if print_config:
        typer.echo(dump_recipe(resolved), nl=False)
        return
    from cinecor.training import train as run_training
    from cinecor.training.processes import is_first

    run = run_training(resolved, data, out)
    if is_first():
        typer.echo(run.summary())
