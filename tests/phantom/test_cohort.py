"""Cohorts: order, processes, layouts."""

from __future__ import annotations

import numpy as np
import pytest

from cinecor import datasets
from cinecor.errors import ConfigError
from cinecor.phantom import population, view_study
from cinecor.phantom.cohort import MAKERS


def test_processes_change_nothing() -> None:
    alone = list(population("echonet_dynamic", studies=3, seed=4, max_frames=24))
    together = list(population("echonet_dynamic", studies=3, seed=4, max_frames=24, workers=2))
    assert [study.id for study in alone] == [study.id for study in together]
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.cines[0].source, other.cines[0].source)


def test_every_layout_that_can_be_written_is_made() -> None:
    assert set(MAKERS) == set(datasets.layouts())


def test_unknown_layouts_and_contradictions() -> None:
    with pytest.raises(ConfigError, match="UNKNOWN_KEY"):
        next(iter(population("sunnybrook", studies=1, seed=0)))
    with pytest.raises(ConfigError, match="CONFLICT"):
        next(iter(population("acdc", studies=1, seed=0, max_frames=9)))


def test_ids_carry_no_label() -> None:
    studies = list(population("echonet_dynamic", studies=4, seed=8, max_frames=24))
    assert len({study.id for study in studies}) == 4
    assert [study.id for study in studies] == [f"0008x{index:06d}" for index in range(4)]


def test_views_and_makes_can_be_chosen() -> None:
    chosen = population("view_folders", studies=3, seed=2, max_frames=2, views=["SSN", "CW"], scanners=["vela", "lyra"])
    studies = list(chosen)
    assert [study.labels["scanner"] for study in studies] == ["vela", "lyra", "vela"]
    assert all([cine.view for cine in study.cines] == ["SSN", "CW"] for study in studies)
    alone = view_study(1, 2, views=["CW"], frames=2, style="lyra").cines[0]
    np.testing.assert_array_equal(studies[1].cines[1].source, alone.source)
    for bad, code in (({"views": ["A6C"]}, "UNKNOWN_KEY"), ({"scanners": ["acme"]}, "UNKNOWN_KEY")):
        with pytest.raises(ConfigError, match=code):
            list(population("view_folders", studies=1, seed=0, **bad))
    for bad in ({"views": ["A4C"]}, {"split": "test"}, {"dual": 0.0}):
        with pytest.raises(ConfigError, match="CONFLICT"):
            population("camus", studies=1, seed=0, **bad)


def test_a_cohort_to_judge_on() -> None:
    for split in ("train", "validation", "test"):
        chosen = population("view_folders", studies=3, seed=2, max_frames=2, views=["CW"], split=split)
        assert [study.split for study in chosen] == [split] * 3


def test_how_many_stand_twice_can_be_chosen() -> None:
    def widths(dual: float) -> list[int]:
        cohort = population("view_folders", studies=8, seed=3, max_frames=2, views=["SSN"], dual=dual)
        return [study.cines[0].region[2] - study.cines[0].region[0] for study in cohort]

    single, half, twice = widths(0.0), widths(0.5), widths(1.0)
    assert all(few < many for few, many in zip(twice, single, strict=True))
    assert {each in (single[n], twice[n]) for n, each in enumerate(half)} == {True}
    assert 1 <= sum(each == twice[n] for n, each in enumerate(half)) <= 7
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        list(population("view_folders", studies=1, seed=0, dual=1.5))
