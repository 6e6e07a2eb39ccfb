"""`cinecor check`: a data folder, looked at before anything is trained on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def check(
    folder: Annotated[
        Path,
        typer.Argument(help="A data folder, such as EchoNet-Dynamic, CAMUS, ACDC, folders of views or one of DICOM."),
    ],
    layout: Annotated[
        str | None,
        typer.Option(
            help="Its layout (echonet_dynamic, echonet_pediatric, echonet_lvh, camus, hmc_qu, acdc, "
            "view_folders, dicom_folder); recognised where not given."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> int:
    """Say what is in a data folder, and everything that is wrong with it, patients shared by splits first."""
    from cinecor import datasets

    name = layout or datasets.recognise(folder)
    findings = datasets.get(name).check(folder)
    if as_json:
        typer.echo(json.dumps({"layout": name, **findings.as_dict()}, indent=2, ensure_ascii=False))
    else:
        typer.echo(f"layout: {name}\n{findings.as_text()}")
    return findings.exit_code
