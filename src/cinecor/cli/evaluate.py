"""`cinecor evaluate`: numbers with intervals, figures and a page, from a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    run: Annotated[
        Path, typer.Argument(help="The folder of a run (or any folder with model.safetensors and manifest.json).")
    ],
    data: Annotated[
        Path | None, typer.Option(help="A data folder to predict on; without it, the run's saved tables.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, validation, test, or all.")] = "test",
    out: Annotated[
        Path | None, typer.Option(help="Where tables, figures and page go; RUN/evaluation_SPLIT if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Evaluate a run: RMSE, MAE, R² and more, each with a 95 % interval over patients, figures and an HTML page."""
    from cinecor.evaluation import evaluate as score
    from cinecor.evaluation import write_report
    from cinecor.training import predictions_of

    predictions, truth, manifest = predictions_of(run, data, split)
    results = score(predictions, truth)
    folder = out or run / f"evaluation_{split}"
    page = write_report(folder, results, predictions, truth, manifest=manifest, run=run)
    if as_json:
        typer.echo(json.dumps(results.as_dict(), indent=2))
        return
    typer.echo(results.as_text())
    typer.echo(f"report: {page}")
