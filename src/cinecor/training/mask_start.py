"""The network whose outline blanks the frames that a recipe learns from: named by its hash, kept whole with the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cinecor import storage
from cinecor.clips.masking import FOLDER, NetworkMask, load_mask
from cinecor.errors import CheckpointError
from cinecor.models.absence import check_there, is_file
from cinecor.models.checkpoint import FILES, MANIFEST_NAME, WEIGHTS_NAME, read_manifest
from cinecor.models.starting import check_hash
from cinecor.training.kept_cases import CASES_NAME, EARLIER_NAME
from cinecor.training.recipe_fields import Recipe


def pin_mask(recipe: Recipe) -> Recipe:
    """The recipe with the hash of its mask's weights, by which its fingerprint and its frames change with them.

    One that has a hash already is left as it is, so that a run goes on where those weights are no longer at hand.

    Raises:
        CheckpointError: MISSING_FILE.
        CheckpointError, ConfigError: as :class:`cinecor.clips.masking.NetworkMask`.
    """
    part = recipe.mask
    if part.weights is None or part.sha256:
        return recipe
    sha256 = NetworkMask(Path(part.weights), part.structure).identity.partition(":")[2]
    check_there(Path(part.weights), FILES)
    return recipe.model_copy(update={"mask": part.model_copy(update={"sha256": sha256})})


def keep_mask(recipe: Recipe, out: Path) -> None:
    """Copy the mask's network into the run's folder, where it is not there yet, with the lists of whom it learned from.

    Raises:
        CheckpointError: MISMATCH for weights with another hash than the recipe has; MISSING_FILE; CORRUPT where
            they cannot be read.
        StorageError: the folder cannot be written.
    """
    folder = out / FOLDER
    if recipe.mask.weights is None or (folder / MANIFEST_NAME).exists():
        return
    source = Path(recipe.mask.weights)
    check_hash(read_manifest(source), recipe.mask.sha256, source)
    lists = [name for name in (CASES_NAME, EARLIER_NAME) if is_file(source / name)]
    for name in (*lists, WEIGHTS_NAME, MANIFEST_NAME):  # the manifest last: a folder that has one is whole
        try:
            content = (source / name).read_bytes()
        except OSError as error:
            what = f"{name} cannot be read ({error.strerror})"
            raise CheckpointError("CORRUPT", what, "fetch the folder again", where=source.name) from error
        storage.write_bytes(folder / name, content)


def open_mask(recipe: Recipe, out: Path) -> NetworkMask | None:
    """The mask of a run, from its own folder; None where the recipe has none.

    Raises:
        CheckpointError, ConfigError: as :func:`cinecor.clips.masking.load_mask`.
    """
    return load_mask(out, recipe.clip_spec)


def describe_mask(recipe: Recipe, out: Path) -> dict[str, Any]:
    """What a manifest says of the mask; empty where there is none."""
    if recipe.mask.weights is None:
        return {}
    manifest = read_manifest(out / FOLDER)
    return {
        "structure": recipe.mask.structure,
        "weights_sha256": manifest.weights_sha256,
        "model": manifest.model,
        "licence": manifest.licence,
        "training_data": manifest.training_data.get("description", ""),
    }
