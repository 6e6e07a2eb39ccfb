"""From the paths on a command line to studies: a known layout by its reader, all else by its content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cinecor import datasets, io
from cinecor.errors import DatasetError
from cinecor.records import Study


def find_studies(paths: list[Path]) -> tuple[list[Study], list[io.Failure]]:
    """Every study under the paths, and every file that could not be one."""
    studies: list[Study] = []
    loose: list[Path] = []
    unread: list[io.Failure] = []
    for path in paths:
        layout = _layout(path)
        if layout in (None, "dicom_folder"):
            loose.append(path)
        else:
            read, failed = _read(datasets.get(layout), path)
            studies += read
            unread += failed
    found, failures = io.discover(loose) if loose else ([], [])
    return [*studies, *found], [*unread, *failures]


def _read(layout: Any, path: Path) -> tuple[list[Study], list[io.Failure]]:
    """By patient, where the layout knows how, so that one bad patient stops no other; else all or none."""
    if hasattr(layout, "read_each"):
        studies, failures = layout.read_each(path)
        return studies, failures
    return layout.read(path), []


def _layout(path: Path) -> str | None:
    if not path.is_dir():
        return None
    try:
        return datasets.recognise(path)
    except DatasetError:
        return None
