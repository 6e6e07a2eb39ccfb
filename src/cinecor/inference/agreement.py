"""When two ways to one ejection fraction contradict each other: a network of clips, and outlines of the same loops.

Each way has the half-width of its own conformal interval, made from how far it missed on validation patients. Where
the two values are further apart than both half-widths together, the two intervals have no EF in common: whatever the
truth is, at least one of them does not hold it. That is no matter of chance or of how the errors hang together, which
is why the sum is taken and not a smaller figure that assumes independent errors.

A poor network has a wide interval, and two wide intervals always meet. So no half-width counts for more than a good
network's: beyond that sum at least one of the two misses by more than a good network does, and that is worth saying.
"""

from __future__ import annotations

from cinecor.inference.predictor import Predictor

GOOD_HALF_WIDTH = 9.1
"""Points of EF, the most that either way may miss by: 1.645 times EchoNet-Dynamic's published RMSE of 5.56 for one
clip, which is the 90 % half-width of normal errors of that size. Taken too for weights that bring no calibration."""

_WARNING = (
    "EF by clips ({clips:.0f} %) and by outlines ({outlines:.0f} %) differ by {apart:.1f} points, "
    "more than {limit:.1f}: at least one of the two is wrong"
)


def tolerated(predictor: Predictor, outliner: Predictor) -> float:
    """Points of EF up to which the two may differ."""
    widths = (predictor.half_width, outliner.half_width)
    return sum(GOOD_HALF_WIDTH if width is None else min(width, GOOD_HALF_WIDTH) for width in widths)


def contradiction(ef: float, outline_ef: float, limit: float) -> str:
    """The warning; empty where the two agree."""
    apart = abs(ef - outline_ef)
    return _WARNING.format(clips=ef, outlines=outline_ef, apart=apart, limit=limit) if apart > limit else ""
