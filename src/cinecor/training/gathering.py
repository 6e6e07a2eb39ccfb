"""The rows of a comparison from the folders of a benchmark's runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from cinecor.evaluation import table
from cinecor.evaluation.class_table import by_clip, by_study
from cinecor.evaluation.outline_table import OutlineRow
from cinecor.evaluation.run_row import RunRow
from cinecor.evaluation.samples import read_samples
from cinecor.evaluation.segmentation import summarise_masks
from cinecor.models.checkpoint import MANIFEST_NAME
from cinecor.records import SPLITS, Study
from cinecor.training.cost import read_cost
from cinecor.training.finishing import TRUTH_NAME, predictions_name
from cinecor.training.logs import METRICS_NAME
from cinecor.training.outline_scores import FRAMES_NAME, mean_by_study, read_frames, summarise_outlines
from cinecor.training.run import TIMING_NAME
from cinecor.training.sweep import Job, Outcome

FAIR, POOR = "good and medium", "poor"
"""Groups of image quality in which CoReEcho reports its results on CAMUS."""


def gather(outcomes: Iterable[Outcome]) -> list[RunRow]:
    """What each training predicted, learned and cost, or why it failed.

    Trainings of one model and seed that were tested on fold after fold are one row, in which every patient is tested
    once; it is there when all its folds have ended.
    """
    alike: dict[tuple[str, int], list[Outcome]] = {}
    for outcome in outcomes:
        alike.setdefault((outcome.job.name, outcome.job.recipe.seed), []).append(outcome)
    return [row for each in alike.values() if (row := _gather_folds(each)) is not None]


def gather_outlines(outcomes: Iterable[Outcome]) -> list[OutlineRow]:
    """How well the outlines of each training agree with an expert's, folds of one training and seed together."""
    alike: dict[tuple[str, int], list[Outcome]] = {}
    for outcome in outcomes:
        alike.setdefault((outcome.job.name, outcome.job.recipe.seed), []).append(outcome)
    return [_gather_outlines(each) for each in alike.values()]


def _gather_outlines(outcomes: Sequence[Outcome]) -> OutlineRow:
    job = outcomes[0].job
    published = job.recipe.published
    row = OutlineRow(
        name=job.name,
        variant=_called(job)[1],
        seed=job.recipe.seed,
        published=None if published is None else published.cross_entropy,
        failure="; ".join(outcome.failure for outcome in outcomes if outcome.failure),
    )
    if row.failure:
        return row
    frames = pd.concat([read_frames(outcome.job.folder / FRAMES_NAME) for outcome in outcomes], ignore_index=True)
    whole = summarise_outlines(frames)
    return replace(
        row,
        overlaps=tuple(summarise_masks(mean_by_study(frames))),
        frames=whole["frames"],
        cross_entropy=whole["cross_entropy"],
    )


def _gather_folds(outcomes: Sequence[Outcome]) -> RunRow | None:
    """The row of a training, or of all its folds together; None while some are missing."""
    folds = outcomes[0].job.folds
    if not folds:
        return _gather(outcomes[0])
    ended = {outcome.job.recipe.split.fold: outcome for outcome in outcomes}
    if set(ended) != set(folds):
        return None
    failed = [f"fold {fold}: {ended[fold].failure}" for fold in folds if ended[fold].failure]
    if failed:
        return replace(_gather(outcomes[0]), pairs={}, history=None, cost={}, failure="; ".join(failed))
    rows = [_gather(ended[fold]) for fold in folds]
    tested = pd.concat([row.pairs["test"] for row in rows], ignore_index=True)
    clips = [row.clips for row in rows if row.clips is not None]
    together = pd.concat(clips, ignore_index=True) if clips else None
    return replace(rows[0], pairs={"test": tested}, history=None, clips=together, samples={})


def group_by_quality(studies: Sequence[Study], view: str | None) -> dict[str, str]:
    """By study ``good and medium`` or ``poor``, as the labels grade its loop of the view; none where nothing does."""
    label = "quality" if view is None else f"quality_{view.lower()}"
    known = {study.id: str(study.labels[label]).lower() for study in studies if label in study.labels}
    sorts = {"good": FAIR, "medium": FAIR, "poor": POOR}
    found = {study: sorts[grade] for study, grade in known.items() if grade in sorts}
    return {study: sort for wanted in (FAIR, POOR) for study, sort in found.items() if sort == wanted}


