"""`cinecor analyse`: loops in, a report out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from cinecor.records import Report


def analyse(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Files (AVI, MP4, DICOM, NIfTI, stills), folders of them, or a data folder in a known layout. What "
            "belongs to one patient examination is put together, and gets one report."
        ),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(
            help="The network that measures: the folder of a run of `cinecor train`, of `cinecor import`, or one with "
            "a cine_mri.json (short-axis MRI). Not given: the weights in the package, for apical echo."
        ),
    ] = None,
    segmentation: Annotated[
        str | None,
        typer.Option(
            help="A second network, beside --weights that predict EF from clips: its outlines of the ventricle find "
            "the heartbeats, and EF is measured beat by beat. A run's folder, or the word `package` for the weights in "
            "the package."
        ),
    ] = None,
    views: Annotated[
        list[str] | None,
        typer.Option(
            help="What tells the view of echo loops whose files do not state it, so that each goes to what measures "
            "its view: the folder of a run of target view (give the option several times, or a folder of runs, for the "
            "mean of several networks), `package` for the weights in the package, or `none`. Not given: auto, the "
            "package's where it measures EF too, in studies of two or more such loops."
        ),
    ] = None,
    view_certainty: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="Least probability of a view that is told; below it the view is unknown and the loop is not measured.",
        ),
    ] = 0.5,
    hypertrophy: Annotated[
        Path | None,
        typer.Option(
            help="A network that judges hypertrophy of the left ventricle: the folder of a run of target lvh, such as "
            "those of recipes 004/lvh_*. It is asked about the loops of the view that it was trained on. Not given: "
            "nothing is said of hypertrophy; the package has no weights for it."
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the reports as JSON (for programs) instead of text.")
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page for each study, with pictures, into this folder.")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            help="Also write a table of all measurements: into this file, if its name ends in .csv; else into this "
            "folder, together with a table of one row a patient."
        ),
    ] = None,
    clips: Annotated[
        int,
        typer.Option(
            min=1,
            help="For weights that predict EF from clips: how many clips of each loop they are asked about; the mean "
            "is reported. More are steadier and slower.",
        ),
    ] = 8,
    frame_ms: Annotated[
        float | None,
        typer.Option(help="Milliseconds between two frames, of files that do not say it (20 is 50 frames a second)."),
    ] = None,
    networks: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Short-axis MRI: ask only the first so many networks of the folder, which is faster. Not given: all.",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Show in the page of --html where the network looked (heat maps, Grad-CAM)."),
    ] = False,
    device: Annotated[
        str, typer.Option(help="What computes: auto (a CUDA GPU, else the CPU), cpu, cuda, cuda:1 (the second), mps.")
    ] = "auto",
    engine: Annotated[
        Literal["auto", "torch", "openvino"],
        typer.Option(
            help="The library that computes. openvino is faster on a CPU, after some seconds of preparation, and needs "
            "cinecor[accel]; auto takes it where it is installed and there are many loops."
        ),
    ] = "auto",
    precision: Annotated[
        Literal["fp32", "bf16"],
        typer.Option(
            help="Arithmetic. bf16 is faster on a device that has instructions for it, and refused on others; EF "
            "differs in the first decimal."
        ),
    ] = "fp32",
    threads: Annotated[
        int | None, typer.Option(min=1, help="How many CPU threads compute. Not given: as many as PyTorch takes.")
    ] = None,
) -> int:
    """Measure ejection fraction (EF) in every study found; in short-axis MRI, given weights, volumes and mass.

    Works offline: weights for apical echo are in the package, trained on synthetic hearts only. The report says what
    was not measured, and why. **Not for clinical use.**
    """
    from cinecor import io, reports
    from cinecor.cli import failure
    from cinecor.cli.progress import track
    from cinecor.cli.studies import find_studies
    from cinecor.errors import InputError
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
        view_certainty=view_certainty,
    )
    studies, unread = find_studies(paths)
    if not studies and not unread:
        where = ", ".join(path.name or str(path) for path in paths)
        raise InputError("EMPTY", "no image is there", "give loops, or folders that hold some", where=where)
    loops = sum(len(study.cines) for study in studies)
    analyser = load_analyser(
        weights, settings, segmentation=segmentation, views=views or "auto", hypertrophy=hypertrophy, loops=loops
    )
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
