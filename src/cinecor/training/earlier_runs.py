"""Patients of the runs that a training builds upon: whom those learned from, or were chosen by, is not tested on later.

Weights to start from and a mask's network have seen people, too. A patient whom one of them learned from is known to
it, whatever it learned of that patient, and figures of such a patient are no longer those of a stranger.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from cinecor.errors import DatasetError
from cinecor.models.absence import is_file
from cinecor.models.checkpoint import MANIFEST_NAME, Manifest, read_manifest
from cinecor.records import SPLITS, Split, Study
from cinecor.training.kept_cases import CASES_NAME, EARLIER_NAME, KeptCases, read_cases, write_rows
from cinecor.training.recipe_fields import LIKE, Recipe

JUDGED: tuple[Split, ...] = ("validation", "test")


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
    rows = {row for _, weights, _ in _list_weights(recipe) for row in read_known(weights).rows} | set(
        read_earlier(run).rows
    )
    if rows:
        write_rows(sorted(rows), run / EARLIER_NAME)


def refuse_learned(
    recipe: Recipe,
    splits: Mapping[Split, Sequence[Study]],
    studies: Sequence[Study],
    run: Path,
    say: Callable[[str], object],
) -> None:
    """Stop where somebody is validated or tested on whom a run that the recipe builds upon learned from, or tested on
    by whom its epoch was chosen. Not where slices are split, whose patients leak by definition.

    Args:
        recipe: says which weights it starts from and which draw its mask.
        splits: the cases of each.
        studies: of the data folder, all of them, whatever the recipe takes of them.
        run: the new run's folder, which knows those of an interrupted training where they are gone.
        say: told in one line what cannot be known: of runs without a list of their patients, and of names alike where
            the pictures are others.

    Raises:
        DatasetError: LEAKAGE; MISSING_FILE for a file that cannot be opened; a damaged table.
    """
    if recipe.split.by == "slice":
        return
    judged: dict[str, Split] = {study.patient_id: split for split in JUDGED for study in splits.get(split, ())}
    moved = _moved(judged, read_earlier(run).place_patients(studies))
    if moved:
        what = f"{moved} patients who are validated or tested on were learned from, or chosen by, in the runs before it"
        raise DatasetError("LEAKAGE", what, "give another folder, or the splits of its first call", where=run.name)
    for option, weights, manifest in _list_weights(recipe):
        for text in _tell_unknown(weights, manifest):
            say(f"{option}: {text}")
        kept = read_known(weights)
        before = kept.place_patients(studies)
        if moved := _moved(judged, before):
            who = f"{moved} of the {len(judged)} patients who are validated or tested on"
            what = f"{who} were learned from, or chosen by, in {weights}"
            raise DatasetError("LEAKAGE", what, _cure(recipe, weights), where=option)
        if named := len(set(judged) & set(kept.patients)) if not before else 0:
            say(
                f"{option}: {named} of the {len(judged)} patients who are validated or tested on bear names of patients"
                f" of {weights}, but no picture is known, and they were taken for other people"
            )


def _moved(judged: Mapping[str, Split], before: Mapping[str, Split]) -> int:
    return sum(is_earlier(before.get(patient), split) for patient, split in judged.items())


def _tell_unknown(weights: Path, manifest: Manifest) -> Iterator[str]:
    """Whose patients nobody has a list of; those of imported weights, ImageNet's among them, are none of ours."""
    if not is_file(weights / CASES_NAME):
        if "imported" not in manifest.extra:
            yield f"{weights} has no list of its patients; whether some of them are tested on is not known"
    elif not is_file(weights / EARLIER_NAME) and _builds_upon_runs(manifest):
        yield f"{weights} has no list of the patients of the runs before it; whether some are tested on is not known"


def _builds_upon_runs(manifest: Manifest) -> bool:
    own = "a training of cinecor"
    return bool(manifest.extra.get("mask")) or manifest.extra.get("start", {}).get("source") == own


def _cure(recipe: Recipe, weights: Path) -> str:
    """Taking its splits over; where another run's are, the two runs contradict each other."""
    other = recipe.split.like
    if recipe.split.by not in LIKE:
        return "for each fold give weights that were learned on the same fold, or weights from other people"
    if other is not None and Path(other).resolve() != weights.resolve():
        return f"train {weights} again with --split.like {shlex.quote(other)}, or give weights from other people"
    return f"take its splits over with --split.like {shlex.quote(str(weights))}, or give weights from other people"


def _list_weights(recipe: Recipe) -> Iterator[tuple[str, Path, Manifest]]:
    """The option, the folder and the manifest of each run that a recipe builds upon, where it is there and has not been
    trained anew since."""
    for option, part in (("start.weights", recipe.start), ("mask.weights", recipe.mask)):
        if part.weights is not None and is_file(Path(part.weights) / MANIFEST_NAME):
            manifest = read_manifest(Path(part.weights))
            if part.sha256 in ("", manifest.weights_sha256):
                yield option, Path(part.weights), manifest


def is_earlier(before: Split | None, now: Split | None) -> bool:
    """Whether somebody had a split before this one, of train, validation and test in this order."""
    return before is not None and now is not None and SPLITS.index(before) < SPLITS.index(now)


def read_known(run: Path) -> KeptCases:
    """The cases of a run and of those that it builds upon.

    Raises:
        DatasetError: a damaged table.
    """
    own = read_cases(run)
    return KeptCases((own.rows if own else ()) + read_earlier(run).rows)
