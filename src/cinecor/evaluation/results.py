"""Everything that is said of one set of predictions, as one frozen value that becomes JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import Float

from cinecor.errors import ConfigError, DatasetError
from cinecor.evaluation import calibration as calibrations
from cinecor.evaluation.agreement import Agreement, bland_altman
from cinecor.evaluation.bands import BANDS, BORDERLINE, Band, band_index, confusion
from cinecor.evaluation.bootstrap import USUAL, Drawing, intervals
from cinecor.evaluation.calibration import Calibration
from cinecor.evaluation.case_words import STUDIES, CaseWords, count
from cinecor.evaluation.class_results import ClassesResult, judge_classes
from cinecor.evaluation.class_table import families
from cinecor.evaluation.classification import THRESHOLDS, Detection, decide, detect, proportion
from cinecor.evaluation.collapse import Baseline, against_mean
from cinecor.evaluation.estimate import Estimate, absent
from cinecor.evaluation.quantities import CLASS, EF, class_quantity, is_binary, unit
from cinecor.evaluation.regression import IN_UNIT, METRICS
from cinecor.evaluation.table import check_truth, pair

FEWEST_STUDIES = 3
"""Correlations, R² and ICC of fewer studies say nothing."""

FEW_PATIENTS = 30
"""Below this an interval is itself uncertain, and the results say so."""

IN_BANDS = ("mae", "rmse", "bias")
"""Figures reported band by band; R² inside a band compares with that band's narrow spread and would mislead."""


@dataclass(frozen=True, kw_only=True)
class BandResult:
    """Errors on the studies whose true EF lies in one band."""

    name: str
    text: str
    studies: int
    figures: tuple[Estimate, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"name": self.name, "range": self.text, "studies": self.studies, **_by_name(self.figures)}


@dataclass(frozen=True, kw_only=True)
class QuantityResult:
    """All that is said of one quantity."""

    quantity: str
    unit: str
    studies: int
    patients: int
    clips: int
    figures: tuple[Estimate, ...]
    agreement: Agreement | None
    """None of a yes or no."""
    baseline: Baseline
    calibration: Calibration | None = None
    bands: tuple[BandResult, ...] = ()
    detections: tuple[Detection, ...] = ()
    confusion: tuple[tuple[int, ...], ...] = ()
    """EF only: studies by true (rows) and predicted (columns) band."""
    right_band: Estimate | None = None
    words: CaseWords = STUDIES

    @property
    def counted(self) -> str:
        """How many studies, or what stands for them, there are, and of how many patients."""
        return f"{self.words.count(self.studies)} of {count(self.patients, 'patient')}"

    def figure(self, name: str) -> Estimate:
        """The figure of that name (``rmse``, ``mae``, ``r2``, ``pearson``, ``pearson2``, ``icc``, ``bias``; of a yes or
        no ``auroc``, ``sensitivity``, ``specificity``, ``precision``, ``f1``, ``accuracy``)."""
        return next(figure for figure in self.figures if figure.name == name)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        plain = {name: getattr(self, name) for name in ("quantity", "unit", "studies", "patients", "clips")}
        return {
            **plain,
            **_by_name(self.figures),
            "agreement": self.agreement.as_dict() if self.agreement else None,
            "baseline": self.baseline.as_dict(),
            "calibration": self.calibration.as_dict() if self.calibration else None,
            "bands": [band.as_dict() for band in self.bands],
            "detections": [detection.as_dict() for detection in self.detections],
            "confusion": [list(row) for row in self.confusion],
            "right_band": self.right_band.as_dict() if self.right_band else None,
        }


