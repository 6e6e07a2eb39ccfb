"""Patients of the runs that a training builds upon: whom those learned from, or were chosen by, is not tested on later.

Weights to start from and a mask's network have seen people, too. A patient whom one of them learned from is known to
it, whatever it learned of that patient, and figures of such a patient are no longer those of a stranger.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from cinecor.errors import CheckpointError, DatasetError
from cinecor.models.absence import is_file, is_folder
from cinecor.records import SPLITS, Split, Study
from cinecor.training.kept_cases import CASES_NAME, EARLIER_NAME, KeptCases, read_cases, write_rows
from cinecor.training.recipe_fields import LIKE, Recipe


def read_division(like: str, studies: Sequence[Study], own: Path | None = None) -> dict[str, Split]:
    """The split that a run, or one that it builds upon, has each of its patients in, by name of the study; others are
    not among them.

    Args:
        like: the run's folder, as ``split.like`` names it.
        studies: of one data folder, known by their pictures, wherever the files lie and whatever they are called.
        own: folder of the run that takes the splits over, asked in its place where that is gone: it has them by now.

    Raises:
        CheckpointError: MISSING_FILE where the run is not there, or is of a version that kept no list of its cases.
        DatasetError: BAD_SPLIT where nobody is one of its patients; MISSING_FILE for a file that cannot be opened; a
            damaged table.
    """
    run = Path(like)
    if own is not None and not is_file(run / CASES_NAME) and is_file(own / CASES_NAME):
        run = own
    if not is_folder(run):
        raise CheckpointError("MISSING_FILE", f"there is no folder {like}", "give that of a run", where="split.like")
    if not is_file(run / CASES_NAME):
        cure = (
            "give the folder of a run; where it is one of an earlier version, train it once more, which adds the file"
        )
        raise CheckpointError("MISSING_FILE", f"{like} has no {CASES_NAME}", cure, where="split.like")
    found = _read(run).divide(studies)
    if not found:
        what = f"none of {len(studies)} cases is of a patient of {like}"
        raise DatasetError("BAD_SPLIT", what, "name a run on these pictures, or leave it out", where="split.like")
    return found


def read_earlier(run: Path) -> KeptCases:
    """The cases of all runs that a run builds upon; none where it builds upon none, or they have no list.

    Raises:
        DatasetError: a damaged table.
    """
    return read_cases(run, EARLIER_NAME) or KeptCases(())


def keep_earlier(recipe: Recipe, run: Path) -> None:
    """Write the cases of the runs that a recipe builds upon into the run's own folder, where there are some, beside
    those that are there already.

    Raises:
        StorageError: the folder cannot be written.
        DatasetError: a damaged table.
    """
    rows = {row for _, weights in _list_weights(recipe) for row in _read(weights).rows} | set(read_earlier(run).rows)
    if rows:
        write_rows(sorted(rows), run / EARLIER_NAME)


def refuse_learned(
    recipe: Recipe, splits: Mapping[Split, Sequence[Study]], run: Path, say: Callable[[str], object]
) -> None:
    """Stop where somebody is validated or tested on whom a run that the recipe builds upon learned from, or tested on
    by whom its epoch was chosen.

    Args:
        recipe: says which weights it starts from and which draw its mask.
        splits: the cases of each.
        run: the new run's folder, which knows those of an interrupted training where they are gone.
        say: told in one line what cannot be known: of weights without a list of their patients, and of names alike
            where the pictures are others.

    Raises:
        DatasetError: LEAKAGE; MISSING_FILE for a file that cannot be opened; a damaged table.
    """
    if (moved := _compare(read_earlier(run), splits)[0]) > 0:
        what = f"{moved} patients who are validated or tested on were learned from, or chosen by, in the runs before it"
        raise DatasetError("LEAKAGE", what, "give another folder, or the splits of its first call", where=run.name)
    for option, weights in _list_weights(recipe):
        if not is_file(weights / CASES_NAME):
            say(f"{option}: {weights} has no list of its patients; whether some of them are tested on is not known")
            continue
        moved, named, many = _compare(_read(weights), splits)
        if moved:
            who = f"{moved} of the {many} patients who are validated or tested on"
            what = f"{who} were learned from, or chosen by, in {weights}"
            raise DatasetError("LEAKAGE", what, _cure(recipe, weights), where=option)
        if named:
            say(
                f"{option}: {named} of the {many} patients who are validated or tested on are called as patients of"
                f" {weights}, but have other pictures, and were taken for other people"
            )


def _cure(recipe: Recipe, weights: Path) -> str:
    """Taking its splits over; where another run's are, the two runs contradict each other."""
    other = recipe.split.like
    if other is not None and Path(other).resolve() != weights.resolve():
        return f"train {weights} again with --split.like {shlex.quote(other)}, or give weights from other people"
    like = f"--split.like {shlex.quote(str(weights))}" + ("" if recipe.split.by in LIKE else " --split.by patient")
    return f"take its splits over with {like}, or give weights from other people"


def _list_weights(recipe: Recipe) -> Iterator[tuple[str, Path]]:
    """The option and the folder of each run that a recipe builds upon, where it is there."""
    for option, weights in (("start.weights", recipe.start.weights), ("mask.weights", recipe.mask.weights)):
        if weights is not None and is_folder(Path(weights)):
            yield option, Path(weights)


def _compare(kept: KeptCases, splits: Mapping[Split, Sequence[Study]]) -> tuple[int, int, int]:
    """Patients who are judged and had an earlier split; those who have no more than the name of one; all who are."""
    judged = [(study, split) for split, studies in splits.items() if split != "train" for study in studies]
    before = kept.divide([study for study, _ in judged])
    moved = {study.patient_id for study, split in judged if is_earlier(before.get(study.id), split)}
    others = {study.patient_id for study, _ in judged if study.id not in before}
    return len(moved), len(others & set(kept.patients)), len({study.patient_id for study, _ in judged})


def is_earlier(before: Split | None, now: Split | None) -> bool:
    """Whether somebody had a split before this one, of train, validation and test in this order."""
    return before is not None and now is not None and SPLITS.index(before) < SPLITS.index(now)


def _read(run: Path) -> KeptCases:
    """What is known of a run and of those that it builds upon."""
    own = read_cases(run)
    return KeptCases((own.rows if own else ()) + read_earlier(run).rows)
