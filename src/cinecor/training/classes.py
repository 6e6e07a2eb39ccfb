"""Names as targets: a name is the place of its class, and the network has an output for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from cinecor.errors import DatasetError
from cinecor.evaluation.quantities import class_quantity
from cinecor.evaluation.table import is_quantity
from cinecor.records import Study
from cinecor.training.recipe_fields import Recipe

LEAST = 1e-4
"""Share from which the output of a class that the training split lacks starts, not from minus infinity."""


def list_classes(studies: Sequence[Study], target: str) -> tuple[str, ...]:
    """The names that occur, sorted.

    Raises:
        DatasetError: BAD_LABEL where there are fewer than two.
    """
    found = sorted({label for study in studies if isinstance(label := study.labels.get(target), str)})
    if len(found) < 2:
        what = f"{len(found)} name(s) occur as {target} in {len(studies)} studies, two are needed"
        raise DatasetError("BAD_LABEL", what, "choose another target, or loss.name bce for 0 or 1", where=target)
    return tuple(found)


def encode_classes(studies: Sequence[Study], target: str, classes: Sequence[str]) -> list[Study]:
    """The studies with the place of their class as the target; those without the label are left out.

    Raises:
        DatasetError: BAD_LABEL for a name that is no class, or where no study has one.
    """
    named = [study for study in studies if isinstance(study.labels.get(target), str)]
    unfit = [name for name in classes if not is_quantity(class_quantity(target, name))]
    if unfit:
        what = f"{unfit[0]!r} is no plain name for a class"
        raise DatasetError("BAD_LABEL", what, "use letters, digits, spaces and . + - _", where=target)
    strange = sorted({str(study.labels[target]) for study in named} - set(classes))
    if strange or not named:
        what = f"{', '.join(strange[:3])} is none of the classes" if strange else f"no study has a name as {target}"
        raise DatasetError("BAD_LABEL", what, f"the classes are {', '.join(classes)}", where=target)
    places = {name: float(place) for place, name in enumerate(classes)}
    return [replace(each, labels={**each.labels, target: places[str(each.labels[target])]}) for each in named]


def class_shares(targets: np.ndarray, classes: int) -> Float[np.ndarray, " class"]:
    """Share of each class, none below ``LEAST``."""
    counts = np.bincount(targets.astype(np.int64), minlength=classes)
    return np.maximum(counts / max(counts.sum(), 1), LEAST)


def weigh_classes(recipe: Recipe, clips: Iterable[Mapping[str, float]]) -> Float[Tensor, " class"] | None:
    """How much a training clip of each class, or of no and yes, counts; None where all count alike.

    ``balanced`` is all clips over the classes times the clips of the class, scikit-learn's.

    Args:
        recipe: names the classes.
        clips: the targets of every training clip.
    """
    if recipe.loss.class_weights == "none":
        return None
    places = Counter(int(targets[recipe.target]) for targets in clips)
    counts = [max(places[place], 1) for place in range(len(recipe.classes) or 2)]
    return torch.tensor([places.total() / (len(counts) * count) for count in counts])
