"""Which weights a recipe starts from: found, named by their hash, and described for whoever gets the result."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from cinecor.errors import ConfigError
from cinecor.models.absence import check_there
from cinecor.models.checkpoint import FILES, MANIFEST_NAME, Manifest, read_manifest
from cinecor.models.choices import PublicWeights
from cinecor.models.starting import check_hash
from cinecor.training.recipe_fields import Recipe


def pin_start(recipe: Recipe) -> Recipe:
    """The recipe with the hash of the weights that it starts from, by which its fingerprint changes with them.

    One that has a hash already is left as it is, so that a run goes on where the weights are no longer at hand.

    Raises:
        ConfigError: CONFLICT where the weights are public ones that have not been imported.
        CheckpointError: MISSING_FILE; the folder's manifest is damaged.
    """
    if recipe.start.weights is None or recipe.start.sha256:
        return recipe
    sha256 = read_start(recipe).weights_sha256
    check_there(start_folder(recipe), FILES)  # now, not after hours of decoding
    return recipe.model_copy(update={"start": recipe.start.model_copy(update={"sha256": sha256})})


def read_start(recipe: Recipe) -> Manifest:
    """The manifest of the weights that a recipe starts from.

    Raises:
        As :func:`pin_start`; CheckpointError MISMATCH where the recipe has the hash of others.
    """
    folder = start_folder(recipe)
    manifest = read_manifest(folder)
    check_hash(manifest, recipe.start.sha256, folder)
    return manifest


def start_folder(recipe: Recipe) -> Path:
    """Where the weights are.

    Raises:
        ConfigError: CONFLICT where they are public ones that have not been imported.
    """
    assert recipe.start.weights is not None
    folder = Path(recipe.start.weights)
    if recipe.start.weights in get_args(PublicWeights) and not (folder / MANIFEST_NAME).exists():
        kind = recipe.start.weights
        what = f"the recipe starts from public weights, {kind}, which are not here"
        cure = (
            f"`cinecor import FILE --as {kind} --out DIR --source … --licence …`, then --start.weights DIR; "
            "or --start.weights null for fresh ones"
        )
        raise ConfigError("CONFLICT", what, cure, where="start.weights")
    return folder


def describe_start(manifest: Manifest) -> dict[str, Any]:
    """What a manifest says of the weights that a training started from; plain JSON."""
    imported = manifest.extra.get("imported", {})
    return {
        "weights_sha256": manifest.weights_sha256,
        "model": manifest.model,
        "licence": manifest.licence,
        "source": imported.get("source", "a training of cinecor"),
        "training_data": manifest.training_data.get("description", ""),
        "before": manifest.extra.get("start"),
    }


def join_licences(own: str, start: Mapping[str, Any]) -> str:
    """The licence of a result: its recipe's, and that of what it started from where it is another."""
    other = start.get("licence", own)
    return own if other == own else f"{own}, started from weights under {other}"