@dataclass(frozen=True, kw_only=True, eq=False)
class Results:
    """The evaluation of one split."""

    split: str
    drawing: Drawing
    quantities: tuple[QuantityResult, ...]
    warnings: tuple[str, ...]
    classes: tuple[ClassesResult, ...] = ()
    """Quantities of many classes."""
    pairs: pd.DataFrame
    """Predicted beside true, one row a study and quantity (see ``table.pair``); for figures, not part of the JSON."""

    def quantity(self, name: str) -> QuantityResult:
        """What is said of one quantity.

        Raises:
            ConfigError: OUT_OF_RANGE where it was not evaluated.
        """
        for found in self.quantities:
            if found.quantity == name:
                return found
        raise ConfigError("OUT_OF_RANGE", f"{name} was not evaluated", where="quantity")

    def classes_of(self, name: str) -> ClassesResult:
        """What is said of one quantity of many classes.

        Raises:
            ConfigError: OUT_OF_RANGE where it was not evaluated.
        """
        for found in self.classes:
            if found.quantity == name:
                return found
        raise ConfigError("OUT_OF_RANGE", f"classes of {name} were not evaluated", where="quantity")

    def as_text(self) -> str:
        """The main figures for a terminal, warnings last."""
        lines = []
        for result in self.quantities:
            lines.append(f"{result.quantity}, {self.split}: {result.counted}")
            for figure in (*result.figures, result.baseline.skill):
                value = "–" if figure.value is None else f"{figure.value:.2f}"
                span = figure.reason if figure.low is None else f"{figure.low:.2f} to {figure.high:.2f}"
                lines.append(f"  {figure.name:<11}{value:>8} {figure.unit:<3} {self.drawing.level:.0%} interval {span}")
        lines += [line for found in self.classes for line in found.lines(self.split, self.drawing.level)]
        return "\n".join([*lines, *(f"warning: {text}" for text in self.warnings)])

    def as_dict(self) -> dict[str, Any]:
        """The results as plain values; ``json.dumps(..., allow_nan=False)`` accepts them."""
        return {
            "schema": 1,
            "split": self.split,
            **asdict(self.drawing),
            "quantities": [quantity.as_dict() for quantity in self.quantities],
            "classes": [found.as_dict() for found in self.classes],
            "warnings": list(self.warnings),
        }


def evaluate(
    predictions: pd.DataFrame,
    truth: pd.DataFrame,
    *,
    split: str | None = None,
    validation: pd.DataFrame | None = None,
    interval_level: float = 0.90,
    drawing: Drawing = USUAL,
    words: CaseWords = STUDIES,
) -> Results:
    """Score predictions against the truth.

    Args:
        predictions: one row a clip and quantity (``table.read_predictions``); clips are averaged study by study.
        truth: one row a study and quantity (``table.read_truth``), of all splits where known: the mean of the training
            rows is the baseline.
        split: which split to score; may be left out where the predictions hold one.
        validation: predictions of the validation split, from which conformal intervals are made and then checked.
        interval_level: what the predictions' own intervals (``low``, ``high``), or those made here, promise.
        drawing: confidence, number of draws and seed of the intervals of all figures.
        words: what a study and a clip of these tables are, where a case is a loop or a frame.

    Raises:
        ConfigError: CONFLICT where the predictions hold several splits and none is named.
        DatasetError: a table is not sound, or nothing is left to score.
    """
    known = check_truth(truth)
    pairs = pair(predictions, known)
    split = _chosen_split(pairs, split)
    pairs = pairs[pairs["split"] == split].reset_index(drop=True)
    tuning = None if validation is None or split == "validation" else pair(validation, known)
    named = [name for name in pairs["quantity"].unique() if CLASS not in name]
    names = sorted(named, key=lambda name: (name != EF, name))
    quantities = tuple(_quantity(pairs, known, tuning, name, interval_level, drawing) for name in names)
    quantities = tuple(replace(found, words=words) for found in quantities)
    classes = tuple(
        judge_classes(predictions, known, split, name, drawing, words) for name in families(pairs["quantity"])
    )
    return Results(
        split=split,
        drawing=drawing,
        quantities=quantities,
        warnings=(*_warnings(pairs, known, quantities), *_class_warnings(known, split, classes)),
        classes=classes,
        pairs=pairs,
    )


