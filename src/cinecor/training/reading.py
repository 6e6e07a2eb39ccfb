"""Which layout a data folder has, and its studies."""

from __future__ import annotations

from pathlib import Path

from cinecor import datasets
from cinecor.errors import DatasetError
from cinecor.records import Study

SYNTHETIC_MARK = "SYNTHETIC.txt"
"""A file of this name says that a folder's hearts were simulated."""


def read_folder(root: Path) -> tuple[str, bool, list[Study]]:
    """Layout, whether the hearts are synthetic, and the studies of a data folder.

    Raises:
        DatasetError: the folder is missing, its layout is unknown, or it is not what the layout promises.
    """
    if not root.is_dir():
        raise DatasetError("MISSING_FILE", "there is no such folder", where=root.name)
    layout = datasets.recognise(root)
    return layout, (root / SYNTHETIC_MARK).exists(), datasets.get(layout).read(root)
