"""File names for studies, whose ids may hold anything, and files of other studies that are never overwritten."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection
from itertools import count
from pathlib import Path

from cinecor.records import Report

_LONGEST = 200
"""Bytes of a name: file systems take 255, and a hash, a number, an ending and the mark of an unfinished file follow."""

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices."""

_CHECK = 8
"""Hexadecimal digits of the id's hash in the name of an id that could not be kept: 32 bits."""


def stem_for(study: str) -> str:
    """A file name, without its ending, for a study's id.

    Letters of any script, digits, ``-``, ``_`` and inner dots stay. Where anything had to change, a piece of the id's
    hash follows, so that two ids give two names.
    """
    plain = re.sub(r"[^\w.-]", "_", unicodedata.normalize("NFC", study)).strip("._ -")
    plain = plain.encode("utf-8")[:_LONGEST].decode("utf-8", "ignore").rstrip("._ -")
    if plain and plain == study and not _RESERVED.fullmatch(plain):
        return plain
    digest = hashlib.sha256(study.encode("utf-8", "surrogatepass")).hexdigest()[:_CHECK]
    return f"{plain or 'study'}-{digest}" if not _RESERVED.fullmatch(plain) else f"study-{digest}"


def fingerprint(report: Report) -> str:
    """What tells one recorded study from another of the same id: its loops' size, length, times and views.

    A view that was told is none of the recording: other networks tell another one of the same study.
    """
    views = {cine.index: cine.view if cine.view_source == "stated" else None for cine in report.cines}
    cines = [(c.index, views[c.index], c.frames, c.frame_ms, c.spacing_mm, c.height, c.width) for c in report.cines]
    return hashlib.sha256(repr((report.study, report.modality, cines)).encode("utf-8", "surrogatepass")).hexdigest()


def free_path(folder: Path, stem: str, ending: str, ours: Callable[[Path], bool], taken: Collection[Path] = ()) -> Path:
    """The first of ``stem``, ``stem-2``, ``stem-3`` … that no other study's file holds.

    Args:
        folder: where the file shall be.
        stem: name without ending.
        ending: with its dot.
        ours: whether an existing file is an earlier report of the same study, which may be replaced.
        taken: paths that this run has already written; never chosen.
    """
    for number in count(1):
        path = folder / f"{stem}{'' if number == 1 else f'-{number}'}{ending}"
        if path not in taken and (not path.exists() or ours(path)):
            return path
    raise AssertionError("count never ends")
