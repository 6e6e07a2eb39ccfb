"""`cinecor import`: a public checkpoint becomes weights that `analyse` takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cinecor.models.choices import PublicWeights

Triple = tuple[float, float, float]


def import_(
    file: Annotated[
        str, typer.Argument(help="The checkpoint as published (.pt, .pth, .safetensors, .h5), or hf://OWNER/REPO/FILE.")
    ],
    kind: Annotated[PublicWeights, typer.Option("--as", help="Whose weights they are.")],
    out: Annotated[Path, typer.Option(help="Where weights and manifest go; a folder without weights.")],
    source: Annotated[str, typer.Option(help="Where the file comes from; kept. Required.")] = "",
    licence: Annotated[str, typer.Option(help="Of the weights, as their authors name it; kept. Required.")] = "",
    mean: Annotated[Triple | None, typer.Option(help="Of the input in grey levels, red green blue.")] = None,
    std: Annotated[Triple | None, typer.Option(help="Of the input in grey levels, red green blue.")] = None,
    crop: Annotated[
        Literal["sector", "none"] | None, typer.Option(help="sector: cut it out of the frame; none: whole frames.")
    ] = None,
    step_ms: Annotated[
        float | None, typer.Option(help="Time between the frames of a clip, ms, instead of counting recorded frames.")
    ] = None,
) -> None:
    """Turn a public checkpoint into weights of ours, strictly: every name and shape fits, or nothing is written."""
    from cinecor.models.hub import fetch_file
    from cinecor.models.public_weights import check_import, import_weights, public_weights
    from cinecor.records import ClipSpec

    check_import(out, source=source, licence=licence)  # said before a download, not after it
    given = {"mean": mean, "std": std, "crop": crop, "step_ms": step_ms}
    changes = {name: value for name, value in given.items() if value is not None}
    spec = ClipSpec.from_dict({**public_weights(kind).clip, **changes})
    manifest = import_weights(fetch_file(file), kind, out, source=source, licence=licence, clip=spec.as_dict())
    note = manifest.extra["imported"].get("note")
    lines = [f"{manifest.model} in {out}, trained on {manifest.training_data['description']}"]
    typer.echo("\n".join([*lines, *([f"note: {note}"] if note else [])]))
