"""The end of a training: the best epoch's weights on disk, with all that was measured with exactly those weights."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Subset

from cinecor import storage
from cinecor.clips import Cache
from cinecor.evaluation import class_table, table
from cinecor.evaluation.classification import DECISIONS
from cinecor.evaluation.many_classes import PLACED
from cinecor.evaluation.quantities import class_quantity, unit
from cinecor.evaluation.regression import mae, r2, rmse
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.records import SPLITS, Split, Study
from cinecor.training.correction import Line, fit_line
from cinecor.training.data import TrainingData
from cinecor.training.interruption import Interruption
from cinecor.training.loading import make_loader
from cinecor.training.mask_keeping import MaskKeeper
from cinecor.training.mask_start import describe_mask
from cinecor.training.outline_scores import judge_outlines, summarise_outlines, write_outlines
from cinecor.training.outlined import predict_outlined
from cinecor.training.prediction import Said, embed_clips, predict_values, to_predictions, to_probabilities
from cinecor.training.recipe import fingerprint, network_options
from cinecor.training.recipe_fields import Recipe
from cinecor.training.stacks import MEASURED
from cinecor.training.start import join_licences
from cinecor.training.state import State
from cinecor.training.task import Task
from cinecor.version import __version__

TRUTH_NAME = "truth.csv"
OUTLINED = 200
"""Studies of the training split whose whole loops are outlined: enough for a straight line, where all take an hour."""
LEVEL = 0.9  # of the interval that the calibration is meant for
REFERENCE = "reference_embeddings"
"""Name of the tensor beside the weights: ``clips feature``, embeddings of training clips."""


_NOTHING = pd.DataFrame({"predicted": np.empty(0), "true": np.empty(0)})


def predictions_name(split: str) -> str:
    """File name of a split's predictions in a run's folder."""
    return f"predictions_{split}.csv"


def patients_name(split: str) -> str:
    """File name of a split's probabilities patient by patient, where classes are predicted."""
    return f"patients_{split}.csv"


def finish(
    recipe: Recipe, data: TrainingData, cache: Cache, task: Task, state: State, out: Path, device: torch.device
) -> Manifest:
    """Predict every split in float32 with the best weights, as they are stored, and write tables, weights, manifest.

    The manifest is written last: a folder that has one is a finished run.
    """
    task.network.load_state_dict(state.best)
    task.fold()
    stored = {name: _as_stored(tensor, recipe.weights) for name, tensor in task.network.state_dict().items()}
    task.network.load_state_dict(stored)
    full = Task(task.network, channels_last=recipe.channels_last).to(device).eval()
    more = MEASURED if data.parts == "stacks" else ()
    truth = truth_table([(split, data.splits[split]) for split in SPLITS], recipe.target, recipe.classes, more)
    table.write(truth, out / TRUTH_NAME)
    keeper = MaskKeeper(out, recipe.structures)
    with Interruption() as interruption:
        rows = {split: _predict(recipe, data, cache, full, split, device, interruption, keeper) for split in SPLITS}
        reference = _embed(recipe, data, cache, full, device)
        outlined = {split: _judge(recipe, data, cache, full, split, device, interruption) for split in _judged(recipe)}
    line = fit_line(rows["train"], recipe.target) if data.parts == "beats" else Line()
    metrics: dict[str, Any] = describe_history(recipe, state)
    calibration: dict[str, Any] = {}
    for split in SPLITS:
        predictions = _write_predictions(recipe, data, split, rows[split], line, out)
        if split in outlined:
            metrics[split] = summarise_outlines(outlined[split])
            continue
        if recipe.classes:
            metrics[split] = _finish_classes(recipe, predictions, truth, out / patients_name(split))
            continue
        pairs = _pair(predictions, truth, recipe.target)
        metrics[split] = {**measure(pairs, recipe.task), "studies": len(pairs)}
        if split == "validation":
            found = calibrate(pairs, recipe, data.parts)
            calibration = {**found, "line": {"slope": line.slope, "intercept": line.intercept}}
    if overlaps := keeper.finish():
        metrics["test"]["dice"] = overlaps
    if outlined:
        write_outlines(outlined["test"], out)
    manifest = describe(recipe, data, metrics, calibration, state.start, describe_mask(recipe, out))
    return save_checkpoint(out, task.network.cpu(), manifest, tensors=reference)


