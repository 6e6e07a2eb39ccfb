"""The layouts that are read and written, by name, and which of them a folder has."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast, runtime_checkable

from cinecor.datasets.findings import Findings
from cinecor.errors import ConfigError, DatasetError
from cinecor.records import Study

LAYOUTS = (
    *("echonet_dynamic", "acdc", "camus", "hmc_qu", "echonet_pediatric", "echonet_lvh"),
    "view_folders",  # after those that have folders called by views as well
    "dicom_folder",  # last: a folder of any other layout may hold a DICOM file
)


@runtime_checkable
class Layout(Protocol):
    """What the module of a layout offers."""

    def recognise(self, root: Path) -> bool:
        """Whether a folder is of this layout."""

    def read(self, root: Path) -> list[Study]:
        """Every study of a folder; headers and tables only."""

    def write(self, studies: Iterable[Study], root: Path) -> None:
        """Write studies so that ``read`` gives them back."""

    def check(self, root: Path) -> Findings:
        """What is in a folder, and all that is wrong with it."""


def layouts() -> tuple[str, ...]:
    """The names of the layouts."""
    return LAYOUTS


def get(name: str) -> Layout:
    """The module of a layout.

    Raises:
        ConfigError: OUT_OF_RANGE for a name that is no layout.
    """
    if name not in LAYOUTS:
        what, cure = f"there is no layout {name!r}", f"choose one of {', '.join(LAYOUTS)}"
        raise ConfigError("OUT_OF_RANGE", what, cure, where="layout")
    return cast(Layout, import_module(f"cinecor.datasets.{name}"))


def recognise(root: Path) -> str:
    """The name of a folder's layout.

    Raises:
        DatasetError: MISSING_FILE where it is no folder, or has none of the layouts.
    """
    if not root.is_dir():
        raise DatasetError("MISSING_FILE", "there is no such folder", "check the name", where=root.name)
    for name in LAYOUTS:
        if get(name).recognise(root):
            return name
    what = f"not a folder in one of the layouts {', '.join(LAYOUTS)}"
    raise DatasetError(
        "MISSING_FILE", what, "give the folder that holds the tables, the patients or DICOM", where=root.name
    )
