"""Learning a diagnosis from the figures of hearts, and judging it by nested cross-validation over patients.

Everything that is chosen (which classifiers, whether pairs have a rule of their own, how far probabilities are drawn
together) is chosen by an inner cross-validation of the patients that are learned from. So in the nested one no fold has
had a say in what it is judged with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int
from scipy import optimize

from cinecor.errors import DatasetError
from cinecor.measures.short_axis import SURFACE
from cinecor.models.tabular import (
    SMALLEST,
    Linear,
    PairRule,
    TabularClassifier,
    Trees,
    average,
    divide_pair,
    temper,
)
from cinecor.training.diagnosis_parts import SETTINGS, Rows, fit_part

INDEXED = (
    "edv_ml_index", "esv_ml_index", "sv_ml_index", "lv_mass_g_index",
    "rv_edv_ml_index", "rv_esv_ml_index", "rv_sv_ml_index",
)  # fmt: skip
RATIOS = ("ef", "rvef", "rv_lv_ed", "rv_lv_es", "mass_edv_g_per_ml")
WALLS = tuple(
    f"wall_{phase}_{name}_mm"
    for phase in ("ed", "es")
    for name in ("mean", "max", "min", "sd", "sd_around", "sd_along")
)
MOTION = tuple(f"{name}_{part}" for name in ("thickening", "motion") for part in ("mean", "min", "sd", "lazy"))
SHAPE = ("lv_circularity_ed", "lv_circularity_es", "rv_eccentricity_ed", "rv_eccentricity_es", "lv_sphericity")
FEATURES = (*RATIOS, *INDEXED, *WALLS, *MOTION, *SHAPE, SURFACE)
"""What a diagnosis is made from. Volumes not divided by body surface are left out: they say who is tall."""

PAIRS = (("DCM", "MINF"), ("HCM", "NOR"))
"""Groups that are confused most, in the challenge's papers as here: both weak, or both strong, with another wall."""
PAIR_PARTS = ("extra", "linear")

Report: TypeAlias = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How a classifier is composed."""

    parts: tuple[str, ...]
    pairs: bool
    """Whether the pairs have a rule of their own."""

    @property
    def title(self) -> str:
        """In words."""
        return " + ".join(self.parts) + (", pairs anew" if self.pairs else "")


CHOICES = tuple(
    Choice(parts=parts, pairs=pairs)
    for pairs in (False, True)
    for parts in (("forest",), ("extra",), ("boosting",), ("linear",), ("extra", "linear"), tuple(SETTINGS))
)
"""Simple ones first: of equals, the first is taken."""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What an inner cross-validation chose, and how it did there."""

    choice: Choice
    temperature: float
    log_loss: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Inner:
    """How choices are made: ``repeats`` cross-validations of ``folds`` folds, stratified by group."""

    folds: int = 5
    repeats: int = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Nested:
    """A nested cross-validation: what was said of each patient by a classifier that knew nothing of them."""

    groups: tuple[str, ...]
    probabilities: Float[np.ndarray, "row group"]
    chosen: Mapping[int, Chosen]
    """By outer fold."""
    classifiers: Mapping[int, TabularClassifier]


def rows_of(features: Sequence[Mapping[str, float]], columns: Sequence[str] = FEATURES) -> Rows:
    """A row for each patient's features; NaN where one is not known."""
    return np.array([[each.get(name, np.nan) for name in columns] for each in features], dtype=np.float64)


