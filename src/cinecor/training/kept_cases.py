"""Whose pictures a run had, and in which split: the table by which it knows them again in any folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from cinecor import storage
from cinecor.clips.fingerprint import content
from cinecor.errors import DatasetError
from cinecor.io.tables import read_csv
from cinecor.records import SPLITS, Cine, Split, Study
from cinecor.training.data import TrainingData

CASES_NAME = "cases.csv"
COLUMNS = ("study", "patient", "split", "picture")


@dataclass(frozen=True)
class KeptCases:
    """The cases of a run, those of its training split that did not keep their label, or had none, among them."""

    rows: tuple[tuple[str, str, Split, str], ...]
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
        return {(name, picture): split for name, _, split, picture in self.rows}

    def find(self, name: str, pictures: Iterable[str]) -> Split | None:
        """The split of the case that has one of these pictures; None where none has.

        Its name counts where several cases share a picture, as the slices of one file do.
        """
        found = [self._named.get((name, each), self._pictures.get(each)) for each in pictures]
        return min((split for split in found if split is not None), key=SPLITS.index, default=None)


def most_cautious(pairs: Iterable[tuple[str, Split]]) -> dict[str, Split]:
    """The split of each key; of several the first of train, validation and test."""
    found: dict[str, Split] = {}
    for key, split in pairs:
        found[key] = min(split, found.get(key, split), key=SPLITS.index)
    return found


def keep_cases(data: TrainingData, run: Path) -> None:
    """Write the table.

    Raises:
        DatasetError: MISSING_FILE for a file that cannot be opened.
        StorageError: the run's folder cannot be written.
    """
    studies = [study for study, _ in data.divided.values()]
    rows = [
        (study.id, study.patient_id, data.divided[study.id][1], picture)
        for study, pictures in zip(studies, list_pictures(studies), strict=True)
        for picture in sorted(pictures)
    ]
    text = pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(index=False, lineterminator="\n")
    storage.write_text(run / CASES_NAME, text)


def read_cases(run: Path) -> KeptCases | None:
    """What was written; None for a run of a version that wrote nothing.

    Raises:
        DatasetError: ENCODING, MISSING_COLUMN, BAD_SPLIT for a table that was changed.
    """
    path = run / CASES_NAME
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
