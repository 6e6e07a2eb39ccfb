"""From the figures of a heart to how much it is like each group of patients that a classifier has learned from."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from cinecor.errors import InputError
from cinecor.measures.short_axis import SURFACE, index_to_surface
from cinecor.models.tabular_file import SavedClassifier, load_classifier

ENOUGH = 0.5  # share of the figures that must be known: with less, what is typical would be diagnosed


class Diagnoser:
    """Probabilities of groups from named figures, those of ``measures.measure_stack``.

    Args:
        saved: the classifier and what it is.
        sha256: hash of its file; empty where it has none.
    """

    def __init__(self, saved: SavedClassifier, sha256: str = "") -> None:
        self._classifier = saved.classifier
        self.saved, self.name, self.sha256 = saved, saved.name, sha256

    @property
    def groups(self) -> tuple[str, ...]:
        """Names of the groups, in the order of the probabilities."""
        return tuple(self._classifier.groups)

    @property
    def synthetic(self) -> bool:
        """Whether it has learned from simulated hearts alone."""
        return bool(self.saved.training_data.get("synthetic"))

    def missing(self, features: Mapping[str, float]) -> tuple[str, ...]:
        """Names of the figures that it asks for and that are not known: those typical of its patients stand in."""
        return tuple(name for name in self._classifier.columns if not math.isfinite(features.get(name, math.nan)))

    def probabilities(self, features: Mapping[str, float]) -> dict[str, float]:
        """How probable each group is, adding up to 1.

        Where the body's size is not known, volumes are divided by the body surface that is typical of the patients it
        has learned from; other figures that are not known are replaced by their typical values.

        Args:
            features: figures by name, as ``measures.measure_stack`` and ``index_to_body`` give them; more do not harm.

        Raises:
            InputError: INCONSISTENT where fewer than half of the figures are known.
        """
        known = dict(features)
        if SURFACE not in known and SURFACE in self._classifier.columns:
            place = self._classifier.columns.index(SURFACE)
            known = index_to_surface(known, self._classifier.typical[place])
        count, missing = len(self._classifier.columns), len(self.missing(known))
        if missing > (1 - ENOUGH) * count:
            what = f"{missing} of the {count} figures that a diagnosis needs could not be measured"
            raise InputError("INCONSISTENT", what, "check the outlines")
        row = np.array([[known.get(name, math.nan) for name in self._classifier.columns]], dtype=np.float64)
        found = self._classifier.probabilities(row)[0]
        return dict(zip(self._classifier.groups, found.tolist(), strict=True))


def load_diagnoser(folder: Path) -> Diagnoser:
    """The classifier of a folder.

    Raises:
        CheckpointError: as ``models.tabular_file.load_classifier``.
    """
    return Diagnoser(*load_classifier(folder))
