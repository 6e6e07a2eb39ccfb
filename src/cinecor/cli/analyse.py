"""`cinecor analyse`: loops in, a report out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from cinecor.records import Report


def analyse(
    paths: Annotated[
        list[Path], typer.Argument(help="Loops (AVI, MP4, DICOM, NIfTI), folders of them, whole studies.")
    ],
    weights: Annotated[
        Path | None,
        typer.Option(help="A run's folder, or one with a cine_mri.json; the weights in the package if not given."),
    ] = None,
    segmentation: Annotated[
        str | None,
        typer.Option(help="A run of outlines that finds the beats: EF beat by beat; `package`: the package's."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page for each study into this folder.")] = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="Write all measurements into this CSV file; into a folder: a table of patients, too."),
    ] = None,
    clips: Annotated[int, typer.Option(min=1, help="Clips averaged for each loop.")] = 8,
    frame_ms: Annotated[
        float | None, typer.Option(help="Time between frames, ms, for files that do not say it.")
    ] = None,
    networks: Annotated[
        int | None, typer.Option(min=1, help="Cine MRI: how many of the folder's networks are asked; all if not given.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show in the page where the network looked.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    engine: Annotated[
        Literal["auto", "torch", "openvino"],
        typer.Option(help="What computes; openvino: on a CPU, needs cinecor[accel], auto takes it for many loops."),
    ] = "auto",
    precision: Annotated[
        Literal["fp32", "bf16"], typer.Option(help="bf16: faster on a processor that has it, EF differs a little.")
    ] = "fp32",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; PyTorch's choice if not given.")] = None,
) -> int:
    """Measure ejection fraction in every study found, of cine MRI with its weights volumes, mass and disease, too.

    Works offline with weights trained on synthetic hearts only. Says what was not done and why.
    **Not for clinical use.**
    """
    from cinecor import io, reports
    from cinecor.cli import failure
    from cinecor.cli.progress import track
    from cinecor.cli.studies import find_studies
    from cinecor.inference import Settings, load_analyser

    settings = Settings(
        clips=clips,
        frame_ms=frame_ms,
        device=device,
        engine=engine,
        precision=precision,
        threads=threads,
        explain=explain,
        networks=networks,
    )
    studies, unread = find_studies(paths)
    loops = sum(len(study.cines) for study in studies)
    analyser = load_analyser(weights, settings, segmentation=segmentation, loops=loops)
    answers = list(track(analyser.analyse_all(studies), "studies", total=len(studies)))
    found = [answer for answer in answers if not isinstance(answer, io.Failure)]
    failures = [*unread, *(answer for answer in answers if isinstance(answer, io.Failure))]
    if html is not None:
        reports.html.write_all(found, html)
    if csv is not None:
        write_tables(found, csv)
    typer.echo(reports.json.dumps(found, failures) if as_json else reports.text.render(found), nl=not as_json)
    for each in failures if not as_json else ():
        failure.report(each.error)
    return failure.exit_code([each.error for each in failures], len(studies) + len(unread))


def write_tables(found: list[Report], path: Path) -> None:
    """All measurements as one table; into a folder (a name without ``.csv``), the table of patients beside it."""
    from cinecor import reports

    if path.suffix.lower() == ".csv":
        reports.csv.write(found, path)
        return
    reports.csv.write(found, path / "measurements.csv")
    reports.patients.write(found, path / "patients.csv")
