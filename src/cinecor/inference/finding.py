"""What came of one loop."""

from __future__ import annotations

from dataclasses import dataclass, field

from cinecor.inference.hypertrophy import Suspicion
from cinecor.records import BeatEf, CineSummary, Curve, Measurement, Picture

EF, ALL = "ef", "measurements"
"""What a loop may lack."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Finding:
    """Ejection fractions of one loop, or why there are none."""

    summary: CineSummary
    values: tuple[tuple[int, float], ...] = ()
    """(first frame, EF) of each clip or beat that is averaged."""
    details: tuple[Measurement, ...] = ()
    """Of this loop alone: its beats, its volumes."""
    missing: tuple[tuple[str, str], ...] = ()
    """(what, reason) of quantities that this loop could have given and did not."""
    reason: str = ""
    """Why no EF was measured; empty where ``values`` are there."""
    lacks: str = EF
    """What was not measured for that reason: EF, or all there is."""
    hypertrophy: Suspicion = field(default_factory=Suspicion)
    """What was said of hypertrophy, where it was asked for."""
    warnings: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    curves: tuple[Curve, ...] = ()
    beats: tuple[BeatEf, ...] = ()
    """Where a segmentation found them and a network of clips judged them one by one."""
    outline_ef: float | None = None
    """EF by outlines, %, where it stands beside that of a network of clips."""
