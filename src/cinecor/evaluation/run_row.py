"""One training of a comparison: what it predicted, learned and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import UInt8

Pictures: TypeAlias = UInt8[np.ndarray, "picture height width channel"]
"""Grey or RGB."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RunRow:
    """One training: a model with one seed."""

    name: str
    family: str
    variant: str
    seed: int
    pairs: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """By split what was predicted beside what is true, as ``table.pair`` gives it, or ``class_table.by_study``."""
    history: pd.DataFrame | None = None
    """The run's metrics.csv: one row an epoch, ``epoch train_loss validation_loss`` and more."""
    published: Mapping[str, Any] | None = None
    """Figures of a paper; others, and those that are None, are passed over."""
    cost: Mapping[str, float | int] = field(default_factory=dict)
    failure: str = ""
    """Why there is nothing; empty where it ended well."""
    warning: str = ""
    """What must not be overlooked in its figures; stands in every table."""
    clips: pd.DataFrame | None = None
    """Of classes the test split clip by clip, as ``class_table.by_clip`` gives it."""
    kept: int | None = None
    """Epoch whose weights were kept, from 1; None where nobody said."""
    setting: Mapping[str, float] = field(default_factory=dict)
    """What a study may vary: ``height width`` of clips, ``labels_per_class`` where few were kept."""
    samples: Mapping[int, Pictures] = field(default_factory=dict)
    """What its generator made after some epochs."""
    case: Literal["study", "loop", "frame", "masked"] = "study"
    """What is predicted and counted as one, and called ``study`` in the tables."""
    apart: str = ""
    """Trainings of another name here are tested on other studies, and are not set against this one two by two."""


def best_epoch(history: pd.DataFrame, kept: int | None = None) -> int:
    """Place of the epoch whose weights were kept: the one that is said, else the lowest validation RMSE, or loss where
    no RMSE was written."""
    if kept is not None:
        return int(np.flatnonzero(history["epoch"].to_numpy() == kept)[0])
    watched = history["validation_rmse" if "validation_rmse" in history.columns else "validation_loss"]
    return int(np.argmin(watched.to_numpy(dtype=np.float64)))
