"""Networks that outline the same structures, asked together: the mean of their probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt8

from cinecor.clips.labelling import choose_labels, restore
from cinecor.clips.neighbours import show_neighbours
from cinecor.clips.orientation import find_turn
from cinecor.clips.preparation import Prepared, prepare_located
from cinecor.errors import CheckpointError
from cinecor.inference.predictor import Predictor
from cinecor.inference.stack import Stack
from cinecor.io import load
from cinecor.records import STRUCTURES, ClipSpec

TOGETHER = 64
"""Frames that the networks see at once, of whole slices; bounds memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlines:
    """A stack whose every pixel has a label at every phase."""

    labels: UInt8[np.ndarray, "phase slice height width"]
    """On the recorded grid; slices in the stack's order."""
    prepared: tuple[Prepared, ...]
    """What the networks saw of each slice, a frame a phase."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ensemble:
    """One network, or those of the folds of a cross-validation."""

    predictors: tuple[Predictor, ...]
    structures: tuple[str, ...]

    @property
    def spec(self) -> ClipSpec:
        """What all of them were trained on."""
        return self.predictors[0].spec

    @property
    def name(self) -> str:
        """The network, and how many of it."""
        model, count = self.predictors[0].manifest.model, len(self.predictors)
        return model if count == 1 else f"{model}, mean of {count} networks"

    def outline(self, stack: Stack) -> Outlines:
        """The label of every pixel of every slice at every phase.

        Raises:
            InputError, LimitError: a slice that cannot be read.
            ResourceError: OOM.
        """
        prepared = tuple(self._prepare(stack, place) for place in range(len(stack.cines)))
        together = max(1, TOGETHER // stack.phases)
        labels = [
            label
            for first in range(0, len(prepared), together)
            for label in self._label(stack, prepared, range(first, min(first + together, len(prepared))))
        ]
        return Outlines(labels=np.stack(labels, axis=1), prepared=prepared)

    def _prepare(self, stack: Stack, place: int) -> Prepared:
        cine = stack.cines[place]
        made = prepare_located(load(cine), cine, self.spec, mask=self.predictors[0].mask)
        rows = [min(stack.frame(place, phase), len(made.frames) - 1) for phase in range(stack.phases)]
        return Prepared(made.frames[rows], made.square)

    def _label(
        self, stack: Stack, prepared: Sequence[Prepared], places: range
    ) -> list[UInt8[np.ndarray, "phase height width"]]:
        """Labels of a few slices of all that were prepared."""
        turn, of_all = find_turn(stack.cines[0].directions), [each.frames for each in prepared]
        shown = np.concatenate([show_neighbours(of_all, place, self.spec.neighbours) for place in places])
        maps = turn.undo(self.maps(turn.apply(shown)))
        found = []
        for number, place in enumerate(places):
            height, width = (getattr(stack.cines[place], side) for side in ("height", "width"))
            own, square = maps[number * stack.phases : (number + 1) * stack.phases], prepared[place].square
            found.append(
                np.stack([choose_labels(restore(map_, square, height, width), self.structures) for map_ in own])
            )
        return found

    def maps(
        self, frames: UInt8[np.ndarray, "time channel height width"]
    ) -> Float32[np.ndarray, "time structure height width"]:
        """Mean probability of each structure in each pixel of prepared frames."""
        total = self.predictors[0].structure_maps(frames)
        for predictor in self.predictors[1:]:
            total += predictor.structure_maps(frames)
        total /= len(self.predictors)
        return total


def join(predictors: Sequence[Predictor]) -> Ensemble:
    """Networks as one, where they were trained to the same end.

    Raises:
        CheckpointError: MISMATCH where structures or clips differ, or a network does not outline all of a heart.
    """
    first = predictors[0]
    structures = structures_of(first)
    if sorted(structures) != sorted(STRUCTURES):
        what = f"it outlines {', '.join(structures) or 'nothing by name'}, not {', '.join(STRUCTURES)}"
        raise CheckpointError("MISMATCH", what, "train again on short-axis cine MRI", where=first.manifest.model)
    for other in predictors[1:]:
        if structures_of(other) != structures or other.spec != first.spec:
            what = "the networks differ in what they outline or in the clips that they see"
            raise CheckpointError("MISMATCH", what, "train them with one recipe", where=other.manifest.model)
    return Ensemble(predictors=tuple(predictors), structures=structures)


def structures_of(predictor: Predictor) -> tuple[str, ...]:
    """What a network's outputs stand for; empty where its manifest names nothing."""
    named = predictor.manifest.extra.get("structures", ())
    return tuple(str(name) for name in named) if len(named) == predictor.network.num_outputs else ()
