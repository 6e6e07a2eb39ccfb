"""Which layout a data folder has, and its studies."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cinecor import datasets
from cinecor.errors import DatasetError
from cinecor.phantom import MARK
from cinecor.records import Cine, Study


def read_folder(root: Path) -> tuple[str, list[Study]]:
    """Layout and studies of a data folder.

    Raises:
        DatasetError: the folder is missing, its layout is unknown, or it is not what the layout promises.
    """
    if not root.is_dir():
        raise DatasetError("MISSING_FILE", "there is no such folder", where=root.name)
    layout = datasets.recognise(root)
    return layout, datasets.get(layout).read(root)


def is_synthetic(studies: Sequence[Study], root: Path | None) -> bool:
    """Whether all these hearts are known to be simulated: by the folder's mark or by their notes.

    No public layout has a place to say so, and a real cohort must never be called synthetic: what is not known to be
    is not.
    """
    if root is not None and (root / MARK).exists():
        return True
    return all(_says_synthetic(cine) for study in studies for cine in study.cines)


def _says_synthetic(cine: Cine) -> bool:
    return any("synthetic" in note for note in cine.notes)
