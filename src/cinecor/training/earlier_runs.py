"""Patients of the runs that a training builds upon: whom those learned from, or were chosen by, is not tested on later.

Weights to start from and a mask's network have seen people, too. A patient whom one of them learned from is known to
it, whatever it learned of that patient, and figures of such a patient are no longer those of a stranger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from cinecor.errors import DatasetError
from cinecor.models.absence import check_there, is_file
from cinecor.records import SPLITS, Split, Study
from cinecor.training.kept_cases import CASES_NAME, EARLIER_NAME, KeptCases, read_cases, write_rows
from cinecor.training.recipe_fields import LIKE, Recipe


def read_division(run: Path, studies: Sequence[Study]) -> dict[str, Split]:
    """The split that a run, or one that it builds upon, has each of its patients in, by name of the study; others are
    not among them.

    Args:
        run: its folder.
        studies: of one data folder, known by their pictures, wherever the files lie and whatever they are called.

    Raises:
        CheckpointError: MISSING_FILE where the run is not there, or is of a version that kept no list of its cases.
        DatasetError: MISSING_FILE for a file that cannot be opened; a damaged table.
    """
    check_there(run, (CASES_NAME,))
    return _read(run).divide(studies)


def read_earlier(run: Path) -> KeptCases:
    """The cases of all runs that a run builds upon; none where it builds upon none, or they have no list.

    Raises:
        DatasetError: a damaged table.
    """
    return read_cases(run, EARLIER_NAME) or KeptCases(())


def keep_earlier(recipe: Recipe, run: Path) -> None:
    """Write the cases of the runs that a recipe builds upon into the run's own folder, where there are some.

    Raises:
        StorageError: the folder cannot be written.
        DatasetError: a damaged table.
    """
    rows = {row for _, weights in _list_weights(recipe) for row in _read(weights).rows}
    if rows:
        write_rows(sorted(rows), run / EARLIER_NAME)


def refuse_learned(recipe: Recipe, splits: Mapping[Split, Sequence[Study]], say: Callable[[str], object]) -> None:
    """Stop where somebody is validated or tested on whom a run that the recipe builds upon had in an earlier split.

    Args:
        recipe: says which weights it starts from and which draw its mask.
        splits: the cases of each.
        say: told in one line what cannot be known: of weights without a list of their patients, and of names alike
            where the pictures are others.

    Raises:
        DatasetError: LEAKAGE; as :func:`read_division`.
    """
    for option, weights in _list_weights(recipe):
        if not is_file(weights / CASES_NAME):
            say(f"{option}: {weights} has no list of its patients; whether some of them are tested on is not known")
            continue
        moved, named, many = _compare(_read(weights), splits)
        if moved:
            what = f"{moved} of the {many} patients who are validated or tested on had an earlier split in {weights}"
            like = f"--split.like {weights}" + ("" if recipe.split.by in LIKE else " --split.by patient")
            cure = f"take its splits over with {like}, or give weights that were learned from other people"
            raise DatasetError("LEAKAGE", what, cure, where=option)
        if named:
            say(
                f"{option}: {named} of the {many} patients who are validated or tested on are called as patients of"
                f" {weights}, but have other pictures, and were taken for other people"
            )


def _list_weights(recipe: Recipe) -> Iterator[tuple[str, Path]]:
    """The option and the folder of each run that a recipe builds upon, where it is there."""
    for option, weights in (("start.weights", recipe.start.weights), ("mask.weights", recipe.mask.weights)):
        if weights is not None and Path(weights).is_dir():
            yield option, Path(weights)


def _compare(kept: KeptCases, splits: Mapping[Split, Sequence[Study]]) -> tuple[int, int, int]:
    """Patients who are judged and had an earlier split; those who have no more than the name of one; all who are."""
    judged = [(study, split) for split, studies in splits.items() if split != "train" for study in studies]
    before = kept.divide([study for study, _ in judged])
    moved = {
        study.patient_id
        for study, split in judged
        if study.id in before and SPLITS.index(before[study.id]) < SPLITS.index(split)
    }
    others = {study.patient_id for study, _ in judged if study.id not in before}
    return len(moved), len(others & set(kept.patients)), len({study.patient_id for study, _ in judged})


def _read(run: Path) -> KeptCases:
    """What is known of a run and of those that it builds upon."""
    own = read_cases(run)
    return KeptCases((own.rows if own else ()) + read_earlier(run).rows)