def fit_diagnosis(
    rows: Rows,
    labels: Sequence[str],
    *,
    seed: int = 0,
    inner: Inner = Inner(),
    columns: Sequence[str] = FEATURES,
    choices: Sequence[Choice] = CHOICES,
) -> tuple[TabularClassifier, Chosen]:
    """Choose, calibrate and fit a classifier, all on the same patients.

    Args:
        rows: a patient a row, in the order of ``columns``; NaN where a figure is not known.
        labels: group of each patient.
        seed: of the inner folds and of what is drawn in fitting.
        inner: how choices are made.
        columns: names of the columns.
        choices: among which is chosen by the log loss of the inner cross-validation, after calibration.

    Raises:
        DatasetError: BAD_LABEL where a group has fewer patients than there are inner folds.
        ConfigError: MISSING_EXTRA without scikit-learn.
    """
    truth, groups = np.asarray(labels), sorted(set(labels))
    _check_counts(truth, groups, inner)
    typical = np.nan_to_num(np.nanmedian(np.where(np.isfinite(rows).any(axis=0), rows, 0.0), axis=0))
    known = np.where(np.isfinite(rows), rows, typical)
    chosen = _choose(known, truth, groups, seed, inner, choices)
    classifier = TabularClassifier(
        columns=list(columns),
        groups=groups,
        typical=typical.tolist(),
        parts=[fit_part(name, known, truth, seed) for name in chosen.choice.parts],
        pairs=_fit_pairs(known, truth, groups, seed) if chosen.choice.pairs else [],
        temperature=chosen.temperature,
    )
    return classifier, chosen


def nest(
    rows: Rows,
    labels: Sequence[str],
    folds: Int[np.ndarray, " row"],
    *,
    seed: int = 0,
    inner: Inner = Inner(),
    columns: Sequence[str] = FEATURES,
    choices: Sequence[Choice] = CHOICES,
    report: Report | None = None,
) -> Nested:
    """Diagnose each fold's patients by what was chosen and fitted on those of the other folds.

    Args:
        rows: as for :func:`fit_diagnosis`.
        labels: group of each patient.
        folds: outer fold of each patient.
        seed: of the inner folds and of fitting.
        inner: how choices are made.
        columns: names of the columns.
        choices: see :func:`fit_diagnosis`.
        report: is told a line after each fold.

    Raises:
        DatasetError: BAD_SPLIT for fewer than two folds, BAD_LABEL where a fold leaves too few patients of a group.
    """
    truth, names = np.asarray(labels), sorted(set(labels))
    outer = sorted({int(fold) for fold in folds})
    if len(outer) < 2:
        raise DatasetError("BAD_SPLIT", "a nested cross-validation needs two folds or more", where="folds")
    found = np.full((len(truth), len(names)), np.nan)
    chosen: dict[int, Chosen] = {}
    classifiers: dict[int, TabularClassifier] = {}
    for fold in outer:
        held = folds == fold
        if set(truth[~held]) != set(names):
            what = f"outside fold {fold} some groups have no patients"
            raise DatasetError("BAD_LABEL", what, "stratify the folds by group", where="folds")
        classifiers[fold], chosen[fold] = fit_diagnosis(
            rows[~held], truth[~held].tolist(), seed=seed, inner=inner, columns=columns, choices=choices
        )
        found[held] = classifiers[fold].probabilities(rows[held])
        if report is not None:
            report(f"diagnosis, fold {fold}: {chosen[fold].choice.title}, temperature {chosen[fold].temperature:.2f}")
    return Nested(groups=tuple(names), probabilities=found, chosen=chosen, classifiers=classifiers)


def _check_counts(truth: np.ndarray, groups: Sequence[str], inner: Inner) -> None:
    few = [group for group in groups if (truth == group).sum() < inner.folds]
    if len(groups) < 2 or few:
        what = f"too few patients of {', '.join(few) or 'a second group'}"
        cure = f"each group needs {inner.folds} to choose by"
        raise DatasetError("BAD_LABEL", what, cure, where="group")