def _write_predictions(
    recipe: Recipe, data: TrainingData, split: Split, rows: Sequence[Said], line: Line, out: Path
) -> pd.DataFrame:
    """The table of what was said of a split, straightened by the line where it was measured on outlines."""
    corrected = line.correct(rows) if recipe.task == "segmentation" else rows
    said = to_predictions(corrected, data.splits[split], split, recipe.target, recipe.classes)
    predictions = table.from_predictions(said)
    table.write(predictions, out / predictions_name(split))
    return predictions


def _pair(predictions: pd.DataFrame, truth: pd.DataFrame, target: str) -> pd.DataFrame:
    """What was said of the target beside what is true; a stack's tables hold other quantities, too."""
    if predictions.empty:
        return _NOTHING
    pairs = table.pair(predictions, truth)
    return pairs[pairs["quantity"] == target]


def _predict(
    recipe: Recipe,
    data: TrainingData,
    cache: Cache,
    task: Task,
    split: Split,
    device: torch.device,
    interruption: Interruption,
    keeper: MaskKeeper,
) -> list[Said]:
    if recipe.kind == "outlines":
        return []
    if recipe.task == "segmentation":
        studies, keep = (
            data.splits[split][: OUTLINED if split == "train" else None],
            keeper if split == "test" else None,
        )
        found = (task, studies, cache, recipe.clip_spec, recipe.structures, device, interruption.check, keep)
        return list(predict_outlined(*found))
    clips = data.make_dataset(cache, split, "test", task.network.streams)
    loader = make_loader(clips, recipe.workers, device, batch_size=recipe.batch_size)
    rows = predict_values(task, loader, device, interruption.check)
    # Random or listed clips of a short loop can be the same clip, which is said once.
    once = list({(row.study, row.cine, row.start): row for row in rows}.values())
    return to_probabilities(once) if recipe.kind == "classification" else once


def _judged(recipe: Recipe) -> tuple[Split, ...]:
    """Splits whose outlines are compared with an expert's, where nothing else is said of them."""
    return SPLITS if recipe.kind == "outlines" else ()


def _judge(
    recipe: Recipe,
    data: TrainingData,
    cache: Cache,
    task: Task,
    split: Split,
    device: torch.device,
    interruption: Interruption,
) -> pd.DataFrame:
    """How well outlines agree, frame by frame; of the training split those of the first studies."""
    chosen = data.splits[split][: OUTLINED if split == "train" else None]
    clips = replace(data, splits={**data.splits, split: chosen}).make_dataset(cache, split, "test")
    options: dict[str, Any] = {"workers": recipe.workers, "batch_size": recipe.batch_size}
    return judge_outlines(task, clips, device, check=interruption.check, **options)


def _finish_classes(recipe: Recipe, predictions: pd.DataFrame, truth: pd.DataFrame, path: Path) -> dict[str, Any]:
    """Figures over cases and over patients; what is said of each patient is written as a table too."""
    patients = class_table.patient_table(predictions, recipe.target)
    storage.write_text(path, patients.to_csv(index=False, lineterminator="\n"))
    cases = class_table.by_study(predictions, truth, recipe.target)
    whole = class_table.by_patient(class_table.by_clip(predictions, truth, recipe.target))
    found: dict[str, Any] = {**measure(cases, "classes"), "studies": len(cases)}
    return found if whole is None else {**found, "by_patient": {**measure(whole, "classes"), "patients": len(whole)}}


def measure(pairs: pd.DataFrame, task: str = "regression") -> dict[str, float | None]:
    """RMSE, MAE and R² over studies, or what a yes or no, or one of many classes, is judged by; None where one does
    not exist."""
    kinds = {"classification": DECISIONS, "classes": PLACED}
    figures = kinds.get(task, {"rmse": rmse, "mae": mae, "r2": r2})
    said, true = (pairs[name].to_numpy(dtype=np.float64) for name in ("predicted", "true"))
    if not len(pairs):
        return dict.fromkeys(figures)
    values = {name: figure(said, true, None) for name, figure in figures.items()}
    return {name: float(value) if np.isfinite(value) else None for name, value in values.items()}


