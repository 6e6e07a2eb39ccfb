"""Classifiers of a table's rows as plain numbers: trees and linear scores, and the rule that combines them.

They are fitted with scikit-learn elsewhere; here is what remains of them: splits, leaves, coefficients. So a classifier
is a file of numbers that anybody can read, nothing is unpickled, and using it needs NumPy alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import numpy as np
from jaxtyping import Float
from pydantic import BaseModel, ConfigDict, Field, model_validator

LEAF = -1  # in the place of a feature
SMALLEST = 1e-6  # no probability is given as less: chance has not been excluded by a hundred patients

Finite: TypeAlias = Annotated[float, Field(allow_inf_nan=False)]


class Trees(BaseModel):
    """Decision trees, their nodes one after another: a row goes left where its feature is ≤ the threshold.

    ``mean`` gives the mean of the leaves (forests: leaves hold the shares of the classes), ``softmax`` the softmax of
    offset and the sum of the leaves (boosting: leaves hold what is added to each class's score).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["trees"] = "trees"
    link: Literal["mean", "softmax"]
    offset: list[Finite]
    """Score of each class before any tree; zeros for a mean."""
    roots: list[int]
    feature: list[int]
    """Column that a node asks for; -1 in a leaf."""
    threshold: list[Finite]
    left: list[int]
    right: list[int]
    value: list[list[Finite]]
    """Of each node, a number a class; read in leaves."""

    @model_validator(mode="after")
    def _sound(self) -> Trees:
        count = len(self.feature)
        if (
            not count
            or not self.roots
            or {len(self.threshold), len(self.left), len(self.right), len(self.value)} != {count}
        ):
            raise ValueError("the nodes' lists differ in length or are empty")
        if any(len(row) != len(self.offset) for row in self.value):
            raise ValueError("a node has not one number a class")
        if not all(0 <= root < count for root in self.roots):
            raise ValueError("a root is no node")
        inner = [place for place, column in enumerate(self.feature) if column != LEAF]
        # children lie behind their parent, so that no walk goes round in circles
        if not all(place < child < count for place in inner for child in (self.left[place], self.right[place])):
            raise ValueError("a node's child is no node behind it")
        return self

    @property
    def columns(self) -> int:
        """How many columns a row must have at least."""
        return max(self.feature) + 1

    def probabilities(self, rows: Float[np.ndarray, "row column"]) -> Float[np.ndarray, "row group"]:
        """Probability of each class for each row. Values are compared as float32, as scikit-learn has them."""
        values = np.asarray(self.value)[self._leaves(rows.astype(np.float32))]
        if self.link == "mean":
            mean: np.ndarray = values.mean(axis=1)
            return mean
        return softmax(np.asarray(self.offset) + values.sum(axis=1))

    def _leaves(self, rows: np.ndarray) -> np.ndarray:
        """Leaf of each row in each tree."""
        feature, threshold = np.asarray(self.feature), np.asarray(self.threshold)
        left, right = np.asarray(self.left), np.asarray(self.right)
        node = np.tile(np.asarray(self.roots), (len(rows), 1))
        while (inner := feature[node] != LEAF).any():
            asked = np.take_along_axis(rows, np.maximum(feature[node], 0), axis=1)
            below = np.where(asked <= threshold[node], left[node], right[node])
            node = np.where(inner, below, node)
        return node


class Linear(BaseModel):
    """Softmax of linear scores of standardised columns (multinomial logistic regression)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["linear"] = "linear"
    centre: list[Finite]
    scale: list[Annotated[float, Field(gt=0, allow_inf_nan=False)]]
    weight: list[list[Finite]]
    """A row a class, a number a column."""
    offset: list[Finite]

    @model_validator(mode="after")
    def _sound(self) -> Linear:
        lengths = {len(self.centre), len(self.scale), *(len(row) for row in self.weight)}
        if len(lengths) != 1 or len(self.weight) != len(self.offset):
            raise ValueError("the coefficients do not fit together")
        return self

    @property
    def columns(self) -> int:
        """How many columns a row must have."""
        return len(self.centre)

    def probabilities(self, rows: Float[np.ndarray, "row column"]) -> Float[np.ndarray, "row group"]:
        """Probability of each class for each row."""
        standard = (rows - np.asarray(self.centre)) / np.asarray(self.scale)
        return softmax(standard @ np.asarray(self.weight).T + np.asarray(self.offset))


Part: TypeAlias = Annotated[Trees | Linear, Field(discriminator="kind")]


class PairRule(BaseModel):
    """A second opinion on two classes that are easily confused: what both have together is divided anew."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    groups: tuple[str, str]
    parts: list[Part] = Field(min_length=1)
    """Each gives the probabilities of the two; their mean counts."""


class TabularClassifier(BaseModel):
    """From a row of named numbers to the probability of each class, in three steps.

    The parts' probabilities are averaged; the pairs' rules divide what their two classes have together; all are raised
    to the power of 1/temperature and made to add up to 1 again, which calibrates them and leaves their order as it is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    columns: list[str] = Field(min_length=1)
    groups: list[str] = Field(min_length=2)
    typical: list[Finite]
    """Median of each column among those it learned from: what stands in for a number that is not known."""
    parts: list[Part] = Field(min_length=1)
    pairs: list[PairRule] = Field(default_factory=list)
    temperature: float = Field(default=1.0, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _sound(self) -> TabularClassifier:
        if len(set(self.columns)) < len(self.columns) or len(self.typical) != len(self.columns):
            raise ValueError("the columns repeat, or have not one typical value each")
        for part in self.parts:
            _check_part(part, len(self.columns), len(self.groups))
        for rule in self.pairs:
            if not set(rule.groups) <= set(self.groups) or rule.groups[0] == rule.groups[1]:
                raise ValueError(f"{rule.groups} are no pair of the groups")
            for part in rule.parts:
                _check_part(part, len(self.columns), 2)
        return self

    def probabilities(self, rows: Float[np.ndarray, "row column"]) -> Float[np.ndarray, "row group"]:
        """Probability of each class for each row.

        Args:
            rows: values in the order of ``columns``; NaN is replaced by the typical value.
        """
        known = np.where(np.isfinite(rows), rows, np.asarray(self.typical))
        found = average(self.parts, known)
        for rule in self.pairs:
            places = [self.groups.index(group) for group in rule.groups]
            found = divide_pair(found, (places[0], places[1]), average(rule.parts, known))
        return temper(found, self.temperature)


def average(parts: Sequence[Trees | Linear], rows: Float[np.ndarray, "row column"]) -> Float[np.ndarray, "row group"]:
    """Mean of the parts' probabilities."""
    mean: np.ndarray = np.mean([part.probabilities(rows) for part in parts], axis=0)
    return mean


def divide_pair(
    probabilities: Float[np.ndarray, "row group"], places: tuple[int, int], shares: Float[np.ndarray, "row 2"]
) -> Float[np.ndarray, "row group"]:
    """What two classes have together, divided by other shares; the other classes keep theirs."""
    divided = probabilities.copy()
    divided[:, places] = probabilities[:, places].sum(axis=1, keepdims=True) * shares
    return divided


def temper(probabilities: Float[np.ndarray, "row group"], temperature: float) -> Float[np.ndarray, "row group"]:
    """Probabilities to the power of 1/temperature, made to add up to 1; above 1 they move towards each other."""
    return softmax(np.log(np.maximum(probabilities, SMALLEST)) / temperature)


def softmax(scores: Float[np.ndarray, "row group"]) -> Float[np.ndarray, "row group"]:
    """Exponentials that add up to 1 in each row."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: np.ndarray = raised / raised.sum(axis=1, keepdims=True)
    return shares


def _check_part(part: Trees | Linear, columns: int, groups: int) -> None:
    if len(part.offset) != groups:
        raise ValueError("a part knows another number of groups")
    fits = part.columns == columns if isinstance(part, Linear) else part.columns <= columns
    if not fits or (isinstance(part, Trees) and min(part.feature) < LEAF):
        raise ValueError("a part asks for columns that there are not")
