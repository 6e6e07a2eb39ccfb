"""Splits that a run takes over from another one (``split.like``), patient by patient, and keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pandas as pd

from cinecor import storage
from cinecor.errors import CheckpointError, DatasetError
from cinecor.io.tables import read_csv
from cinecor.models.absence import is_file, is_folder
from cinecor.records import SPLITS, Split, Study
from cinecor.training.earlier_runs import read_known
from cinecor.training.kept_cases import CASES_NAME

TAKEN_NAME = "taken_splits.csv"
_COLUMNS = ("patient", "split")


def read_division(like: str, studies: Sequence[Study], own: Path | None = None) -> dict[str, Split]:
    """The split that a run, or one that it builds upon, has each of its patients in; others are not among them.

    Args:
        like: the run's folder, as ``split.like`` names it.
        studies: of one data folder, all of them; known by their pictures, wherever the files lie and whatever they are
            called.
        own: folder of the run that takes the splits over; where it did so before, they are what it has, whatever has
            become of the other run.

    Raises:
        CheckpointError: MISSING_FILE where the run is not there, or is of a version that kept no list of its cases.
        DatasetError: BAD_SPLIT where nobody is one of its patients; MISSING_FILE for a file that cannot be opened; a
            damaged table.
    """
    if own is not None and is_file(own / TAKEN_NAME):
        return _read_taken(own)
    run = Path(like)
    if not is_folder(run):
        raise CheckpointError("MISSING_FILE", f"there is no folder {like}", "give that of a run", where="split.like")
    if not is_file(run / CASES_NAME):
        cure = "give the folder of a run; one of an earlier version has it after the same cinecor train once more"
        raise CheckpointError("MISSING_FILE", f"{like} has no {CASES_NAME}", cure, where="split.like")
    found = read_known(run).place_patients(studies)
    if not found:
        what = f"none of {len(studies)} studies is of a patient of {like}"
        raise DatasetError("BAD_SPLIT", what, "name a run on these pictures, or leave it out", where="split.like")
    return found


def keep_division(taken: Mapping[str, Split], run: Path) -> None:
    """Write the splits that a run took over, patient by patient, into its folder; nothing where it took none.

    Raises:
        StorageError: the folder cannot be written.
    """
    if taken:
        text = pd.DataFrame(sorted(taken.items()), columns=list(_COLUMNS)).to_csv(index=False, lineterminator="\n")
        storage.write_text(run / TAKEN_NAME, text)


def _read_taken(run: Path) -> dict[str, Split]:
    rows = read_csv(run / TAKEN_NAME, _COLUMNS)
    if any(row["split"] not in SPLITS for row in rows):
        raise DatasetError("BAD_SPLIT", "it names a split that is none", "copy the run again", where=TAKEN_NAME)
    return {row["patient"]: cast("Split", row["split"]) for row in rows}
