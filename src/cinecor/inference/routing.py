"""Where a loop goes by its view: to ejection fraction, to hypertrophy, or nowhere, and then why.

The second step of paper 004's pipeline (figure 6): of fifteen views that of four chambers goes to what measures it. A
loop whose view nobody states and nobody was asked for is tried; one that networks could not tell is not.
"""

from __future__ import annotations

from dataclasses import dataclass

from cinecor.inference import hypertrophy
from cinecor.inference.finding import ALL, EF
from cinecor.inference.instruments import Instruments
from cinecor.inference.selection import refusal
from cinecor.records import Cine, ToldView

FOUR_CHAMBERS = "A4C"
"""Where EF is measured unless the weights are of another view: that of single-plane networks, and of the paper."""

UNKNOWN = "the view is unknown ({doubt}); if it is apical all the same, analyse it with --views none"
NOTHING = "the view is told to be {view}, in which nothing is measured yet"
NOT_EF = "the view is told to be {view}, in which EF is not measured"


@dataclass(frozen=True, kw_only=True)
class Route:
    """What is done with a loop. A reason says why something is not; it is empty where it is."""

    ef: str
    hypertrophy: str
    missing: str = EF
    """What is not done for the reason ``ef``: EF, or all there is."""

    @property
    def nowhere(self) -> bool:
        """Whether no network is asked about the loop's heart."""
        return bool(self.ef and self.hypertrophy)


def find_route(instruments: Instruments, cine: Cine, told: ToldView | None) -> Route:
    """The way of a loop.

    Args:
        instruments: what there is to go to.
        cine: the loop, with the view that was told where one was.
        told: what was said of its view; None where nobody was asked.
    """
    judge = instruments.hypertrophy
    suspected = "nobody asked" if judge is None else hypertrophy.refusal(cine, judge.view)
    if told is None:
        return Route(ef=refusal(cine, instruments.ef.spec, instruments.ef.view), hypertrophy=suspected)
    if told.view is None:
        return Route(ef=UNKNOWN.format(doubt=told.doubt), hypertrophy="no view is told", missing=ALL)
    if told.view != (instruments.ef.view or FOUR_CHAMBERS):
        reason, missing = (NOTHING, ALL) if suspected else (NOT_EF, EF)
        return Route(ef=reason.format(view=told.view), hypertrophy=suspected, missing=missing)
    return Route(ef=refusal(cine, instruments.ef.spec, instruments.ef.view), hypertrophy=suspected)
