"""From any files and folders to studies, by content: DICOM by its UIDs, everything else a study a file."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cinecor.errors import CinecorError, InputError, LimitError
from cinecor.io.kinds import kind_of
from cinecor.io.limits import DEFAULT, Limits
from cinecor.io.loading import reader
from cinecor.io.phases import Volume, join_phases
from cinecor.records import Study

if TYPE_CHECKING:
    from cinecor.io.dicom import Instance

MAX_FILES = 200_000
_NO_IMAGE = ("NOT_RECOGNISED", "NO_PIXELS", "EMPTY")  # of a file that merely lies in a folder: no failure


@dataclass(frozen=True)
class Failure:
    """A file or study that could not be used, and why."""

    path: Path
    error: CinecorError


def discover(paths: Sequence[Path | str], limits: Limits = DEFAULT) -> tuple[list[Study], list[Failure]]:
    """Every study in the files and under the folders given; headers only.

    DICOM files are grouped by StudyInstanceUID, and the pictures of a cine MR series become a cine for each slice. Any
    other file is a study of its own, named after the file; a NIfTI volume has a cine for each slice, and volumes of
    single phases are put together by their names (``phases``). Inside a folder, files that are no images are passed
    over; a file given by name must be one. One bad file stops nothing.

    Returns:
        Studies in the order of their first file, and what failed.

    Raises:
        ConfigError: MISSING_EXTRA where the reader of a format is not installed.
        LimitError: FILES for a folder of too many.
    """
    loose: list[tuple[Path, Study]] = []
    volumes: list[Volume] = []
    instances: list[Instance] = []
    failures: list[Failure] = []
    for path, named in _files([Path(path) for path in paths]):
        try:
            kind = kind_of(path)
            if kind == "dicom":
                instances.append(reader("dicom").read_instance(path, limits))
            elif kind == "nifti":
                volumes.append(Volume(path=path, study=_single(path, kind, limits), named=named))
            else:
                loose.append((path, _single(path, kind, limits)))
        except (InputError, LimitError) as error:
            if named or error.code not in _NO_IMAGE:
                failures.append(Failure(path, error))
    grouped, failed = _group(instances)
    studies = sorted([*loose, *join_phases(volumes), *grouped], key=lambda found: found[0])
    return _distinct([study for _, study in studies]), [*failures, *failed]


def _files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Each file once, sorted within its folder, and whether it was given by name. Links to folders are not followed."""
    count = 0
    for path in paths:
        if not path.is_dir():
            yield path, True
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(name for name in names if not name.startswith(".")):
                count += 1
                if count > MAX_FILES:
                    cure = "give its folders one by one"
                    raise LimitError("FILES", f"more than {MAX_FILES} files", cure, where=path.name)
                yield Path(folder) / name, False


def _single(path: Path, kind: str, limits: Limits) -> Study:
    module: Any = reader(kind)  # type: ignore[arg-type]
    cines = module.slice_cines(path, limits) if kind == "nifti" else (module.describe(path),)
    return Study(id=path.name.removesuffix(".gz").rpartition(".")[0] or path.name, cines=tuple(cines))


def _group(instances: Sequence[Instance]) -> tuple[list[tuple[Path, Study]], list[Failure]]:
    """DICOM instances by study; a file without a StudyInstanceUID is a study of its own."""
    studies: dict[str, list[Instance]] = defaultdict(list)
    for instance in instances:
        studies[instance.study or f"file {instance.path}"].append(instance)
    found: list[tuple[Path, Study]] = []
    failures: list[Failure] = []
    for members in studies.values():
        members.sort(key=lambda member: (member.order, member.path))
        loops = [member.cine for member in members if member.cine is not None]
        assembly = reader("dicom").assemble([picture for member in members for picture in member.pictures])
        failures += [Failure(path, error) for path, error in assembly.failures]
        if loops or assembly.cines:
            first = min(member.path for member in members)
            name = members[0].study or first.stem
            body = members[0].body if assembly.cines else {}  # volumes of MR are told over body surface
            study = Study(id=name, cines=(*loops, *assembly.cines), patient=members[0].patient, labels=body)
            found.append((first, study))
    return found, failures


def _distinct(studies: Sequence[Study]) -> list[Study]:
    """Studies of the same name (two folders, one file name) told apart by a number."""
    seen: Counter[str] = Counter()
    named = []
    for study in studies:
        seen[study.id] += 1
        named.append(study if seen[study.id] == 1 else replace(study, id=f"{study.id}-{seen[study.id]}"))
    return named
