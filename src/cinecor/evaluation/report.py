"""One self-contained page of an evaluation, and the same as files: results.json, studies.csv, figures as SVG."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape
from matplotlib.figure import Figure

from cinecor import storage
from cinecor.evaluation import class_figures, figures
from cinecor.evaluation.case_words import plural
from cinecor.evaluation.class_results import CLASSES, CONFUSION, tabulate_classes
from cinecor.evaluation.many_classes import OF_CLASS
from cinecor.evaluation.quantities import label
from cinecor.evaluation.results import QuantityResult, Results
from cinecor.evaluation.samples import draw_samples, read_samples
from cinecor.records import NOT_FOR_CLINICAL_USE
from cinecor.version import __version__

PAGE, RESULTS, STUDIES = "evaluation.html", "results.json", "studies.csv"
_FIGURES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R², 1 − SSres/SStot",
    "pearson": "Pearson r",
    "pearson2": "Pearson r², as EchoNet-Dynamic reports R²",
    "icc": "ICC(A,1)",
    "bias": "Bias",
    "auroc": "AUROC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "precision": "Precision",
    "f1": "F1",
    "accuracy": "Accuracy",
    "recall": "Recall",
    "macro_precision": "Mean precision",
    "macro_recall": "Mean recall",
    "macro_f1": "Mean F1",
    "macro_auroc": "Mean AUROC",
}
_HEADLINE, _BINARY_HEADLINE = ("mae", "rmse", "r2"), ("auroc", "sensitivity", "specificity", "f1")
_TITLES = {
    "predicted-versus-true": "Predicted against true",
    "bland-altman": "Bland–Altman",
    "roc": "Receiver operating characteristic",
    "confusion": "Confusion matrix,",
    "rest": "Each class against the rest,",
    "calibration": "Calibration of the intervals",
    "learning-curves": "Learning curves",
    "generalisation-gap": "From training to test",
    "samples": "What the generator makes of the same noise, epoch by epoch",
}


def write_report(
    folder: Path, results: Results, *, manifest: Mapping[str, Any] | None = None, run: Path | None = None
) -> Path:
    """Write the page, the results, the table of studies and each figure into a folder.

    Args:
        folder: made where it does not exist; earlier files of the same names are replaced.
        results: of ``evaluate``.
        manifest: of the weights, for what they were trained on and the metrics of all splits.
        run: the run's folder, for its learning curves and its generator's samples.

    Returns:
        The page.

    Raises:
        StorageError: the folder cannot be written.
    """
    storage.make_folder(folder)
    drawn = {name: figures.to_svg(figure) for name, figure in _draw(results, manifest or {}, run).items()}
    for name, svg in drawn.items():
        storage.write_text(folder / f"{name}.svg", svg)
    plain = {**results.as_dict(), "manifest": manifest}
    storage.write_text(folder / RESULTS, json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    storage.write_text(folder / STUDIES, results.pairs.to_csv(index=False, lineterminator="\n"))
    if results.classes:
        for name, found in zip((CLASSES, CONFUSION), tabulate_classes(results.classes), strict=True):
            storage.write_text(folder / name, found.to_csv(index=False, lineterminator="\n"))
    storage.write_text(folder / PAGE, _page(results, drawn, manifest or {}))
    return folder / PAGE


def _draw(results: Results, manifest: Mapping[str, Any], run: Path | None) -> dict[str, Figure]:
    found: dict[str, Figure | None] = {}
    for result in results.quantities:
        suffix = "" if len(results.quantities) == 1 else f"-{result.quantity}"
        if result.agreement is None:
            found[f"roc{suffix}"] = figures.roc_curve(results.pairs, result)
            continue
        found[f"predicted-versus-true{suffix}"] = figures.predicted_versus_true(results.pairs, result)
        found[f"bland-altman{suffix}"] = figures.bland_altman(results.pairs, result)
        found[f"roc{suffix}"] = figures.roc_curves(results.pairs, result)
        found[f"calibration{suffix}"] = figures.calibration_curve(result)
    for classes in results.classes:
        for level in classes.levels:
            name = f"confusion-{level.name}" + ("" if len(results.classes) == 1 else f"-{classes.quantity}")
            found[name] = class_figures.confusion_matrix(level, classes.classes)
            found[name.replace("confusion", "rest")] = class_figures.one_against_rest(level, classes.classes)
    history = None if run is None else run / "metrics.csv"
    if history is not None and history.is_file():
        found["learning-curves"] = figures.learning_curves(pd.read_csv(history))
    samples = {} if run is None else read_samples(run)
    if samples:
        found["samples"] = draw_samples({"": samples})
    found["generalisation-gap"] = figures.generalisation_gap(dict(manifest.get("metrics", {})))
    return {name: figure for name, figure in found.items() if figure is not None}


def _page(results: Results, drawn: Mapping[str, str], manifest: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=PackageLoader("cinecor.evaluation"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    data = manifest.get("training_data", {})
    return environment.get_template("evaluation.html").render(
        results=results,
        tables=[_tables(result) for result in results.quantities],
        classes=results.classes,
        class_figures={name: _FIGURES[name] for name in OF_CLASS},
        whole_figures=_FIGURES,
        figures=[(_title(name, results), svg) for name, svg in drawn.items()],
        plural=plural,
        manifest_text=json.dumps(_brief(manifest), indent=2, ensure_ascii=False),
        model=manifest.get("model", ""),
        trained_on=data.get("description", ""),
        synthetic=bool(data.get("synthetic")),
        use=NOT_FOR_CLINICAL_USE,
        version=__version__,
    )


def _tables(result: QuantityResult) -> dict[str, Any]:
    detections = [
        (f"{name} of {result.quantity.upper()} < {detection.threshold:g} %", figure)
        for detection in result.detections
        for name, figure in (
            ("AUROC", detection.auroc),
            ("AUROC, patients drawn,", detection.auroc_drawn),
            ("Sensitivity", detection.sensitivity),
            ("Specificity", detection.specificity),
        )
    ]
    agreement = result.agreement
    return {
        "title": label(result.quantity),
        "result": result,
        "figures": [(_FIGURES[figure.name], figure) for figure in result.figures],
        "headline": [
            (_FIGURES[name], result.figure(name)) for name in (_BINARY_HEADLINE if agreement is None else _HEADLINE)
        ],
        "agreement": []
        if agreement is None
        else [
            ("Bias", agreement.bias),
            ("Lower limit of agreement", agreement.lower),
            ("Upper limit of agreement", agreement.upper),
        ],
        "detections": detections,
    }


def _title(name: str, results: Results) -> str:
    levels = [level for classes in results.classes for level in classes.levels]
    known = max((key for key in _TITLES if name.startswith(key)), key=len)
    for level in levels:  # a figure's file is called by the level, its heading says what a row is
        if name.startswith(f"{known}-{level.name}"):
            rest = name.removeprefix(f"{known}-{level.name}").replace("-", " ")
            return f"{_TITLES[known]} {level.text}" + (f",{rest}" if rest else "")
    return _TITLES[known] + name.removeprefix(known).replace("-", " ")


def _brief(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest without its long lists."""
    extra = dict(manifest.get("extra", {}))
    extra.pop("calibration", None)
    return {**manifest, "extra": extra}
