"""Folds of a cross-validation: each study carries the one in which it is tested, and splits follow from that.

Where a data set is published with folds (CAMUS's ten subgroups, EchoNet-Pediatric's Split 0 to 9), its reader gives
every study the label ``fold``, counted from 0. Fold i of the protocol tests on the studies of fold i, chooses by those
of the next (after the last comes the first) and trains on the others, in both data sets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cinecor.errors import ConfigError, DatasetError
from cinecor.records import Split, Study

FOLD = "fold"
FEWEST = 3  # one to test on, one to choose by, one to train on


def folds(studies: Sequence[Study]) -> tuple[int, ...]:
    """The folds that occur, in order; empty where no study has one.

    Raises:
        DatasetError: BAD_SPLIT where only some studies have a fold, or one is no whole number from 0.
    """
    known = [study.labels[FOLD] for study in studies if FOLD in study.labels]
    if known and len(known) < len(studies):
        what = f"{len(studies) - len(known)} of {len(studies)} studies have no fold"
        raise DatasetError("BAD_SPLIT", what, "complete the lists of the folds")
    if not all(isinstance(fold, int | float) and fold >= 0 and fold == int(fold) for fold in known):
        raise DatasetError("BAD_SPLIT", "a fold is no whole number from 0", "correct it")
    return tuple(sorted({int(fold) for fold in known}))


def assign(studies: Sequence[Study], test: int) -> list[Study]:
    """The studies with the splits of one fold: ``test`` is tested on, the next one is the validation split.

    Args:
        studies: every study, each with the label ``fold``.
        test: which fold is tested on.

    Raises:
        ConfigError: OUT_OF_RANGE for a fold that there is not.
        DatasetError: BAD_SPLIT where studies lack a fold or there are fewer than three; LEAKAGE where a patient is in
            several.
    """
    known = folds(studies)
    if len(known) < FEWEST:
        raise DatasetError("BAD_SPLIT", f"there are {len(known)} folds, {FEWEST} are needed", "add their lists")
    if test not in known:
        cure = f"choose one from {known[0]} to {known[-1]}"
        raise ConfigError("OUT_OF_RANGE", f"there is no fold {test}", cure, where=FOLD)
    seen: dict[str, float | str] = {}
    shared = {
        study.patient_id
        for study in studies
        if seen.setdefault(study.patient_id, study.labels[FOLD]) != study.labels[FOLD]
    }
    if shared:
        raise DatasetError("LEAKAGE", f"{len(shared)} patients are in more than one fold", "repair the lists")
    following = known[(known.index(test) + 1) % len(known)]
    names: dict[int, Split] = {test: "test", following: "validation"}
    return [replace(study, split=names.get(int(study.labels[FOLD]), "train")) for study in studies]
