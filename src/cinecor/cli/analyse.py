"""`cinecor analyse`: loops in, a report out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def analyse(
    paths: Annotated[
        list[Path], typer.Argument(help="Loops (AVI, MP4, DICOM, NIfTI), folders of them, whole studies.")
    ],
    weights: Annotated[
        Path | None, typer.Option(help="A run's folder; the weights in the package if not given.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a page for each study into this folder.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write all measurements into this CSV file.")] = None,
    clips: Annotated[int, typer.Option(min=1, help="Clips averaged for each loop.")] = 8,
    frame_ms: Annotated[
        float | None, typer.Option(help="Time between frames, ms, for files that do not say it.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads; PyTorch's choice if not given.")] = None,
) -> int:
    """Measure ejection fraction, with an interval, in every study found; say what was not done and why.

    Works offline with weights trained on synthetic hearts only. **Not for clinical use.**
    """
    from cinecor import reports
    from cinecor.cli import failure
    from cinecor.cli.progress import track
    from cinecor.cli.studies import find_studies
    from cinecor.inference import Settings, load_analyser

    studies, failures = find_studies(paths)
    analyser = load_analyser(weights, Settings(clips=clips, frame_ms=frame_ms, device=device, threads=threads))
    found, failed = analyser.analyse_all(track(studies, "studies", total=len(studies)))
    failures = [*failures, *failed]
    reports.write(found, html=html, csv=csv)
    typer.echo(reports.to_json_text(found, failures) if as_json else reports.to_text(found))
    for each in failures:
        failure.report(each.error, as_json=as_json)
    return failure.exit_code([each.error for each in failures], len(studies) + len(failures) - len(failed))
