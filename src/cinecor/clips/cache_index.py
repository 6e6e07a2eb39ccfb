"""The table of a cache: which loop lies where, made from what."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from cinecor import storage
from cinecor.records import ClipSpec

FORMAT = 3
"""Raise it when the layout of the cache changes."""

MAKERS = ("clips/preparation.py", "clips/sector.py", "clips/masking.py", "io/*.py")
"""The code that decides which pixels come of a file; frames that another state of it made are made again."""

INDEX = "index.json"

Key: TypeAlias = tuple[str, int]
"""Study, and which of its cines."""


class Entry(NamedTuple):
    """Where the frames of one loop lie, the fingerprint of what they were made from, and what they show of it."""

    fingerprint: str
    segment: str
    offset: int
    frames: int
    channels: int
    """One where all of the loop's are equal, as in grey loops stored as colour."""
    left: int
    top: int
    right: int
    bottom: int


def describe(spec: ClipSpec) -> dict[str, Any]:
    """The part of a specification that decides the cached pixels."""
    more: dict[str, Any] = {} if spec.spacing_mm is None else {"spacing_mm": spec.spacing_mm}
    more |= {} if spec.resize == "smooth" else {"resize": spec.resize}
    more |= {} if not spec.mask else {"mask": spec.mask}
    return {"height": spec.height, "width": spec.width, "channels": spec.channels, "crop": spec.crop, **more}


def locate(folder: Path, spec: ClipSpec) -> Path:
    """The folder of one specification inside a cache folder, so that several live side by side."""
    colour = "grey" if spec.channels == 1 else "colour"
    crop = spec.crop if spec.spacing_mm is None else f"{spec.spacing_mm:g}mm"
    how = "" if spec.resize == "smooth" else f"-{spec.resize}"
    if spec.mask:
        structure, _, sha256 = spec.mask.partition(":")
        how += f"-{structure}-{sha256[:12]}"
    return folder / f"{spec.height}x{spec.width}-{colour}-{crop}{how}"


@lru_cache(maxsize=1)
def digest_code() -> str:
    """A short text that changes with the code that makes the cached pixels."""
    package = Path(__file__).parents[1]
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(path for pattern in MAKERS for path in package.glob(pattern)):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def segment_path(home: Path, segment: str) -> Path:
    """The flat file of frames of that name."""
    return home / f"frames-{segment}.u8"


def read(home: Path, spec: ClipSpec) -> dict[Key, Entry]:
    """The entries whose frames are there in full; none where the index is missing, damaged or of another format."""
    try:
        content = json.loads((home / INDEX).read_text("utf-8"))
        if (content["format"], content["code"], content["spec"]) != (FORMAT, digest_code(), describe(spec)):
            return {}
        entries = {(study, cine): Entry(*rest) for study, cine, *rest in content["cines"]}
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return {}
    plane = spec.height * spec.width
    sizes = {name: _size(segment_path(home, name)) for name in {entry.segment for entry in entries.values()}}
    return {
        key: entry
        for key, entry in entries.items()
        if entry.offset + entry.frames * entry.channels * plane <= sizes[entry.segment]
    }


def write(home: Path, spec: ClipSpec, entries: Mapping[Key, Entry]) -> None:
    """Replace the index, atomically."""
    rows = ",\n".join(json.dumps([*key, *entry]) for key, entry in entries.items())
    head = json.dumps({"format": FORMAT, "code": digest_code(), "spec": describe(spec)})
    storage.write_text(home / INDEX, f'{head[:-1]}, "cines": [\n{rows}\n]}}\n')


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
