"""A straight line from what outlines measure to what is true, learned on the training split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from cinecor.training.prediction import Said

FEWEST = 10  # studies; fewer say nothing of a slope


@dataclass(frozen=True)
class Line:
    """``intercept + slope * value``, kept within 0 to 100 %."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, value: float) -> float:
        """The corrected value."""
        return float(np.clip(self.intercept + self.slope * value, 0.0, 100.0))

    def correct(self, rows: Sequence[Said]) -> list[Said]:
        """The rows with corrected values."""
        return [replace(row, value=self(row.value)) for row in rows]


def fit_line(rows: Sequence[Said], target: str) -> Line:
    """Least squares of truth on the mean over each study's rows; no correction from very few studies.

    Single-plane discs, smoothing and what the network does not resolve all bend EF a little, about linearly.
    """
    by_study: dict[str, list[float]] = {}
    for row in rows:
        by_study.setdefault(row.study, []).append(row.value)
    truth = {row.study: row.targets[target] for row in rows}
    said = np.array([np.mean(values) for values in by_study.values()])
    true = np.array([truth[study] for study in by_study])
    if len(by_study) < FEWEST or np.ptp(said) == 0.0:
        return Line()
    slope, intercept = np.polyfit(said, true, 1)
    return Line(slope=float(slope), intercept=float(intercept))
