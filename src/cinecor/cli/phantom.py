"""`cinecor phantom`: synthetic hearts with exact truth, in any layout."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Literal

import typer


def phantom(
    layout: Annotated[
        str,
        typer.Argument(
            help="echonet_dynamic (A4C echo), dicom_folder (the same on a screen), camus (A2C, A4C), hmc_qu "
            "(infarcts), echonet_pediatric (A4C, PSAX), echonet_lvh (PLAX), view_folders (fifteen views) or acdc "
            "(short-axis MRI)."
        ),
    ],
    folder: Annotated[Path, typer.Argument(help="Where to write; it must be empty or new.")],
    studies: Annotated[int, typer.Option(min=1, help="How many patients, one study each.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same hearts, pixel for pixel.")] = 0,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; as many as there are cores if not given.")
    ] = None,
    max_frames: Annotated[
        int | None, typer.Option(min=2, help="Longest echo loop; as the layout has them if not given.")
    ] = None,
    quality: Annotated[
        Literal["any", "good", "medium", "poor"],
        typer.Option(
            help="Of echo images: any (as widely as labs differ; graded where the layout has grades), good, medium or "
            "poor; the hearts are the same."
        ),
    ] = "any",
    view: Annotated[
        list[str] | None, typer.Option(help="Of view_folders: only loops of this view; repeatable. Not given: all 15.")
    ] = None,
    scanner: Annotated[
        list[str] | None,
        typer.Option(
            help="Of view_folders: only screens of this invented make (lyra, cygnus, vela, orion, carina, hydra); "
            "repeatable, patients take turns. Not given: drawn of all."
        ),
    ] = None,
    split: Annotated[
        Literal["train", "validation", "test"] | None,
        typer.Option(
            help="Of view_folders: all patients are of this split (test: a cohort to judge on). Not given: drawn, 75 / "
            "12.5 / 12.5 %."
        ),
    ] = None,
    dual: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Of view_folders: probability that a loop stands twice on the screen, and a strip below a picture. "
            "Not given: 0.1 and 0.65.",
        ),
    ] = None,
) -> None:
    """Write a cohort of synthetic hearts whose volumes and ejection fractions are known exactly."""
    from cinecor import datasets, storage
    from cinecor.cli.progress import track
    from cinecor.errors import DatasetError
    from cinecor.phantom import MARK, population

    if folder.exists() and any(folder.iterdir()):
        raise DatasetError("UNSAFE_PATH", "the folder is not empty", "name a new folder", where=folder.name)
    cores = workers or os.cpu_count() or 1
    cohort = population(
        layout,
        studies=studies,
        seed=seed,
        workers=cores,
        max_frames=max_frames,
        quality=quality,
        views=view or (),
        scanners=scanner or (),
        split=split,
        dual=dual,
    )
    datasets.get(layout).write(track(cohort, "hearts", total=studies), folder)
    asked = {"studies": studies, "seed": seed, "quality": quality, "max-frames": max_frames, "split": split}
    words = [f" --{name} {value}" for name, value in asked.items() if value is not None]
    words += [f" --view {each}" for each in view or ()] + [f" --scanner {each}" for each in scanner or ()]
    words += [] if dual is None else [f" --dual {dual!r}"]
    how = f"cinecor phantom {layout} FOLDER{''.join(words)}"
    storage.write_text(folder / MARK, f"{studies} synthetic hearts made by {how}\n")
    typer.echo(f"{studies} synthetic studies in {folder} (layout {layout}, seed {seed})")
