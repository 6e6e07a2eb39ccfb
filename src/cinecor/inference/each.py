"""Studies one after the other: what fails is said, and stops nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from cinecor import io
from cinecor.errors import CinecorError
from cinecor.inference.selection import path_of
from cinecor.records import Report, Study


def analyse_each(analyse: Callable[[Study], Report], studies: Iterable[Study]) -> Iterator[Report | io.Failure]:
    """A report of each study, or why there is none."""
    for study in studies:
        try:
            yield analyse(study)
        except CinecorError as error:
            yield io.Failure(path_of(study), error)
