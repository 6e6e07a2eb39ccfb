"""Loops that follow one another and of which the same is to be said: the slices of a short-axis stack."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from itertools import groupby

from cinecor.records import CineSummary


def runs(cines: Sequence[CineSummary], key: Callable[[CineSummary], Hashable]) -> Iterator[list[CineSummary]]:
    """The loops in their order, those together whose numbers follow one another and whose ``key`` is the same."""

    def place(item: tuple[int, CineSummary]) -> tuple[int, Hashable]:
        position, cine = item
        return cine.index - position, key(cine)

    for _, members in groupby(enumerate(cines), key=place):
        yield [cine for _, cine in members]
