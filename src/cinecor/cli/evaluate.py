"""`cinecor evaluate`: numbers with intervals, figures and a page, from a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from cinecor.training.held_out import Division


def evaluate(
    run: Annotated[
        Path, typer.Argument(help="The folder of a run (or any folder with model.safetensors and manifest.json).")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="A data folder in a known layout to predict on now; without it, what the run predicted itself."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Which patients: train, validation, test, or all.")] = "test",
    segmentation: Annotated[
        Path | None,
        typer.Option(
            help="A second run, of task segmentation, whose outlines find the heartbeats: EF of one clip, of all clips "
            "and beat to beat, side by side. Needs --data."
        ),
    ] = None,
    stride: Annotated[int, typer.Option(min=1, help="With --segmentation: of all clips, only every n-th.")] = 1,
    compat: Annotated[
        bool,
        typer.Option("--compat", help="With --segmentation: systoles as EchoNet-Dynamic's published code finds them."),
    ] = False,
    device: Annotated[
        str, typer.Option(help="What predicts the data: auto (a CUDA GPU, else the CPU), cpu, cuda, cuda:1, mps.")
    ] = "auto",
    out: Annotated[
        Path | None, typer.Option(help="Where tables, figures and page go; RUN/evaluation_SPLIT if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
) -> None:
    """Evaluate a run: RMSE, MAE, R² and more, each with a 95 % interval over patients, figures and an HTML page."""
    from cinecor.evaluation import write_report
    from cinecor.training import score_run

    if segmentation is not None:
        folder = out or run / f"beat_to_beat_{split}"
        ways = (run, segmentation, data, split, folder, stride, device)
        typer.echo(_beat_to_beat(*ways, compat=compat, as_json=as_json))
        return
    if _outlines_alone(run):
        typer.echo(_overlap(run, data, split, device, out or run / f"evaluation_{split}", as_json=as_json))
        return
    results, manifest = score_run(run, data, split, device=device, tell=_tell)
    page = write_report(out or run / f"evaluation_{split}", results, manifest=manifest, run=run)
    typer.echo(json.dumps(results.as_dict(), indent=2) if as_json else f"{results.as_text()}\nreport: {page}")


def _tell(division: Division) -> None:
    """Which cases are the run's own; beside the results, which may be read by a program."""
    if division.told:
        typer.echo(division.told, err=True)


def tell_all(division: Division) -> None:
    """The same, with what may make figures too good."""
    _tell(division)
    if division.doubt:
        typer.echo(f"warning: {division.doubt}", err=True)


def _outlines_alone(run: Path) -> bool:
    """Whether nothing is measured on the outlines of a run."""
    from cinecor.models.checkpoint import read_manifest
    from cinecor.training.recipe_fields import OUTLINED_FRAMES

    return read_manifest(run).target == OUTLINED_FRAMES


def _overlap(run: Path, data: Path | None, split: str, device: str, folder: Path, *, as_json: bool) -> str:
    """What is printed of a run on whose outlines nothing is measured; tables, JSON, figures and page go into the
    folder."""
    from cinecor.evaluation.case_words import count, words_of
    from cinecor.evaluation.outline_report import write_outline_report
    from cinecor.evaluation.segmentation import overlaps_as_text, summarise_masks
    from cinecor.training.outline_scores import mean_by_study, mean_by_view, summarise_outlines, write_outlines
    from cinecor.training.scoring import show_outlines

    rows, examples, manifest = show_outlines(run, data, split, device=device, tell=tell_all)
    found, views = summarise_masks(mean_by_study(rows)), summarise_masks(mean_by_view(rows))
    whole = summarise_outlines(rows)
    write_outlines(rows, folder)
    results = {**whole, "structures": [each.as_dict() for each in found], "weights": manifest["weights_sha256"]}
    page = write_outline_report(
        folder, split, rows, found, views, results, examples=examples, manifest=manifest, run=run
    )
    frames = f"{count(whole['frames'], 'frame')} of {words_of(manifest).count(whole['studies'])}"
    facts = f"{frames}; cross-entropy {whole['cross_entropy']:.4f} a pixel"
    return json.dumps(results, indent=2) if as_json else f"{overlaps_as_text(found)}\n{facts}\nreport: {page}"


def _beat_to_beat(
    run: Path,
    segmentation: Path,
    data: Path | None,
    split: str,
    folder: Path,
    stride: int,
    device: str,
    *,
    compat: bool,
    as_json: bool,
) -> str:
    """What is printed; a page for each way and one table go into the folder."""
    from cinecor import storage
    from cinecor.errors import ConfigError
    from cinecor.evaluation import write_report
    from cinecor.evaluation.ways import compare_ways, tabulate, ways_as_dict, ways_as_text
    from cinecor.training.beat_to_beat import predict_ways, score_ways

    if data is None:
        what = "beats are looked for in the loops, which a run's tables do not hold"
        raise ConfigError("CONFLICT", what, "give --data", where="segmentation")
    ways = predict_ways(run, segmentation, data, split, stride=stride, compat=compat, device=device)
    tell_all(ways.division)
    found = score_ways(ways, split)
    differences = compare_ways(found)
    pages = [
        write_report(folder / name.replace(" ", "_"), each, manifest=ways.manifest) for name, each in found.items()
    ]
    storage.write_text(folder / "ways.csv", tabulate(found).to_csv(index=False, lineterminator="\n"))
    if as_json:
        return json.dumps({**ways_as_dict(found, differences), "without_systole": list(ways.without_systole)}, indent=2)
    missed = len(ways.without_systole)
    note = [f"no systole was found in {missed} studies: there, the beats are all clips"] if missed else []
    return "\n".join([ways_as_text(found, differences), *note, *(f"report: {page}" for page in pages)])
