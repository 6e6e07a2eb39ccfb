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
    from cinecor.evaluation import write_report
    from cinecor.training import score_run

    results, manifest = score_run(run, data, split)
    page = write_report(out or run / f"evaluation_{split}", results, manifest=manifest, run=run)
    typer.echo(json.dumps(results.as_dict(), indent=2) if as_json else f"{results.as_text()}\nreport: {page}")
