"""The same recording under two names: leakage where the names are in two splits, and no names table shows it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from cinecor.datasets.findings import Problem
from cinecor.records import Study


def find_copies(files: Iterable[tuple[Study, Path]]) -> list[Problem]:
    """Files with the same bytes, of different studies or twice in one.

    Only files of equal size are read and compared, by SHA-256.

    Args:
        files: each file, which must be there, with its study.

    Returns:
        An error LEAKAGE where the studies are in different splits, else a warning DUPLICATE_ID.
    """
    return [_problem([study for study, _ in same]) for same in group_copies(files)]


def group_copies(files: Iterable[tuple[Study, Path]]) -> list[list[tuple[Study, Path]]]:
    """Files with the same bytes, together; those that no other is like are left out."""
    by_size: dict[int, list[tuple[Study, Path]]] = defaultdict(list)
    for study, path in files:
        by_size[path.stat().st_size].append((study, path))
    by_content: dict[bytes, list[tuple[Study, Path]]] = defaultdict(list)
    for alike in by_size.values():
        for study, path in alike if len(alike) > 1 else []:
            with path.open("rb") as file:
                by_content[hashlib.file_digest(file, "sha256").digest()].append((study, path))
    return [same for same in by_content.values() if len(same) > 1]


def _problem(same: list[Study]) -> Problem:
    names = list(dict.fromkeys(study.id for study in same))
    across = len({study.split for study in same}) > 1
    who = f"{len(names)} studies hold" if len(names) > 1 else "a study holds"
    what = f"{who} the same recording" + (", in more than one split" if across else "")
    return Problem(
        severity="error" if across else "warning",
        code="LEAKAGE" if across else "DUPLICATE_ID",
        what=what if len(names) > 1 else f"{what} {len(same)} times",
        where=", ".join(names[:3]),
        cure="keep one",
    )