def calibrate(pairs: pd.DataFrame, recipe: Recipe, parts: str) -> dict[str, Any]:
    """What a split conformal interval needs: the absolute residual of every validation study, ascending.

    Nothing where yes or no is predicted: a probability has no such interval.
    """
    if recipe.task == "classification":
        return {}
    residuals = np.sort(np.abs(pairs["predicted"].to_numpy(dtype=float) - pairs["true"].to_numpy(dtype=float)))
    return {
        "method": f"split conformal, absolute residual of the mean over {parts}",
        "split": "validation",
        "quantity": recipe.target,
        "level": LEVEL,
        "residuals": [round(float(value), 6) for value in residuals],
    }


def truth_table(
    splits: Sequence[tuple[str, Sequence[Study]]],
    target: str,
    classes: Sequence[str] = (),
    more: Sequence[str] = (),
) -> pd.DataFrame:
    """The target of every study, as evaluation reads it; of classes a row for each, 1 where the study is of it.

    Args:
        splits: studies by split.
        target: name of the label.
        classes: names of the classes, where that is what the target is.
        more: other labels, of the studies that have them.
    """
    rows = [
        (study.id, study.patient_id, split, quantity, value)
        for split, studies in splits
        for study in studies
        for quantity, value in [
            *true_values(float(study.labels[target]), target, classes),
            *((name, float(study.labels[name])) for name in more if name != target and name in study.labels),
        ]
    ]
    return table.check_truth(pd.DataFrame(rows, columns=list(table.TRUTH_COLUMNS)))


def true_values(label: float, target: str, classes: Sequence[str]) -> list[tuple[str, float]]:
    """A label as rows of the table of truth: quantity and value."""
    if not classes:
        return [(target, label)]
    return [(class_quantity(target, name), float(place == label)) for place, name in enumerate(classes)]


def describe_history(recipe: Recipe, state: State) -> dict[str, Any]:
    """Which epoch of the last stage was the best, of how many of all stages."""
    values = [recipe.watch(row) for row in state.phase_history]
    return {"best_epoch": state.before + int(np.argmin(values)) + 1, "epochs": len(state.history)}


def describe(
    recipe: Recipe,
    data: TrainingData,
    metrics: Mapping[str, Any],
    calibration: Mapping[str, Any],
    start: Mapping[str, Any],
    mask: Mapping[str, Any],
) -> Manifest:
    """The manifest of a finished run, all but its weights' hash."""
    values = recipe.model_dump(mode="json")
    return Manifest(
        model=recipe.model.name,
        options=network_options(recipe),
        clip=recipe.clip_spec.as_dict(),
        target=recipe.target,
        unit=unit(recipe.target),
        training_data=data.describe(),
        metrics=dict(metrics),
        licence=join_licences(recipe.licence, start),
        versions={
            "cinecor": __version__,
            "lightning": importlib.metadata.version("lightning"),
            "python": platform.python_version(),
        },
        storage=recipe.weights,
        extra={
            "calibration": dict(calibration),
            "clips_per_loop": 1 if recipe.sampling.from_first else recipe.sampling.test_clips,
            "task": recipe.task,
            "structures": list(recipe.structures) if recipe.task == "segmentation" else [],
            "classes": list(recipe.classes),
            "case": recipe.case,
            "view": recipe.view,
            "from_first": recipe.sampling.from_first,
            "every_start": recipe.sampling.test == "all" and not recipe.sampling.from_first,
            "recipe": values,
            "recipe_fingerprint": fingerprint(recipe),
            **({"start": dict(start)} if start else {}),
            **({"mask": dict(mask)} if mask else {}),
        },
    )


def _embed(recipe: Recipe, data: TrainingData, cache: Cache, task: Task, device: torch.device) -> dict[str, Tensor]:
    if recipe.reference_clips == 0:
        return {}
    clips = data.make_reference(cache, task.network.streams)
    places = np.unique(np.linspace(0, len(clips) - 1, min(recipe.reference_clips, len(clips))).round().astype(int))
    chosen = Subset(clips, places.tolist())
    loader = make_loader(chosen, recipe.workers, device, batch_size=recipe.batch_size)
    return {REFERENCE: embed_clips(task, loader, device)}


def _as_stored(tensor: Tensor, kind: str) -> Tensor:
    return tensor.to(getattr(torch, kind)).to(tensor.dtype) if tensor.is_floating_point() else tensor
