"""Predictions and truth for evaluation: those that a run saved, or new ones for another data folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

import pandas as pd
import torch

from cinecor.clips import Cache, ClipDataset, Sampling
from cinecor.clips.masking import load_mask
from cinecor.clips.sampling import as_tested
from cinecor.errors import ConfigError, DatasetError
from cinecor.evaluation import Results, evaluate, table
from cinecor.evaluation.case_words import words_of
from cinecor.evaluation.outline_examples import OutlineExample
from cinecor.models.checkpoint import Manifest, load_checkpoint, read_manifest
from cinecor.models.devices import choose_device
from cinecor.records import LV, SPLITS, ClipSpec, Split, Study
from cinecor.training.cases import make_cases
from cinecor.training.classes import encode_classes
from cinecor.training.correction import Line
from cinecor.training.data import cache_part, default_cache
from cinecor.training.finishing import TRUTH_NAME, predictions_name, truth_table
from cinecor.training.held_out import Division, divide
from cinecor.training.leakage import warning_of
from cinecor.training.loading import make_loader
from cinecor.training.outline_pictures import picture_outlines
from cinecor.training.outline_scores import FRAMES_NAME, judge_outlines, keep_outlined, outlined_part, read_frames
from cinecor.training.outlined import predict_outlined
from cinecor.training.prediction import Said, predict_values, to_predictions, to_probabilities
from cinecor.training.reading import read_folder
from cinecor.training.recipe_fields import OUTLINED_FRAMES
from cinecor.training.splitting import keep_labelled, keep_view
from cinecor.training.stacks import MEASURED, is_stack, measure_truth
from cinecor.training.task import Task

ALL = "all"
Tell: TypeAlias = Callable[[Division], None]
"""What is done with how a data folder was divided, once that is known."""
BATCH = 8  # clips; the predictions do not depend on it


def predictions_of(
    run: Path,
    data: Path | None = None,
    split: str = "test",
    *,
    cache: Path | None = None,
    device: str = "auto",
    tell: Tell | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Tables of predictions and truth, and the manifest of the weights.

    Args:
        run: folder of a finished run, or any folder with weights and manifest.
        data: predict on this data folder now; None takes the tables that the run saved.
        split: train, validation, test or all. A data folder without splits is test as a whole.
        cache: where decoded frames of ``data`` go.
        device: what ``data`` are predicted on, see :func:`cinecor.models.devices.choose_device`.
        tell: is told which of ``data`` are the run's own, before they are predicted.

    Raises:
        ConfigError: OUT_OF_RANGE for another split; CONFLICT where no tables were saved and no data are given.
        DatasetError, CheckpointError, InputError: tables, data or weights cannot be used.
        ResourceError: NO_DEVICE.
    """
    wanted = splits_called(split)
    manifest = read_manifest(run)
    if data is None:
        predictions, truth = _read_saved(run, wanted)
    else:
        predictions, truth = _predict(run, data, wanted, cache, choose_device(device), tell)
    return predictions, truth, manifest.model_dump(mode="json")


def score_run(
    run: Path,
    data: Path | None = None,
    split: str = "test",
    *,
    cache: Path | None = None,
    device: str = "auto",
    tell: Tell | None = None,
) -> tuple[Results, dict[str, Any]]:
    """Evaluate a run on one split (or on all that a data folder holds), and the manifest of the weights.

    Where the run saved its validation predictions, conformal intervals made from them are checked as well. What may
    make figures of ``data`` look better than they are is the first of the warnings.

    Raises:
        As :func:`predictions_of`.
    """
    doubts: list[str] = []

    def hear(division: Division) -> None:
        doubts.append(division.doubt)
        if tell is not None:
            tell(division)

    predictions, truth, manifest = predictions_of(run, data, split, cache=cache, device=device, tell=hear)
    if split == ALL:
        predictions, truth = (part.assign(split="test") for part in (predictions, truth))
    validation = None
    if data is None and split == "test":
        validation, held, _ = predictions_of(run, None, "validation")
        truth = pd.concat([truth, held], ignore_index=True)
    asked, words = "test" if split == ALL else split, words_of(manifest)
    results = evaluate(predictions, truth, split=asked, validation=validation, words=words)
    leak = "" if data is not None else warning_of(manifest["training_data"])
    first = [text for text in (leak, *doubts) if text]
    return replace(results, warnings=(*first, *results.warnings)), manifest