def _choose(
    rows: Rows, truth: np.ndarray, groups: Sequence[str], seed: int, inner: Inner, choices: Sequence[Choice]
) -> Chosen:
    """The choice with the least log loss in the inner cross-validation, with the temperature that makes it so."""
    names = sorted({name for choice in choices for name in choice.parts})
    with_pairs = any(choice.pairs for choice in choices)
    held: list[np.ndarray] = []
    said: dict[str, list[np.ndarray]] = {name: [] for name in names}
    shares: list[dict[tuple[int, int], np.ndarray]] = []
    for learned, tested, drawn in _inner_folds(truth, inner, seed):
        held.append(tested)
        for name in names:
            part = fit_part(name, rows[learned], truth[learned], drawn)
            said[name].append(part.probabilities(rows[tested]))
        rules = _fit_pairs(rows[learned], truth[learned], groups, drawn) if with_pairs else []
        shares.append({_places(rule, groups): average(rule.parts, rows[tested]) for rule in rules})
    right = np.searchsorted(groups, truth[np.concatenate(held)])
    found = [_score(choice, [np.concatenate(said[name]) for name in choice.parts], shares, right) for choice in choices]
    return min(found, key=lambda each: each.log_loss)


def _score(
    choice: Choice,
    said: Sequence[np.ndarray],
    shares: Sequence[Mapping[tuple[int, int], np.ndarray]],
    right: np.ndarray,
) -> Chosen:
    probabilities: np.ndarray = np.mean(said, axis=0)
    for places in shares[0] if choice.pairs else ():
        probabilities = divide_pair(probabilities, places, np.concatenate([each[places] for each in shares]))
    temperature = fit_temperature(probabilities, right)
    return Chosen(
        choice=choice,
        temperature=temperature,
        log_loss=log_loss(temper(probabilities, temperature), right),
        accuracy=float((probabilities.argmax(axis=1) == right).mean()),
    )


def fit_temperature(probabilities: Float[np.ndarray, "row group"], right: Int[np.ndarray, " row"]) -> float:
    """The temperature of the least log loss, between 1/5 and 5 (Guo et al., ICML 2017, on probabilities)."""
    found = optimize.minimize_scalar(
        lambda power: log_loss(temper(probabilities, float(np.exp(power))), right),
        bounds=(-np.log(5.0), np.log(5.0)),
        method="bounded",
    )
    return float(np.exp(found.x))


def log_loss(probabilities: Float[np.ndarray, "row group"], right: Int[np.ndarray, " row"]) -> float:
    """Mean of −ln of the probability of what is true."""
    said = probabilities[np.arange(len(right)), right]
    return float(-np.log(np.maximum(said, SMALLEST)).mean())


def _inner_folds(truth: np.ndarray, inner: Inner, seed: int) -> list[tuple[np.ndarray, np.ndarray, int]]:
    """Places to learn from, to test on, and a seed: group by group dealt to the folds in an order that is drawn."""
    found: list[tuple[np.ndarray, np.ndarray, int]] = []
    for repeat in range(inner.repeats):
        order = np.random.default_rng([seed, repeat]).permutation(len(truth))
        dealt = order[np.argsort(truth[order], kind="stable")]
        fold = np.empty(len(truth), dtype=np.int64)
        fold[dealt] = np.arange(len(truth)) % inner.folds
        parts = ((np.flatnonzero(fold != each), np.flatnonzero(fold == each)) for each in range(inner.folds))
        found += [(learned, tested, 1000 * seed + repeat) for learned, tested in parts]
    return found


def _fit_pairs(rows: Rows, truth: np.ndarray, groups: Sequence[str], seed: int) -> list[PairRule]:
    """The rules of those pairs whose two groups there are."""
    rules = []
    for pair in PAIRS:
        if not set(pair) <= set(groups):
            continue
        of_pair = np.isin(truth, pair)
        parts: list[Trees | Linear] = [fit_part(name, rows[of_pair], truth[of_pair], seed) for name in PAIR_PARTS]
        rules.append(PairRule(groups=pair, parts=parts))
    return rules


def _places(rule: PairRule, groups: Sequence[str]) -> tuple[int, int]:
    return groups.index(rule.groups[0]), groups.index(rule.groups[1])