def _chosen_split(pairs: pd.DataFrame, split: str | None) -> str:
    present = sorted(pairs["split"].unique())
    if split is None and len(present) > 1:
        raise ConfigError("CONFLICT", f"the predictions hold {', '.join(present)}", "name one split", where="split")
    if split is not None and split not in present:
        raise DatasetError("BAD_SPLIT", f"no prediction of the split {split}", where="predictions")
    return split or str(present[0])


def _quantity(
    pairs: pd.DataFrame,
    truth: pd.DataFrame,
    tuning: pd.DataFrame | None,
    name: str,
    interval_level: float,
    drawing: Drawing,
) -> QuantityResult:
    rows = pairs[pairs["quantity"] == name]
    predicted, true, patients = _columns(rows)
    training = truth[(truth["quantity"] == name) & (truth["split"] == "train")]["value"].to_numpy(np.float64)
    result = QuantityResult(
        quantity=name,
        unit=unit(name),
        studies=len(true),
        patients=len(set(patients)),
        clips=int(rows["clips"].sum()),
        figures=(),
        agreement=None,
        baseline=against_mean(predicted, true, patients, training=training, drawing=drawing),
    )
    if is_binary(truth[truth["quantity"] == name]["value"]):
        return replace(result, figures=decide(predicted, true, patients, drawing=drawing))
    result = replace(
        result,
        figures=_figures(tuple(METRICS), predicted, true, patients, unit(name), drawing),
        agreement=bland_altman(predicted, true, patients, unit=unit(name), drawing=drawing),
        calibration=_calibration(rows, tuning, name, interval_level, drawing.level),
    )
    return result if name != EF else _with_bands(result, predicted, true, patients, drawing)


def _with_bands(
    result: QuantityResult,
    predicted: Float[np.ndarray, " studies"],
    true: Float[np.ndarray, " studies"],
    patients: Sequence[str],
    drawing: Drawing,
) -> QuantityResult:
    right = int((band_index(predicted) == band_index(true)).sum())
    return replace(
        result,
        bands=tuple(_band(band, predicted, true, patients, drawing) for band in (*BANDS, BORDERLINE)),
        detections=tuple(detect(predicted, true, threshold, patients, drawing=drawing) for threshold in THRESHOLDS),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion(predicted, true)),
        right_band=proportion("right_band", right, len(true), drawing.level, "no studies"),
    )


def _columns(
    rows: pd.DataFrame,
) -> tuple[Float[np.ndarray, " studies"], Float[np.ndarray, " studies"], tuple[str, ...]]:
    return rows["predicted"].to_numpy(np.float64), rows["true"].to_numpy(np.float64), tuple(rows["patient"])


def _figures(
    names: Sequence[str],
    predicted: Float[np.ndarray, " studies"],
    true: Float[np.ndarray, " studies"],
    patients: Sequence[str],
    sign: str,
    drawing: Drawing,
) -> tuple[Estimate, ...]:
    def statistic(weights: Float[np.ndarray, "*draws studies"]) -> Float[np.ndarray, "figures ..."]:
        return np.stack([METRICS[name](predicted, true, weights) for name in names])

    found = intervals(statistic, patients, drawing)
    values = statistic(np.ones(len(true)))
    estimates = []
    for name, value, interval in zip(names, values, found, strict=True):
        sign_here = sign if name in IN_UNIT else ""
        reason = _undefined(name, predicted, true, float(value))
        if reason:
            estimates.append(absent(name, reason, sign_here))
            continue
        estimates.append(
            Estimate(
                name=name,
                value=float(value),
                low=interval.low,
                high=interval.high,
                unit=sign_here,
                method=interval.method,
                reason=interval.reason,
            )
        )
    return tuple(estimates)