def _gather(outcome: Outcome) -> RunRow:
    job = outcome.job
    published = job.recipe.published
    family, variant = _called(job)
    row = RunRow(
        name=job.name,
        family=family,
        variant=variant,
        seed=job.recipe.seed,
        published=None if published is None else published.model_dump(),
        failure=outcome.failure,
        case=job.recipe.case,
        apart=_tested_on(job),
    )
    return row if outcome.failure else _with_results(row, job)


def _called(job: Job) -> tuple[str, str]:
    """Kind and variant of a row: the paper's words, or the network that ran in the place of the paper's, and what else
    is not the paper's."""
    published = job.recipe.published
    family, variant = ("", "") if published is None else (published.family, published.variant)
    words = ", ".join(text for text in (variant, job.swapped, job.besides) if text)
    return (job.recipe.model.name if job.swapped else family), words


def _tested_on(job: Job) -> str:
    """What decides which cases are tested on, where classes are learned: rows that differ in it are no pair."""
    recipe = job.recipe
    if recipe.kind != "classes":
        return ""
    return json.dumps([recipe.case, recipe.clip_spec.crop == "roi", recipe.split.model_dump(exclude={"fold"})])


def _with_results(row: RunRow, job: Job) -> RunRow:
    truth, many = table.read_truth(job.folder / TRUTH_NAME), job.recipe.kind == "classes"
    pairs: dict[str, pd.DataFrame] = {}
    clips: pd.DataFrame | None = None
    for split in SPLITS:
        said, known = table.read_predictions(job.folder / predictions_name(split)), truth[truth["split"] == split]
        found = by_study(said, known, job.recipe.target) if many else table.pair(said, known)
        if many and split == "test":
            clips = by_clip(said, known, job.recipe.target)
        pairs[split] = found[found["quantity"] == job.recipe.target]  # a stack's tables hold other figures, too
    shared = int((truth.groupby("patient")["split"].nunique() > 1).sum())
    history = pd.read_csv(job.folder / METRICS_NAME)
    return replace(
        row,
        pairs=pairs,
        history=history,
        cost=_read_cost(job, len(history)),
        warning=f"PATIENTS LEAK: {shared} in more than one split" if shared else "",
        clips=clips,
        kept=_kept_epoch(job.folder),
        setting=_setting(job, pairs["train"]),
        samples=read_samples(job.folder),
    )


def _kept_epoch(folder: Path) -> int | None:
    path = folder / MANIFEST_NAME
    return int(json.loads(path.read_text("utf-8"))["metrics"]["best_epoch"]) if path.exists() else None


def _setting(job: Job, trained: pd.DataFrame) -> dict[str, float]:
    """What a study may vary: the size of clips, and how many cases of each class kept their label, where few did or
    the others were learned from without."""
    recipe = job.recipe
    found: dict[str, float] = {name: float(getattr(recipe.clip_spec, name)) for name in ("height", "width")}
    if recipe.semi.method != "none" or recipe.semi.labels_per_class:
        found["labels_per_class"] = len(trained) / max(2, len(recipe.classes) or trained["true"].nunique())
    return found


def _read_cost(job: Job, epochs: int) -> dict[str, float | int]:
    """What the network costs, and how long its training and an epoch of it took: the median, or the mean of a run of an
    older version, which did not count each."""
    if not job.measured:
        return {}
    path = job.folder / TIMING_NAME
    found: dict[str, Any] = read_cost(job.folder, job.recipe)
    found |= json.loads(path.read_text("utf-8")) if path.exists() else {}
    each = found.pop("epoch_seconds", None)
    if each:
        found["epoch_seconds"] = median(each)  # the first begins with the machine cold, another may wait for others
    elif "train_seconds" in found and epochs:
        found["epoch_seconds"] = round(found["train_seconds"] / epochs, 2)
    return found
