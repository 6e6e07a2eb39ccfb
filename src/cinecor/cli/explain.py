"""`cinecor explain`: where a network looks, how its embeddings lie, how continuous they are in EF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import numpy as np

    from cinecor import io
    from cinecor.records import Explanation, Study


def explain(
    weights: Annotated[Path, typer.Argument(help="A run's folder, or any with model.safetensors and manifest.json.")],
    paths: Annotated[list[Path] | None, typer.Argument(help="Loops, folders of them, whole studies.")] = None,
    *,
    out: Annotated[Path, typer.Option(help="Where the page, pictures and tables go.")],
    data: Annotated[Path | None, typer.Option(help="A data folder in a known layout, whose EF is known.")] = None,
    split: Annotated[str, typer.Option(help="Of the data: train, validation, test, or all.")] = "test",
    shown: Annotated[int, typer.Option(min=0, help="Studies shown under their heat map, spread over EF.")] = 6,
    positive: Annotated[
        bool,
        typer.Option("--positive", help="Show only what raises EF, as Grad-CAM was published, and not what lowers it."),
    ] = False,
    umap: Annotated[bool, typer.Option(help="Lay the embeddings out in a plane; needs cinecor[explain].")] = True,
    clips: Annotated[int, typer.Option(min=1, help="Clips averaged for each loop.")] = 4,
    frame_ms: Annotated[float | None, typer.Option(help="Time between frames, ms, where files do not say it.")] = None,
    device: Annotated[
        str, typer.Option(help="What computes: auto (a GPU, else the CPU), cpu, cuda, cuda:1, mps.")
    ] = "auto",
) -> int:
    """Show what weights look at: Grad-CAM pictures, a UMAP of the embeddings, a score of their continuity, a page."""
    from cinecor import inference, io
    from cinecor.cli import failure
    from cinecor.cli.progress import track
    from cinecor.evaluation.explanation_report import write_explanation

    settings = inference.Settings(clips=clips, frame_ms=frame_ms, device=device)
    predictor = inference.load_predictor(weights, settings)
    studies, unread = _studies(paths or [], data, split, weights)
    answers = inference.explain_all(predictor, studies, shown=_choose(studies, shown), signed=not positive)
    said = list(track(answers, "loops"))
    found = [each for each in said if not isinstance(each, io.Failure)]
    failures = [*unread, *(each for each in said if isinstance(each, io.Failure))]
    if found:
        points = _plane(found) if umap else None
        if umap and points is None:
            typer.echo("too few loops for UMAP: its figure was left out", err=True)
        typer.echo(write_explanation(out, found, points=points, manifest=predictor.manifest.model_dump()))
    for each in failures:
        failure.report(each.error)
    return failure.exit_code([each.error for each in failures], len(studies) + len(unread))


def _studies(paths: list[Path], data: Path | None, split: str, run: Path) -> tuple[list[Study], list[io.Failure]]:
    from cinecor import datasets
    from cinecor.cli.evaluate import tell_all
    from cinecor.cli.studies import find_studies
    from cinecor.errors import ConfigError, DatasetError
    from cinecor.training.held_out import divide

    if not paths and data is None:
        raise ConfigError("CONFLICT", "there is nothing to explain", "give loops, or a folder by --data")
    studies, unread = find_studies(paths) if paths else ([], [])
    if data is not None:
        division = divide(run, datasets.get(datasets.recognise(data)).read(data))
        tell_all(division)
        chosen = [study for study in division.studies if split in ("all", study.split)]
        if not chosen:
            raise DatasetError("BAD_SPLIT", f"no study is in the split {split}", "choose --split all", where=data.name)
        studies += chosen
    return studies, unread


def _choose(studies: Sequence[Study], count: int) -> list[str]:
    """Ids of so many studies, evenly over their EF where it is known, else in their order."""
    ordered = sorted(studies, key=lambda study: float(study.labels.get("ef", 0.0)))
    if not count or not ordered:
        return []
    step = max(len(ordered) - 1, 1) / max(min(count, len(ordered)) - 1, 1)
    return list(dict.fromkeys(ordered[min(round(step * place), len(ordered) - 1)].id for place in range(count)))


def _plane(found: Sequence[Explanation]) -> np.ndarray | None:
    """Coordinates of each loop; None for fewer than UMAP can lay out."""
    import numpy as np

    from cinecor.explain import project
    from cinecor.explain.projection import FEWEST

    if len(found) < FEWEST:
        return None
    return project(np.stack([each.embedding for each in found]))
