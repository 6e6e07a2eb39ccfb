"""The row of a paper that a recipe stands for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from cinecor.training.mirror import Part


class PublishedPart(Part):
    """The row of a paper that a recipe stands for, to be printed beside our own."""

    source: str
    """Paper, table and row."""
    row: Annotated[int, Field(ge=0)] = 0
    """Number of the experiment in a benchmark."""
    family: str = ""
    """Kind of network, by which a benchmark groups its rows."""
    variant: str = ""
    """What is special about this one, in the paper's words."""
    layout: str = ""
    """Layout of the data that it was published on: a benchmark leaves the row out where its data folder has another;
    empty: any."""
    tables: tuple[int, ...] = ()
    """The paper's tables that show it."""
    note: str = ""
    """Where the paper contradicts itself, or leaves open what was done."""
    rmse: float | None = None
    """In the target's unit."""
    mae: float | None = None
    """In the target's unit."""
    r2: float | None = None
    """Coefficient of determination."""
    r2_mean: float | None = None
    """The same, mean of repeated trainings, where the paper gives it beside its best."""
    r2_sd: float | None = None
    """Standard deviation over repeated trainings."""
    pearson: float | None = None
    """Correlation of predicted and true."""
    sensitivity: float | None = None
    """Of a yes or no, 0 to 1; so are the following."""
    specificity: float | None = None
    """Share of the negative that are called so."""
    precision: float | None = None
    """Share of those called positive that are."""
    f1: float | None = None
    """Harmonic mean of precision and sensitivity."""
    accuracy: float | None = None
    """Share that are called what they are."""
    accuracy_error: float | None = None
    """What a paper gives after ± beside its accuracy."""
    train_accuracy: float | None = None
    """Of the training split."""
    validation_accuracy: float | None = None
    """Of the validation split."""
    ensemble_accuracy: float | None = None
    """Of the mean probability of several trainings; so are the following."""
    ensemble_f1: float | None = None
    """Harmonic mean of precision and sensitivity."""
    ensemble_sensitivity: float | None = None
    """Share of the positive that are called so."""
    ensemble_specificity: float | None = None
    """Share of the negative that are called so."""
    ensemble_accuracy_error: float | None = None
    """What a paper gives after ± beside that accuracy."""
    labels_per_class: float | None = None
    """Labels of each class that the paper had."""
    epoch_seconds: float | None = None
    """Time that training and validation took an epoch."""
    macro_precision: float | None = None
    """Of many classes, mean over them; so are the following."""
    macro_recall: float | None = None
    """Mean share of a class that is called so."""
    macro_f1: float | None = None
    """Mean of the classes' F1."""
    cross_entropy: float | None = None
    """Of outlines, mean over pixels."""
    classes: dict[str, dict[str, float]] = Field(default_factory=dict)
    """Precision, recall, f1 and number by class."""
    groups: dict[str, dict[str, float]] = Field(default_factory=dict)
    """The same figures by name within groups of studies: those of image quality are good and medium, poor."""
