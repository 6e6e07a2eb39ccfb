"""Which frames are shown: the lowest of all, and others of other patients."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cinecor.evaluation.outline_examples import BEST, LOWEST, MEDIAN, choose_examples


def table(patients: str, dice: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"patient": list(patients), "dice": dice}, index=range(100, 100 + len(dice)))


def test_they_are_of_different_patients() -> None:
    rows = table("aaabbbccc", [0.1, 0.5, 0.99, 0.3, 0.52, 0.9, 0.6, 0.7, 0.8])
    # a has the lowest and the highest of all; the median of all is 0.6
    assert choose_examples(rows) == {BEST: 5, MEDIAN: 6, LOWEST: 0}


@pytest.mark.parametrize("seed", range(5))
def test_every_choice_is_the_extreme_of_what_is_left(seed: int) -> None:
    rng = np.random.default_rng(seed)
    dice, patients = rng.random(40).round(2), rng.integers(0, 6, 40).astype(str)
    found = choose_examples(pd.DataFrame({"patient": patients, "dice": dice}))
    assert list(found) == [BEST, MEDIAN, LOWEST]
    assert len({patients[place] for place in found.values()}) == 3
    assert dice[found[LOWEST]] == dice.min()
    others = dice[patients != patients[found[LOWEST]]]
    assert dice[found[BEST]] == others.max()
    third = ~np.isin(patients, patients[[found[LOWEST], found[BEST]]])
    away = np.abs(dice - np.median(dice))
    assert away[found[MEDIAN]] == away[third].min()


def test_one_patient_gives_three_frames_and_few_frames_few() -> None:
    assert choose_examples(table("aaaa", [0.2, 0.9, 0.6, 0.5])) == {BEST: 1, MEDIAN: 2, LOWEST: 0}
    assert choose_examples(table("ab", [0.9, 0.2])) == {BEST: 0, LOWEST: 1}
    assert choose_examples(table("a", [0.9])) == {LOWEST: 0}
    assert choose_examples(table("", [])) == {}