def score_outlines(
    run: Path,
    data: Path | None = None,
    split: str = "test",
    *,
    cache: Path | None = None,
    device: str = "auto",
    tell: Tell | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """How well the outlines of a run on which nothing is measured agree with an expert's, frame by frame
    (``outline_scores``), and the manifest of the weights.

    Raises:
        As :func:`predictions_of`; ConfigError CONFLICT for another split than test where no data are given.
    """
    if data is None:
        return _read_outlines(run, split), read_manifest(run).model_dump(mode="json")
    task, clips, there, manifest = _open_outlines(run, data, split, cache, device, tell)
    return judge_outlines(task, clips, there), manifest.model_dump(mode="json")


def show_outlines(
    run: Path,
    data: Path | None = None,
    split: str = "test",
    *,
    cache: Path | None = None,
    device: str = "auto",
    tell: Tell | None = None,
) -> tuple[pd.DataFrame, list[OutlineExample], dict[str, Any]]:
    """What :func:`score_outlines` says, and between both a few frames to look at; none without data: a run keeps none.

    Raises:
        As :func:`score_outlines`; InputError, LimitError for a frame that cannot be read.
    """
    if data is None:
        rows, known = score_outlines(run, None, split)
        return rows, [], known
    task, clips, there, manifest = _open_outlines(run, data, split, cache, device, tell)
    rows = judge_outlines(task, clips, there)
    return rows, list(picture_outlines(task, clips, there, rows)), manifest.model_dump(mode="json")


def _read_outlines(run: Path, split: str) -> pd.DataFrame:
    if splits_called(split) != ("test",) or not (run / FRAMES_NAME).exists():
        what = "only the frames of the test split are kept with a run"
        raise ConfigError("CONFLICT", what, "give --data", where=run.name)
    return read_frames(run / FRAMES_NAME)


def _open_outlines(
    run: Path, data: Path, split: str, cache: Path | None, device: str, tell: Tell | None
) -> tuple[Task, ClipDataset, torch.device, Manifest]:
    """The network where it computes, and every outlined frame of a split as a clip."""
    wanted = splits_called(split)
    network, manifest = load_checkpoint(run)
    spec, there = ClipSpec.from_dict(manifest.clip), choose_device(device)
    cases = _divide(run, _read_cases(data, manifest, spec), tell)
    studies = [study for each in select_splits(cases, wanted).values() for study in each]
    frames = _build_cache(run, studies, spec, data, manifest, cache)
    structures = tuple(manifest.extra["structures"])
    clips = ClipDataset(studies, frames, spec, sampling=Sampling(how="outlined"), targets=(), structures=structures)
    return Task(network).to(there), clips, there, manifest


def splits_called(name: str) -> tuple[Split, ...]:
    """The split of this name, or all.

    Raises:
        ConfigError: OUT_OF_RANGE for another name.
    """
    if name not in (*SPLITS, ALL):
        raise ConfigError("OUT_OF_RANGE", f"{name!r} is no split", f"choose of {', '.join(SPLITS)}, all", where="split")
    return tuple(split for split in SPLITS if name in (split, ALL))


def _read_saved(run: Path, splits: tuple[Split, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
    if not (run / TRUTH_NAME).exists():
        raise ConfigError("CONFLICT", "this folder has no saved predictions", "give --data", where=run.name)
    truth = table.read_truth(run / TRUTH_NAME)
    predictions = pd.concat([table.read_predictions(run / predictions_name(split)) for split in splits])
    return predictions.reset_index(drop=True), truth[truth["split"].isin(splits)].reset_index(drop=True)


def _predict(
    run: Path, data: Path, splits: tuple[Split, ...], cache: Path | None, device: torch.device, tell: Tell | None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    network, manifest = load_checkpoint(run)
    spec, target, classes = ClipSpec.from_dict(manifest.clip), manifest.target, manifest.extra.get("classes", [])
    by_split = select_splits(_divide(run, _read_cases(data, manifest, spec), tell), splits)
    task = Task(network).to(device)
    listed = [study for each in by_split.values() for study in each]
    frames = _build_cache(run, listed, spec, data, manifest, cache)
    tables = []
    for split, studies in by_split.items():
        rows = _measure(task, studies, frames, spec, manifest, split, device)
        tables.append(table.from_predictions(to_predictions(rows, studies, split, target, classes)))
    predictions = pd.concat(tables).reset_index(drop=True)
    stacks = manifest.extra.get("task") == "segmentation" and all(is_stack(study) for study in listed)
    more = MEASURED if stacks else ()
    return predictions, truth_table(list(by_split.items()), target, classes, more)


def _divide(run: Path, cases: Sequence[Study], tell: Tell | None) -> tuple[Study, ...]:
    division = divide(run, cases)
    if tell is not None:
        tell(division)
    return tuple(division.studies)


def _build_cache(
    run: Path, studies: Sequence[Study], spec: ClipSpec, data: Path, manifest: Manifest, cache: Path | None
) -> Cache:
    extra = manifest.extra
    kind = extra.get("case", "study") if manifest.target != OUTLINED_FRAMES else outlined_part(extra["structures"])
    folder = cache_part(cache or default_cache(data), extra.get("view"), kind)
    return Cache.build(studies, spec, folder, mask=load_mask(run, spec))


def _read_cases(data: Path, manifest: Manifest, spec: ClipSpec) -> Sequence[Study]:
    """What of a data folder the weights are about: views, cases and labels as they learned them."""
    extra, target = manifest.extra, manifest.target
    cases = make_cases(keep_view(read_folder(data)[1], extra.get("view")), extra.get("case", "study"), spec)
    if target == OUTLINED_FRAMES:
        cases = [keep_outlined(study, extra["structures"]) for study in cases]
    elif extra.get("task") == "segmentation":
        cases = [measure_truth(study) for study in cases]
    classes = extra.get("classes", [])
    return encode_classes(cases, target, classes) if classes else keep_labelled(cases, target)


def _measure(
    task: Task,
    studies: Sequence[Study],
    frames: Cache,
    spec: ClipSpec,
    manifest: Manifest,
    split: Split,
    device: torch.device,
) -> list[Said]:
    if manifest.extra.get("task") == "segmentation":
        line = Line(**manifest.extra["calibration"]["line"])
        structures = manifest.extra.get("structures") or [LV]
        return line.correct(list(predict_outlined(task, studies, frames, spec, structures, device)))
    streams, targets = task.network.streams, (manifest.target,)
    clips = ClipDataset(studies, frames, spec, sampling=_sampling(manifest, split), targets=targets, streams=streams)
    rows = predict_values(task, make_loader(clips, 0, device, batch_size=BATCH), device)
    yes_or_no = manifest.extra.get("task") == "classification" and not manifest.extra.get("classes")
    return to_probabilities(rows) if yes_or_no else rows


def select_splits(studies: tuple[Study, ...], splits: tuple[Split, ...]) -> dict[Split, tuple[Study, ...]]:
    """Studies by split; a data folder without splits is test as a whole.

    Raises:
        DatasetError: BAD_SPLIT where none is in them.
    """
    if all(study.split is None for study in studies):
        return {"test": studies}
    found = {split: tuple(study for study in studies if study.split == split) for split in splits}
    found = {split: each for split, each in found.items() if each}
    if not found:
        raise DatasetError("BAD_SPLIT", f"no study is in {' or '.join(splits)}", "choose another split")
    return found


def _sampling(manifest: Manifest, split: Split) -> Sampling:
    """As the weights are tested; the clips of training loops are never from every start."""
    hidden = {"every_start"} if split == "train" else set()
    return as_tested({name: value for name, value in manifest.extra.items() if name not in hidden})
