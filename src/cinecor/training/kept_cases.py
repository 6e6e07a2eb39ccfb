"""Whose pictures a run had, and in which split: the tables by which it knows them again in any folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

import numpy as np
import pandas as pd

from cinecor import storage
from cinecor.clips.fingerprint import content
from cinecor.errors import DatasetError
from cinecor.io.tables import read_csv
from cinecor.records import SPLITS, Cine, Split, Study

CASES_NAME = "cases.csv"
EARLIER_NAME = "earlier_cases.csv"
"""The same of the runs that a run builds upon, and of those that they build upon."""

COLUMNS = ("study", "patient", "split", "picture")

Row: TypeAlias = tuple[str, str, Split, str]
Key = TypeVar("Key")


@dataclass(frozen=True)
class KeptCases:
    """The cases of a run, those of its training split that did not keep their label, or had none, among them."""

    rows: tuple[Row, ...]
    """Name, patient, split and picture; a case with loops in several files has several."""

    @cached_property
    def patients(self) -> Mapping[str, Split]:
        """The split of each patient."""
        return most_cautious((patient, split) for _, patient, split, _ in self.rows)

    @cached_property
    def _pictures(self) -> Mapping[str, Split]:
        return most_cautious((picture, split) for _, _, split, picture in self.rows)

    @cached_property
    def _named(self) -> Mapping[tuple[str, str], Split]:
        return most_cautious(((name, picture), split) for name, _, split, picture in self.rows)

    def find(self, name: str, pictures: Iterable[str]) -> Split | None:
        """The split of the case that has one of these pictures; None where none has.

        Its name counts where several cases share a picture, as the slices of one file do.
        """
        found = [self._named.get((name, each), self._pictures.get(each)) for each in pictures]
        return min((split for split in found if split is not None), key=SPLITS.index, default=None)

    def find_own(self, studies: Sequence[Study]) -> dict[str, Split]:
        """The split of each study that has a picture of the run, by name.

        Raises:
            DatasetError: MISSING_FILE for a file that cannot be opened.
        """
        pairs = zip(studies, list_pictures(studies), strict=True)
        found = {study.id: self.find(study.id, pictures) for study, pictures in pairs}
        return {name: split for name, split in found.items() if split is not None}

    def place_patients(self, studies: Sequence[Study]) -> dict[str, Split]:
        """The split of each patient of these studies who is one of the run's.

        A patient is one of the run's who has a picture of it; where somebody has, so is everybody of the name of one.

        Args:
            studies: of one data folder, all of them: one picture that is known says whose folder it is.

        Raises:
            DatasetError: MISSING_FILE for a file that cannot be opened.
        """
        own = self.find_own(studies) if self.rows else {}  # nothing is read for nothing
        return place_patients(own, studies, self.patients)


def most_cautious(pairs: Iterable[tuple[Key, Split]]) -> dict[Key, Split]:
    """The split of each key; of several the first of train, validation and test."""
    found: dict[Key, Split] = {}
    for key, split in pairs:
        found[key] = min(split, found.get(key, split), key=SPLITS.index)
    return found


def place_patients(
    own: Mapping[str, Split], studies: Sequence[Study], patients: Mapping[str, Split]
) -> dict[str, Split]:
    """The split of each patient of these studies who is one of a run's; of nobody where no study is the run's own.

    Args:
        own: the split of the studies that are the run's own, by name.
        studies: those and others.
        patients: the split of each patient that the run knows of.
    """
    met = most_cautious((study.patient_id, own[study.id]) for study in studies if study.id in own)
    here = {study.patient_id for study in studies}
    return {name: split for name, split in (dict(patients) | met).items() if name in here} if own else {}


def keep_cases(divided: Mapping[str, tuple[Study, Split]], run: Path) -> None:
    """Write the table.

    Args:
        divided: every case that has a part in the training, by name, with its split.
        run: its folder.

    Raises:
        DatasetError: MISSING_FILE for a file that cannot be opened.
        StorageError: the run's folder cannot be written.
    """
    studies = [study for study, _ in divided.values()]
    rows = [
        (study.id, study.patient_id, divided[study.id][1], picture)
        for study, pictures in zip(studies, list_pictures(studies), strict=True)
        for picture in sorted(pictures)
    ]
    write_rows(rows, run / CASES_NAME)


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Write a table of cases.

    Raises:
        StorageError: the folder cannot be written.
    """
    storage.write_text(path, pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False, lineterminator="\n"))


def read_cases(run: Path, name: str = CASES_NAME) -> KeptCases | None:
    """What was written; None for a run that has no such table.

    Raises:
        DatasetError: ENCODING, MISSING_COLUMN, BAD_SPLIT for a table that was changed.
    """
    path = run / name
    if not path.exists():
        return None
    rows = read_csv(path, COLUMNS)
    if any(row["split"] not in SPLITS for row in rows):
        raise DatasetError("BAD_SPLIT", "it names a split that is none", "copy the run again", where=path.name)
    return KeptCases(tuple((row["study"], row["patient"], cast("Split", row["split"]), row["picture"]) for row in rows))


def list_pictures(studies: Iterable[Study]) -> Iterator[set[str]]:
    """What the sources of each study hold; of a file that many studies are parts of it is read once.

    Raises:
        DatasetError: MISSING_FILE for a file that cannot be opened.
    """
    known: dict[object, str] = {}
    for study in studies:
        yield {_picture(cine, known) for cine in study.cines}


def _picture(cine: Cine, known: dict[object, str]) -> str:
    key = id(cine.source) if isinstance(cine.source, np.ndarray) else cine.source
    if key not in known:
        known[key] = content(cine.source)
    return known[key]
