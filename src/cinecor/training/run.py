"""One training from a recipe and a data folder to a run's folder, and what can be asked of that folder."""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from filelock import FileLock, Timeout
from rich.console import Console
from scipy.special import logit

from cinecor import storage
from cinecor.clips import Cache
from cinecor.errors import ConfigError, ResourceError, StorageError
from cinecor.models import create_model
from cinecor.models.checkpoint import MANIFEST_NAME, Manifest, read_manifest
from cinecor.models.contract import Network
from cinecor.models.starting import start_from
from cinecor.records import SPLITS, Study
from cinecor.training.classes import class_shares
from cinecor.training.data import TrainingData, open_data, tell_left_out
from cinecor.training.earlier_runs import keep_earlier, refuse_learned
from cinecor.training.feeds import open_feeds
from cinecor.training.finishing import finish
from cinecor.training.kept_cases import CASES_NAME, keep_cases
from cinecor.training.leakage import warning_of
from cinecor.training.mask_start import keep_mask, open_mask, pin_mask
from cinecor.training.phases import begin_phase, list_phases
from cinecor.training.precision import is_mixed
from cinecor.training.processes import Processes, are_several, check_shared, join_processes
from cinecor.training.recipe import FAILURE_NAME, dump_recipe, fingerprint, load_recipe, network_options, resolve
from cinecor.training.recipe_fields import Recipe
from cinecor.training.start import describe_start, pin_start, read_start, start_folder
from cinecor.training.state import State
from cinecor.training.taken_splits import keep_division
from cinecor.training.task import Task
from cinecor.training.unnamed_runs import check_named

if TYPE_CHECKING:
    from lightning.fabric import Fabric

RECIPE_NAME = "recipe.yaml"
_LEFT = 22  # columns of a summary's names
RARE = 0.01  # a training split without one kind starts there, not at infinity
SUMMARY = {
    "regression": {"rmse": "RMSE", "mae": "MAE", "r2": "R²"},
    "classification": {
        "auroc": "AUROC",
        "sensitivity": "sensitivity",
        "specificity": "specificity",
        "precision": "precision",
        "f1": "F1",
        "accuracy": "accuracy",
    },
    "classes": {
        "accuracy": "accuracy",
        "macro_precision": "precision",
        "macro_recall": "recall",
        "macro_f1": "F1",
    },
}
"""What a summary shows, by name."""
TIMING_NAME = "timing.json"
"""How long the training took; apart from the manifest, which is the same however often it was interrupted."""
_OWN = {RECIPE_NAME, ".lock", FAILURE_NAME}


@dataclass(frozen=True)
class Run:
    """A finished training.

    ``folder`` holds ``recipe.yaml`` (resolved), ``model.safetensors`` and ``manifest.json`` (the best epoch),
    ``metrics.csv``, ``tensorboard/``, ``predictions_<split>.csv``, ``truth.csv``, ``cases.csv`` (whose pictures it
    had), ``earlier_cases.csv`` (those of the runs that it builds upon), ``taken_splits.csv`` (where they are another
    run's), ``timing.json`` and ``last.ckpt``.
    """

    folder: Path
    recipe: Recipe
    manifest: Manifest

    def summary(self) -> str:
        """The metrics of the best epoch and, where the recipe stands for one, those of the paper."""
        metrics, unit = self.manifest.metrics, self.manifest.unit
        lines = [f"best epoch: {metrics['best_epoch']} of {metrics['epochs']} (by validation {self.recipe.monitor})"]
        words = summary_words(self.recipe)
        lines.append(f"{'':<{_LEFT}}{''.join(f'{word:>{_wide(word)}}' for word in words.values())}   {unit}".rstrip())
        lines += [_metric_row(split, metrics[split], words) for split in SPLITS]
        lines += [
            _metric_row(f"{split}, patients", metrics[split]["by_patient"], words)
            for split in SPLITS
            if metrics[split].get("by_patient")
        ]
        if self.recipe.published is not None:
            lines.append(_metric_row("published", self.recipe.published.model_dump(), words))
        lines.append(f"trained on: {self.manifest.training_data['description']}")
        left_out, leak = tell_left_out(self.manifest.training_data), warning_of(self.manifest.training_data)
        lines += [left_out] if left_out else []
        lines += [f"warning: {leak}"] if leak else []
        lines.append(f"run: {self.folder}")
        return "\n".join(lines)


def summary_words(recipe: Recipe) -> Mapping[str, str]:
    """Metrics that a summary shows, and what it calls them; of outlines the structures decide."""
    if recipe.kind == "outlines":
        return {**{f"dice_{name}": f"Dice {name}" for name in recipe.structures}, "cross_entropy": "cross-entropy"}
    return SUMMARY.get(recipe.kind, SUMMARY["regression"])