def _undefined(
    name: str, predicted: Float[np.ndarray, " studies"], true: Float[np.ndarray, " studies"], value: float
) -> str:
    """Why a figure does not exist; empty where it does."""
    if name not in IN_UNIT and len(true) < FEWEST_STUDIES:
        return f"{len(true)} studies are too few (at least {FEWEST_STUDIES})"
    if np.isfinite(value):
        return ""
    return (
        "the true values are all the same" if np.ptp(true) <= np.ptp(predicted) else "the predictions are all the same"
    )


def _band(
    band: Band,
    predicted: Float[np.ndarray, " studies"],
    true: Float[np.ndarray, " studies"],
    patients: Sequence[str],
    drawing: Drawing,
) -> BandResult:
    inside = band.holds(true)
    studies = int(inside.sum())
    if studies == 0:
        figures = tuple(absent(name, "no study lies in this band", "%") for name in IN_BANDS)
    else:
        owners = [patient for patient, is_in in zip(patients, inside, strict=True) if is_in]
        figures = _figures(IN_BANDS, predicted[inside], true[inside], owners, "%", drawing)
    return BandResult(name=band.name, text=band.text, studies=studies, figures=figures)


def _calibration(
    rows: pd.DataFrame, tuning: pd.DataFrame | None, name: str, level: float, confidence: float
) -> Calibration | None:
    true = rows["true"].to_numpy(np.float64)
    if "low" in rows.columns:
        low, high = rows["low"].to_numpy(np.float64), rows["high"].to_numpy(np.float64)
        return calibrations.of_intervals(true, low, high, level=level, confidence=confidence)
    if tuning is None:
        return None
    held = tuning[(tuning["quantity"] == name) & (tuning["split"] == "validation")]
    held_errors = (held["predicted"] - held["true"]).to_numpy(np.float64)
    return calibrations.of_conformal(
        held_errors, rows["predicted"].to_numpy(np.float64) - true, level=level, confidence=confidence
    )


def _warnings(pairs: pd.DataFrame, truth: pd.DataFrame, quantities: Sequence[QuantityResult]) -> list[str]:
    split = str(pairs["split"].iloc[0])
    found = []
    shared = set(truth[truth["split"] == split]["patient"]) & set(truth[truth["split"] != split]["patient"])
    if shared:
        found.append(
            f"{len(shared)} patient(s) of the {split} split are in another split, too: the errors flatter the model."
        )
    for result in quantities:
        expected = int(((truth["split"] == split) & (truth["quantity"] == result.quantity)).sum())
        prefix = f"{result.quantity}: "
        if result.studies < expected:
            missing, of_all = expected - result.studies, result.words.count(expected)
            found.append(f"{prefix}{missing} of {of_all} of the split have no prediction.")
        if result.patients < FEW_PATIENTS:
            found.append(f"{prefix}{result.patients} patient(s) are few; the intervals are rough.")
        found.extend(prefix + text for text in result.baseline.warnings)
        if result.calibration is not None and not result.calibration.as_promised:
            share = result.calibration.coverage.value
            promised = f"{result.calibration.level:.0%}"
            found.append(f"{prefix}intervals of {promised} cover {share:.0%}, which chance does not explain.")
    return found


def _class_warnings(truth: pd.DataFrame, split: str, classes: Sequence[ClassesResult]) -> Iterator[str]:
    for result in classes:
        named = truth["quantity"] == class_quantity(result.quantity, result.classes[0])
        expected = int((named & (truth["split"] == split)).sum())
        found, patients = result.leading.table["study"].nunique(), result.leading.patients
        if result.leading.name == "studies" and found < expected:
            of_all = result.leading.words.count(expected)
            yield f"{result.quantity}: {expected - found} of {of_all} of the split have no prediction."
        if patients < FEW_PATIENTS:
            yield f"{result.quantity}: {patients} patient(s) are few; the intervals are rough."
        yield from (f"{result.quantity}: {text}" for text in result.warnings)


def _by_name(figures: Sequence[Estimate]) -> dict[str, Any]:
    return {figure.name: figure.as_dict() for figure in figures}
