"""What each loop of a study shows: its view is told where that is asked for, and it is measured where that leads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cinecor import io
from cinecor.errors import CinecorError, InputError, ResourceError
from cinecor.inference.by_beats import measure_beats
from cinecor.inference.by_clips import measure_clips
from cinecor.inference.by_outline import measure_outlines
from cinecor.inference.finding import Finding
from cinecor.inference.hypertrophy import Suspicion, suspect
from cinecor.inference.instruments import Instruments
from cinecor.inference.loop import summarise
from cinecor.inference.routing import Route, find_route
from cinecor.inference.view_telling import ViewTeller, asks
from cinecor.records import Cine, Frames

_NO_LOOP = ("NOT_RECOGNISED", "UNSUPPORTED")
"""Codes of what a loop shows; others are of a file that cannot be read."""


def look_at_all(instruments: Instruments, cines: Sequence[Cine]) -> list[Finding]:
    """What each loop shows; one that cannot be read stops no other, unless none can.

    Raises:
        CinecorError: of the first loop, where none can be read.
        ResourceError: OOM, whichever loop it comes with.
    """
    teller = instruments.teller_of(cines)
    findings, failures = [], []
    for index, cine in enumerate(cines):
        try:
            findings.append(_look(instruments, teller, cine, index))
        except ResourceError:  # says nothing of the loop: the next try may measure it
            raise
        except CinecorError as error:
            failures.append(error)
            reason = f"it could not be read ({error.code}: {error.what})"
            findings.append(Finding(summary=summarise(cine, index, cine.frames or 0), reason=reason))
    if failures and len(failures) == len(findings):
        raise failures[0]
    return findings


def _look(instruments: Instruments, teller: ViewTeller | None, cine: Cine, index: int) -> Finding:
    told = None
    if teller is not None and asks(cine):
        try:
            told = teller.tell(cine)
        except InputError as error:
            return _unreadable(cine, index, error)
        cine = replace(cine, view=told.view)
    route = find_route(instruments, cine, told)
    found = _refused(route, cine, index) if route.nowhere else _follow(instruments, route, cine, index)
    return replace(found, summary=replace(found.summary, told=told))


def _refused(route: Route, cine: Cine, index: int) -> Finding:
    """A loop of which its route says why nothing, or no EF, is measured."""
    return Finding(
        summary=summarise(cine, index, cine.frames or 0),
        reason=route.ef,
        lacks=route.missing,
        hypertrophy=Suspicion(reason=route.hypertrophy),
    )


def _follow(instruments: Instruments, route: Route, cine: Cine, index: int) -> Finding:
    """The loop is measured wherever its route leads."""
    try:
        frames = io.load(cine)
    except InputError as error:
        return _unreadable(cine, index, error)
    found = _refused(route, cine, index) if route.ef else _measure(instruments, cine, index, frames)
    said = Suspicion(reason=route.hypertrophy)
    if instruments.hypertrophy is not None and not route.hypertrophy:
        said = suspect(instruments.hypertrophy, cine, index, frames)
    return replace(found, hypertrophy=said)


def _measure(instruments: Instruments, cine: Cine, index: int, recorded: Frames) -> Finding:
    """The ejection fraction of a loop."""
    try:
        if instruments.outliner is not None:
            return measure_beats(instruments.ef, instruments.outliner, cine, index, recorded)
        measure = measure_outlines if instruments.ef.network.dense else measure_clips
        return measure(instruments.ef, cine, index, recorded)
    except InputError as error:
        return _unreadable(cine, index, error)


def _unreadable(cine: Cine, index: int, error: InputError) -> Finding:
    """A loop that shows no heart; a file that cannot be read is its caller's to count."""
    if error.code not in _NO_LOOP:
        raise error
    return Finding(summary=summarise(cine, index, cine.frames or 0), reason=error.what)