def train(recipe: Recipe, data: Path | Sequence[Study], out: Path, *, cache: Path | None = None) -> Run:
    """Train as the recipe says; go on where an earlier call was interrupted; do nothing where it had finished.

    A run that was interrupted, by a signal or by ``kill -9``, ends with the same weights, to the bit on a CPU with the
    same number of threads, as one that was not. Processes that ``torchrun`` started share each batch.

    Args:
        recipe: what to train.
        data: a folder in a known layout, or studies.
        out: the run's folder, new or of an earlier call with the same recipe and data.
        cache: where decoded frames go; by default the folder that ``CINECOR_CACHE`` names, or the user's cache.

    Raises:
        ConfigError: CONFLICT where ``out`` holds something else, where weights to start from are not imported, or where
            a run that the recipe builds upon is not named.
        DatasetError, InputError: the data cannot be used; LEAKAGE where somebody is validated or tested on whom a run
            that the recipe builds upon had in an earlier split.
        StorageError: LOCKED where another process trains there; or the folder cannot be written.
        CheckpointError: NONFINITE where the training diverges; CORRUPT, MISMATCH for an earlier state or for
            weights to start from; MISSING_FILE where those, or a mask's, are not there.
        ResourceError: NO_DEVICE, OOM.
    """
    check_named(recipe)
    recipe = pin_mask(pin_start(resolve(recipe)))
    if are_several():
        check_shared(recipe)
    processes = join_processes(recipe.device)
    with ExitStack() as held, _memory_errors(), _quiet():
        with processes.in_turn():
            if processes.first:
                held.enter_context(_locked(out))
            opened = open_data(recipe, data, cache or (None if isinstance(data, Path) else out / "cache"), run=out)
            finished = (out / MANIFEST_NAME).exists()
            if processes.first:
                _refuse_other(opened.recipe, out)
                if not finished:
                    _begin(opened, out)
                keep_mask(opened.recipe, out)
            frames = None if finished else opened.build_cache(open_mask(opened.recipe, out))
        if frames is None:
            return _read_finished(opened.recipe, opened, out, processes)
        return Run(out, opened.recipe, _train(opened.recipe, opened, frames, out, processes))


def open_run(folder: Path) -> Run:
    """A finished run.

    Raises:
        CheckpointError: it has no weights, or they are damaged.
        ConfigError: its recipe is missing or damaged.
    """
    return Run(folder, load_recipe(folder / RECIPE_NAME), read_manifest(folder))


def _train(recipe: Recipe, data: TrainingData, cache: Cache, out: Path, processes: Processes) -> Manifest:
    from cinecor.training.loop import STATE_NAME, Fit, find_state  # ten seconds, which a finished run need not wait

    state = find_state(out / STATE_NAME, fingerprint(recipe), data.fingerprint)
    if processes.first:
        keep_cases(data.divided, out)
    fabric = _open_device(recipe, processes)
    if not state.model and recipe.start.weights is not None:
        state.start = describe_start(read_start(recipe))
    phases = list_phases(recipe)
    with _one_picture_thread():
        for number in range(state.phase, len(phases)):
            part, state = replace(data, recipe=phases[number]), begin_phase(state, number)
            task = make_task(part.recipe, data.read_targets("train"), fabric.device, begun=bool(state.model))
            feeds = open_feeds(part, cache, task.network.streams, processes)
            validation = part.make_dataset(cache, "validation", "validation", task.network.streams)
            state = Fit(part.recipe, task, feeds, validation, out, fabric, state, processes).run()
            if fabric.device.type == "cuda":
                torch.cuda.empty_cache()  # what one stage kept of the memory would be missing in the next
        if processes.first:
            storage.write_text(out / TIMING_NAME, json.dumps(_timing(state)) + "\n")
            finish(recipe, data, cache, task, state, out, fabric.device)
        processes.wait()
        return read_manifest(out)


def _timing(state: State) -> dict[str, Any]:
    """Seconds of training and validation, in all and epoch by epoch; of epochs that an older version trained there are
    none."""
    each = [round(seconds, 2) for seconds in state.epoch_seconds]
    return {"train_seconds": round(state.seconds, 1), "epoch_seconds": each}


def _open_device(recipe: Recipe, processes: Processes) -> Fabric:
    from lightning.fabric import Fabric

    # A decoder whose outlines are not learned has no gradient, which plain DDP would wait for.
    shared = {
        "devices": processes.count // processes.machines,
        "num_nodes": processes.machines,
        "strategy": "ddp_find_unused_parameters_true",
    }
    fabric = Fabric(accelerator=_accelerator(recipe), **(shared if processes.count > 1 else {"devices": 1}))
    fabric.launch()
    if fabric.device.type == "cuda":
        torch.backends.cudnn.benchmark = True
    return fabric


