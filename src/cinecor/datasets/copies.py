"""The same recording under two names: leakage where the names are in two splits, and no names table shows it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from cinecor.datasets.findings import Problem
from cinecor.records import Study


def find_copies(files: Iterable[tuple[Study, Path]]) -> list[Problem]:
    """Files with the same bytes that belong to different studies.

    Only files of equal size are read and compared, by SHA-256.

    Args:
        files: each study with a file of its own, which must be there.

    Returns:
        An error LEAKAGE where the studies are in different splits, else a warning DUPLICATE_ID.
    """
    by_size: dict[int, list[tuple[Study, Path]]] = defaultdict(list)
    for study, path in files:
        by_size[path.stat().st_size].append((study, path))
    by_content: dict[bytes, list[Study]] = defaultdict(list)
    for alike in by_size.values():
        for study, path in alike if len(alike) > 1 else []:
            with path.open("rb") as file:
                by_content[hashlib.file_digest(file, "sha256").digest()].append(study)
    return [_problem(same) for same in by_content.values() if len(same) > 1]


def _problem(same: list[Study]) -> Problem:
    across = len({study.split for study in same}) > 1
    what = f"{len(same)} studies hold the same recording" + (", in more than one split" if across else "")
    return Problem(
        severity="error" if across else "warning",
        code="LEAKAGE" if across else "DUPLICATE_ID",
        what=what,
        where=", ".join(study.id for study in same[:3]),
        cure="keep one",
    )
