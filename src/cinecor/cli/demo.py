"""`cinecor demo`: the whole way once, on synthetic hearts, from a cohort to the report of an unseen DICOM loop."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cinecor.evaluation import Results
    from cinecor.records import Report

LONGEST = 48  # frames of a loop: the demo's clips last a second, and minutes count
UNSEEN_SEED = 1_000_003  # a cohort of its own: the demo's loop is of no heart that it was trained on


def demo(
    out: Annotated[Path, typer.Option(help="Where cohort, run and report go.")] = Path("cinecor-demo"),
    studies: Annotated[int, typer.Option(min=40, help="Synthetic patients.")] = 640,
    seed: Annotated[int, typer.Option(min=0, help="Seed of cohort and training.")] = 0,
) -> None:
    """Make synthetic hearts, train a small I3D, evaluate it, analyse an unseen DICOM loop: minutes on two cores."""
    from cinecor.evaluation import write_report
    from cinecor.training import score_run, train
    from cinecor.training.recipe import apply_overrides, load_recipe

    data, run, pages = out / "cohort", out / "run", out / "report"
    _make_cohort(data, studies, seed)
    recipe = apply_overrides(load_recipe("demo"), ["--seed", str(seed)])
    started = time.monotonic()
    typer.echo("training the small I3D …", err=True)
    train(recipe, data, run)
    seconds = time.monotonic() - started
    results, manifest = score_run(run, None, "test")
    evaluation = write_report(out / "evaluation", results, manifest=manifest, run=run)
    report, truth_ef, page = _analyse_unseen(out / "unseen", run, pages)
    typer.echo(_table(results, seconds))
    typer.echo(_verdict(report, truth_ef))
    typer.echo(f"evaluation: {evaluation}\nreport:     {page}")


def _make_cohort(data: Path, studies: int, seed: int) -> None:
    from cinecor.cli.phantom import phantom
    from cinecor.phantom import MARK

    if (data / MARK).exists():
        typer.echo(f"using the cohort that is in {data}", err=True)
        return
    phantom("echonet_dynamic", data, studies=studies, seed=seed, workers=None, max_frames=LONGEST, quality="good")


def _analyse_unseen(folder: Path, run: Path, pages: Path) -> tuple[Report, float, Path]:
    from cinecor import datasets, io, reports
    from cinecor.inference import load_analyser
    from cinecor.phantom import population

    heart = next(iter(population("dicom_folder", studies=1, seed=UNSEEN_SEED)))
    if not folder.exists():
        datasets.get("dicom_folder").write([heart], folder)
    studies, failures = io.discover([folder])
    for failure in failures:
        raise failure.error
    report = load_analyser(run).analyse(studies[0])
    return report, float(heart.labels["ef"]), reports.html.write(report, pages)


def _table(results: Results, seconds: float) -> str:
    result = results.quantity("ef")
    rows = [f"{'':<6}{'value':>8}   95 % interval"]
    for name in ("mae", "rmse", "r2"):
        found = result.figure(name)
        rows.append(f"{name.upper():<6}{found.value:>8.2f}   {found.low:.2f} to {found.high:.2f} {found.unit}")
    rows.append(f"held-out synthetic patients of good image quality: {result.patients}; training took {seconds:.0f} s")
    return "\n".join(rows)


def _verdict(report: Report, truth: float) -> str:
    found = report.measurement("ef")
    if found is None:
        reasons = "; ".join(f"{each.what}: {each.reason}" for each in report.not_done)
        return f"unseen DICOM loop: EF not measured ({reasons}); truth {truth:.1f} %"
    interval = "" if found.low is None else f" (90 % interval {found.low:.1f} to {found.high:.1f})"
    return f"unseen synthetic DICOM loop: EF {found.value:.1f} %{interval}; truth {truth:.1f} %"