def make_task(recipe: Recipe, targets: np.ndarray, device: torch.device, *, begun: bool = False) -> Task:
    """The recipe's network with its first weights, a function of the seed and of those that it starts from.

    A fresh head starts at the mean of the targets. The device decides on nothing but the precision; the weights are on
    the CPU.

    Args:
        recipe: resolved; what it starts from is pinned.
        targets: of the training split.
        device: where it will be trained.
        begun: weights of a training that was begun will be put in, so that those it started from are not needed.
    """
    torch.manual_seed(recipe.seed)
    network = create_model(recipe.model.name, recipe.outputs, **network_options(recipe))
    options: dict[str, Any] = {"mixed": is_mixed(recipe, device), "channels_last": recipe.channels_last}
    options |= {"outlines": recipe.loss.outline > 0, "frozen": recipe.start.freeze}
    options |= {"contrast": recipe.loss.name == "coreecho", "adversarial": recipe.semi.method == "gan"}
    kept = recipe.start.weights is not None and not begun and _start(network, recipe)
    if recipe.task == "segmentation":
        return Task(network, **options)
    if recipe.kind == "classes":
        if not kept:
            network.set_output_bias(np.log(class_shares(targets, recipe.outputs)).tolist())
        return Task(network, **options)
    mean, spread = float(targets.mean()), float(targets.std())
    if recipe.task == "classification":
        mean = float(logit(np.clip(mean, RARE, 1 - RARE)))
    if recipe.standardise and spread > 0:
        if kept:
            network.scale_output(1 / spread, -mean / spread)
        else:
            network.set_output_bias(0.0)
        return Task(network, mean=mean, scale=spread, **options)
    if not kept:
        network.set_output_bias(mean)
    return Task(network, **options)


def _start(network: Network, recipe: Recipe) -> bool:
    start = recipe.start
    keep = start.head == "keep" and read_start(recipe).extra.get("classes", []) == list(recipe.classes)
    return start_from(network, start_folder(recipe), target=recipe.target, keep_head=keep, sha256=start.sha256)


def _begin(data: TrainingData, out: Path) -> None:
    """Take the folder for a training, after nobody is judged by whom an earlier run knows."""
    if data.taken:
        kept = sum(study.patient_id in data.taken for study, _ in data.divided.values())
        _say(
            f"{kept} of {len(data.divided)} cases are of patients with a split in {data.recipe.split.like}, and keep it"
        )
    refuse_learned(data.recipe, data.splits, data.present, out, _say)
    _claim(data.recipe, out)
    keep_division(data.taken, out)
    keep_earlier(data.recipe, out)


def _say(text: str) -> None:
    Console(stderr=True).print(text, highlight=False, markup=False, soft_wrap=True)


def _refuse_other(recipe: Recipe, out: Path) -> None:
    """See that a folder is this recipe's or nobody's."""
    path = out / RECIPE_NAME
    if path.exists():
        if fingerprint(load_recipe(path)) != fingerprint(recipe):
            what, cure = "it holds a run of another recipe", "give another folder, or the recipe that it holds"
            raise ConfigError("CONFLICT", what, cure, where=out.name)
    elif any(entry.name not in _OWN for entry in out.iterdir()):
        raise ConfigError("CONFLICT", "the folder is not empty and holds no run", "give another", where=out.name)


def _claim(recipe: Recipe, out: Path) -> None:
    path = out / RECIPE_NAME
    if not path.exists():
        command = f"# cinecor train {RECIPE_NAME} --data DIR --out {shlex.quote(out.name)}\n"
        storage.write_text(path, command + dump_recipe(recipe))


def _read_finished(recipe: Recipe, data: TrainingData, out: Path, processes: Processes) -> Run:
    manifest = read_manifest(out)
    if manifest.training_data.get("fingerprint") != data.fingerprint:
        what = "its finished run was trained on other studies, splits or labels"
        raise ConfigError("CONFLICT", what, "give another folder", where=out.name)
    if processes.first and not (out / CASES_NAME).exists():  # of an earlier version
        keep_cases(data.divided, out)
        keep_earlier(recipe, out)
    return Run(out, recipe, manifest)


def _accelerator(recipe: Recipe) -> str:
    if recipe.device == "gpu" and not (torch.cuda.is_available() or torch.backends.mps.is_available()):
        raise ResourceError("NO_DEVICE", "no GPU can be used", "choose --device cpu or auto", where="device")
    return recipe.device


def _metric_row(name: str, values: Mapping[str, Any], words: Mapping[str, str]) -> str:
    cells = [(values.get(key), _wide(word)) for key, word in words.items()]
    return f"{name:<{_LEFT}}" + "".join(
        f"{'–' if cell is None else format(cell, '.2f'):>{wide}}" for cell, wide in cells
    )


def _wide(word: str) -> int:
    return max(8, len(word) + 2)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    """One training in a folder at a time; the lock ends with its process, however that ends."""
    storage.make_folder(out)
    with storage.loud(out):
        lock = FileLock(out / ".lock")
        try:
            lock.acquire(blocking=False)
        except Timeout as error:
            raise StorageError(
                "LOCKED", "another process trains here", "wait, or give another folder", where=out.name
            ) from error
    with lock:
        yield


@contextmanager
def _memory_errors() -> Iterator[None]:
    try:
        yield
    except (torch.cuda.OutOfMemoryError, MemoryError) as error:
        raise ResourceError("OOM", "the memory does not suffice", "choose a smaller --batch_size") from error


@contextmanager
def _one_picture_thread() -> Iterator[None]:
    """OpenCV's threads get in the way of torch's: small pictures gain nothing from them, and they spin as they wait."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Lightning's announcements and tips, some of which come with a network, are for its own users."""
    logger = logging.getLogger("lightning.fabric.utilities.rank_zero")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(before)
