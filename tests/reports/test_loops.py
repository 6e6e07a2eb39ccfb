from __future__ import annotations

from dataclasses import replace

from cinecor.reports.loops import runs


def numbers(cines, key) -> list[list[int]]:
    return [[cine.index for cine in run] for run in runs(cines, key)]


def test_runs(make_stack) -> None:
    cines = make_stack(7).cines
    assert numbers(cines, lambda cine: cine.view) == [[0, 1, 2, 3, 4, 5, 6]]
    assert numbers(cines, lambda cine: cine.index) == [[0], [1], [2], [3], [4], [5], [6]]
    assert numbers(cines, lambda cine: cine.index // 3) == [[0, 1, 2], [3, 4, 5], [6]]
    assert numbers(cines, lambda cine: cine.index % 2) == [[0], [1], [2], [3], [4], [5], [6]]
    assert numbers((), lambda cine: 0) == []


def test_numbers_that_do_not_follow_are_apart(make_stack) -> None:
    cines = make_stack(6).cines
    assert numbers((*cines[1:3], *cines[4:]), lambda cine: 0) == [[1, 2], [4, 5]]
    assert numbers(cines[::-1], lambda cine: 0) == [[5], [4], [3], [2], [1], [0]]
    same = (cines[0], replace(cines[0]))
    assert numbers(same, lambda cine: 0) == [[0], [0]]
