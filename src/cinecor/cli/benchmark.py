"""`cinecor benchmark`: a paper's experiments, run and compared."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cinecor.training.recipe_fields import Recipe
    from cinecor.training.sweep import Job, Outcome


OUTLINES_NAME = "outlines.md"
"""Table of trainings on whose outlines nothing is measured."""


def benchmark(
    name: Annotated[
        str,
        typer.Argument(help="Which paper: 000 (LVEF architectures), 001 (CoReEcho), 003 (cine MRI), 004 (echo views)."),
    ],
    changes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[--any.option value]…",
            help="Fields to change in every recipe; `--NAME:option value` in the rows of that name. `--mask.weights` "
            "and `--start.weights` are of the rows that have a mask or a start.",
        ),
    ] = None,
    *,
    data: Annotated[
        Path | None, typer.Option(help="The data folder, as published or as the phantom wrote it. Needed to run.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Where runs and tables go. What is finished there is not repeated. Needed to run."),
    ] = None,
    table: Annotated[
        list[int] | None, typer.Option(help="Only the rows of this table of the paper; repeatable.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only rows of this name (* and ? are wild); repeatable.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Trainings of each row, with seeds 0, 1, …")] = 1,
    parallel: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Trainings at a time; several run on Ray. Not given: one a GPU; without a GPU, one for four cores.",
        ),
    ] = None,
    ray_address: Annotated[
        str | None, typer.Option(help="A Ray cluster to run on (`auto`: the one of this machine).")
    ] = None,
    show: Annotated[
        bool, typer.Option("--list", help="List the rows with what the paper published, and stop.")
    ] = False,
) -> None:
    """Run a paper's experiments and write one table: ours beside the published numbers, with intervals and costs.

    Interrupted, it goes on where it stopped. A training that fails is listed with its reason and stops no other; the
    command then ends with exit code 9.
    """
    from cinecor.cli.published_rows import list_published
    from cinecor.errors import SOME_FAILED, ConfigError
    from cinecor.training.benchmarks import fit_rows, list_rows, plan, select_rows

    rows = select_rows(name, table or [], only or [])
    if show:
        typer.echo(list_published(rows))
        return
    if data is None or out is None:
        what, cure = "a benchmark needs a data folder and a place for its runs", "give --data and --out, or --list"
        raise ConfigError("CONFLICT", what, cure, where="benchmark")
    from cinecor.training.reading import read_folder, read_once

    with read_once():
        rows, note = fit_rows(rows, read_folder(data)[0], only or [])
        if note:
            typer.echo(note, err=True)
        jobs = plan(rows, seeds, changes or [], out, known=list_rows(name))
        outcomes = _run_all(name, rows, jobs, data, out, parallel, ray_address)
    if any(outcome.failure for outcome in outcomes):
        raise typer.Exit(SOME_FAILED)


def _run_all(
    name: str,
    rows: dict[str, Recipe],
    jobs: Sequence[Job],
    data: Path,
    out: Path,
    parallel: int | None,
    address: str | None,
) -> Sequence[Outcome]:
    """Every training, the tables as they grow, and what is told at the end."""
    from cinecor.training.unnamed_runs import tell_unnamed

    if lacking := tell_unnamed({job.name: job.recipe for job in jobs}):
        typer.echo(lacking, err=True)
    outcomes: list[Outcome] = []
    for outcome in _run(jobs, data, parallel, address):
        outcomes.append(outcome)
        _write_all(name, rows, jobs, outcomes, data, out)
    _show_tables(jobs, out)
    _diagnose(outcomes, data, out)
    typer.echo(_count(outcomes, jobs))
    return outcomes


def _run(jobs: Sequence[Job], data: Path, parallel: int | None, address: str | None) -> Iterator[Outcome]:
    """Every training as it ends, with a line that says how."""
    from cinecor.models.checkpoint import read_manifest
    from cinecor.training.data import tell_left_out
    from cinecor.training.sweep import run_sweep

    for count, outcome in enumerate(run_sweep(jobs, data, parallel=parallel, address=address), start=1):
        if outcome.failure:
            state = f"failed: {outcome.failure}"
        else:
            left_out = tell_left_out(read_manifest(outcome.job.folder).training_data)
            state = f"done; {left_out}" if left_out else "done"
        typer.echo(f"[{count}/{len(jobs)}] {outcome.job.title}: {state}", err=True)
        yield outcome


def _show_tables(jobs: Sequence[Job], out: Path) -> None:
    for folder in _folders(jobs, out).values():
        if (folder / OUTLINES_NAME).exists():
            typer.echo((folder / OUTLINES_NAME).read_text("utf-8"))
            typer.echo(f"table: {folder / OUTLINES_NAME}")
        if (folder / "comparison.md").exists():
            typer.echo((folder / "comparison.md").read_text("utf-8"))
            typer.echo(f"table: {folder / 'comparison.html'}")


def _folders(jobs: Sequence[Job], out: Path) -> dict[str, Path]:
    """Where the tables of each quantity go that is predicted: where there are several, each to a folder of its own."""
    targets = dict.fromkeys(job.recipe.target for job in jobs)
    return {target: out if len(targets) == 1 else out / target for target in targets}


def _write_all(
    name: str, rows: dict[str, Recipe], jobs: Sequence[Job], outcomes: Sequence[Outcome], data: Path, out: Path
) -> None:
    """Every time something ends, so that what is known can be looked at while the rest runs."""
    for target, folder in _folders(jobs, out).items():
        alike = [job for job in jobs if job.recipe.target == target]
        ended = [outcome for outcome in outcomes if outcome.job.recipe.target == target]
        if alike[0].recipe.kind == "outlines":
            _write_outlines(ended, folder)
            continue
        _write(
            name, {row: recipe for row, recipe in rows.items() if recipe.target == target}, alike, ended, data, folder
        )


def _write_outlines(outcomes: Sequence[Outcome], folder: Path) -> None:
    from cinecor import storage
    from cinecor.evaluation.outline_table import tabulate_outlines
    from cinecor.training.gathering import gather_outlines

    if outcomes:
        storage.write_text(folder / OUTLINES_NAME, tabulate_outlines(gather_outlines(outcomes)))


def _diagnose(outcomes: Sequence[Outcome], data: Path, out: Path) -> None:
    """Where the structures of short-axis stacks were learned fold by fold, what follows from them."""
    from cinecor.training.cine_mri import finish_cohort, segmentation_runs
    from cinecor.training.reading import is_synthetic, read_folder

    if not segmentation_runs(outcomes):
        if failed := [each.job.title for each in outcomes if each.failure and each.job.recipe.kind == "segmentation"]:
            typer.echo(f"no diagnoses, as these failed: {'; '.join(failed)}", err=True)
        return
    _, studies = read_folder(data)
    page = finish_cohort(
        outcomes,
        studies,
        out,
        synthetic=is_synthetic(studies, data),
        report=lambda text: typer.echo(text, err=True),
    )
    if page is not None:
        typer.echo(page.with_suffix(".md").read_text("utf-8"))
        typer.echo(f"diagnoses: {page}")


def _write(
    name: str, rows: dict[str, Recipe], jobs: Sequence[Job], outcomes: Sequence[Outcome], data: Path, out: Path
) -> None:
    from cinecor.evaluation.comparison import compare
    from cinecor.evaluation.comparison_report import write_comparison
    from cinecor.training.gathering import gather, group_by_quality
    from cinecor.training.reading import is_synthetic, read_folder

    gathered = gather(sorted(outcomes, key=lambda outcome: _place(outcome.job, list(rows))))
    if not gathered:
        return  # no model has been tested on all its folds yet
    _, studies = read_folder(data)
    tables: dict[str, list[str]] = {}
    for row, recipe in rows.items():
        for number in recipe.published.tables if recipe.published is not None else ():
            tables.setdefault(f"Table {number}", []).append(row)
    write_comparison(
        out,
        compare(gathered),
        title=f"Paper {name}",
        tables=dict(sorted(tables.items(), key=lambda item: int(item[0].split()[1]))),
        synthetic=is_synthetic(studies, data),
        groups=group_by_quality(studies, jobs[0].recipe.view),
        facts=f"{len(studies)} studies, {_count(outcomes, jobs)}.",
    )


def _count(outcomes: Sequence[Outcome], jobs: Sequence[Job]) -> str:
    """How many trainings ended well, and how many did not."""
    failed = sum(bool(outcome.failure) for outcome in outcomes)
    ended = f"{len(outcomes) - failed} of {len(jobs)} trainings ended"
    return f"{ended}, {failed} failed" if failed else ended


def _place(job: Job, rows: Sequence[str]) -> tuple[int, int, int]:
    """Where a training stands in the tables, whichever ends first."""
    return rows.index(job.name), job.recipe.seed, job.recipe.split.fold
