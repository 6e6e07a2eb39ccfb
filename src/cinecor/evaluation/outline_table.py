"""Outlines of several trainings in one table: Dice coefficients with intervals, and cross-entropy beside a paper's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cinecor.evaluation.segmentation import Overlap, figure


@dataclass(frozen=True, kw_only=True)
class OutlineRow:
    """One training of outlines, or all folds of one."""

    name: str
    variant: str = ""
    seed: int = 0
    overlaps: tuple[Overlap, ...] = ()
    frames: int = 0
    cross_entropy: float | None = None
    """Mean over the pixels of the tested frames."""
    published: float | None = None
    """The same in the paper."""
    failure: str = ""


def tabulate_outlines(rows: Sequence[OutlineRow]) -> str:
    """The table as Markdown: a line for each training and structure."""
    lines = [
        "| row | seed | structure | patients | frames | Dice | HD95 (mm) | cross-entropy | published |",
        "|---|--:|---|--:|--:|---|---|--:|--:|",
    ]
    for row in rows:
        title = f"`{row.name}`" + (f", {row.variant}" if row.variant else "")
        if row.failure:
            lines.append(f"| {title} | {row.seed} | failed: {row.failure} | | | | | | {_entropy(row.published)} |")
        for each in row.overlaps:
            cells = (each.structure, each.patients, row.frames, figure(each.dice, 3), figure(each.hd95, 2))
            listed = " | ".join(map(str, (title, row.seed, *cells, _entropy(row.cross_entropy))))
            lines.append(f"| {listed} | {_entropy(row.published)} |")
    return "\n".join(lines) + "\n"


def _entropy(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
