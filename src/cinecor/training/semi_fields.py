"""What a recipe may say of few labels, and of clips that have none."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from cinecor.training.mirror import Part


class SemiPart(Part):
    """Learning from few labels, and from clips without any."""

    method: Literal["none", "gan", "fixmatch"] = "none"
    """none: from cases with labels alone. gan: the network also learns to tell real clips from those of a generator
    (paper 004); model gan. fixmatch: what it is sure of in a clip it learns for a strongly varied one."""
    labels_per_class: Annotated[int, Field(ge=0)] = 0
    """So many cases of each class of the training split keep their label, drawn patient by patient; 0: all. In gan and
    fixmatch the clips without labels are those of the whole training split, and an epoch is each of them once."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of that draw, apart from the training's, so that trainings from the same labels can be averaged. What is drawn
    for a smaller number is part of what is drawn for a larger one."""
    ratio: Annotated[int, Field(ge=1)] = 1
    """Clips without labels for each labelled one, of which `batch_size` are in a batch; FixMatch has 7."""
    weight: Annotated[float, Field(ge=0)] = 1.0
    """Of the loss of clips without labels, and of generated ones; Salimans' code has 0.5."""
    average: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """What is validated, tested and kept is a running mean of the weights, which keeps this part of itself in each step
    (less in the first ones): FixMatch has 0.999, Salimans 0.9999. 0: the weights as they are."""
    threshold: Annotated[float, Field(ge=0, le=1)] = 0.95
    """In fixmatch: the probability from which the network is sure."""
    strong: str = "wide"
    """In fixmatch: the preset of the strong variation; the weak one is `augmentation`."""
    matching: Literal["mse", "mean"] = "mse"
    """In gan, what the generator minimises. mse: the squared difference of the embeddings of a generated and a real
    clip, as the paper has it. mean: the absolute difference of their batches' means, as Salimans does."""
    noise: Annotated[int, Field(ge=1)] = 100
    """In gan: numbers that a clip is generated from."""
    noise_kind: Literal["normal", "uniform"] = "normal"
    """In gan: normal, as the paper has it; uniform, from 0 to 1, as Salimans does."""
    generator_width: Annotated[int, Field(ge=1)] = 32
    """In gan: filters of the generator before its last layer; up to eight times as many further back."""
