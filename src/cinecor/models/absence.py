"""Saved weights that are named and are not there: whether their folder is missing, or which of its files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cinecor.errors import CheckpointError


def check_there(folder: Path, names: Sequence[str]) -> None:
    """Stop where a folder of weights, or a file in it, is not there.

    Args:
        folder: as the user named it.
        names: of the files that it has to hold.

    Raises:
        CheckpointError: MISSING_FILE.
    """
    where = folder.name or folder.absolute().name
    if not folder.exists():
        raise CheckpointError("MISSING_FILE", "there is no such folder", "check the path to the weights", where=where)
    if not folder.is_dir():
        what, cure = "it is a file, and weights are named by their folder", f"give a folder of {' and '.join(names)}"
        raise CheckpointError("MISSING_FILE", what, cure, where=where)
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        what = f"the folder has no {' and no '.join(missing)}"
        cure = "give that of a training that has ended, or copy the whole folder again"
        raise CheckpointError("MISSING_FILE", what, cure, where=where)
