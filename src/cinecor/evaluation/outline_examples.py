"""Frames of a test to look at: which of them, and what is drawn on each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, UInt8

LOWEST, MEDIAN, BEST = "lowest", "median", "best"


@dataclass(frozen=True, kw_only=True, eq=False)
class OutlineExample:
    """One frame with what a network outlined on it and what is so.

    Attributes:
        title: best, median or lowest.
        structure: which outline.
        study: whose frame it is.
        view: of the loop; empty where it is not known.
        frame: index in the loop.
        dice: of the two outlines.
        pixels: the recorded frame, grey.
        said: what the network's outline holds.
        true: what an expert's holds.
    """

    title: str
    structure: str
    study: str
    view: str
    frame: int
    dice: float
    pixels: UInt8[np.ndarray, "height width"]
    said: Bool[np.ndarray, "height width"]
    true: Bool[np.ndarray, "height width"]


def choose_examples(rows: pd.DataFrame) -> dict[str, int]:
    """The places of up to three frames of one structure, by ``BEST``, ``MEDIAN`` and ``LOWEST``, in this order.

    The lowest Dice coefficient is that of all frames; the highest and the one nearest to the median of all are those
    of other patients, as long as there are others. Of equal ones the first.

    Args:
        rows: with ``patient`` and ``dice``; a row a frame.

    Returns:
        Places in the table, from 0.
    """
    dice, patients = rows["dice"].to_numpy(float), rows["patient"].to_numpy()
    wanted = ((LOWEST, dice), (BEST, -dice), (MEDIAN, np.abs(dice - np.median(dice)) if len(dice) else dice))
    chosen: dict[str, int] = {}
    for title, distance in wanted:
        taken = np.array([*chosen.values()], dtype=np.int64)
        free = ~np.isin(patients, patients[taken])
        if not free.any():
            free = ~np.isin(np.arange(len(dice)), taken)
        if free.any():
            chosen[title] = int(np.flatnonzero(free)[distance[free].argmin()])
    return {title: chosen[title] for title in (BEST, MEDIAN, LOWEST) if title in chosen}
