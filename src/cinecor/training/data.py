"""A data folder made ready for training: studies by split, their cached frames, and what a manifest says of them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import platformdirs

from cinecor.clips import Cache, ClipDataset, Sampling
from cinecor.clips.dataset import STREAM
from cinecor.clips.preparation import Masking
from cinecor.clips.transforms import AUGMENTATIONS
from cinecor.errors import DatasetError
from cinecor.records import LV, Split, Study
from cinecor.training.cases import make_cases
from cinecor.training.classes import encode_classes, list_classes
from cinecor.training.few_labels import draw_labelled, find_unlabelled
from cinecor.training.leakage import KEY, leak_of
from cinecor.training.outline_scores import keep_outlined, outlined_part
from cinecor.training.reading import is_synthetic, read_folder
from cinecor.training.recipe_fields import Recipe, SamplingPart
from cinecor.training.splitting import keep_labelled, keep_view, split_studies
from cinecor.training.stacks import is_stack, measure_truth
from cinecor.training.starts import read_starts
from cinecor.training.taken_splits import read_division

Purpose: TypeAlias = Literal["train", "validation", "test"]

_PLURALS = {"study": "studies", "loop": "loops, each a case,", "frame": "frames, each a case,"} | {
    "masked": "frames with masks, each a case,"
}

_APART = 2**32  # more than any seed of a recipe
CACHE_VARIABLE = "CINECOR_CACHE"
"""Environment variable that names the folder for decoded frames; else the user's cache folder."""


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """Studies with a target, by split, and their frames."""

    recipe: Recipe
    layout: str
    """Layout of the folder, or ``memory``."""
    synthetic: bool
    """Whether the hearts were simulated."""
    splits: Mapping[Split, tuple[Study, ...]]
    left_out: int
    """Cases without the target that nothing is learned from, without a loop of the view, or without a mask to crop
    to."""
    cache_folder: Path
    unlabelled: tuple[Study, ...] = ()
    """Cases whose clips are learned from without a label; those of the training split are among them."""
    undrawn: tuple[Study, ...] = ()
    """Cases of the training split that did not keep their label, learned from or not."""
    present: tuple[Study, ...] = ()
    """Studies of the folder, all of them, whatever the recipe takes of them."""
    taken: Mapping[str, Split] = field(default_factory=dict)
    """The split of patients that is another run's (``split.like``)."""

    @property
    def studies(self) -> tuple[Study, ...]:
        """All studies, by split, and those without a label after them."""
        found = {study.id: study for studies in (*self.splits.values(), self.unlabelled) for study in studies}
        return tuple(found.values())

    @property
    def divided(self) -> dict[str, tuple[Study, Split]]:
        """Every case that has a part, by name, with the split that it is in: what did not keep its label, or had none,
        is training."""
        bare: dict[str, tuple[Study, Split]] = {
            study.id: (study, "train") for study in (*self.undrawn, *self.unlabelled)
        }
        return bare | {study.id: (study, split) for split, studies in self.splits.items() for study in studies}

    def build_cache(self, mask: Masking | None = None) -> Cache:
        """Decode what is not in the cache yet; with the recipe's mask, where it has one."""
        return Cache.build(self.studies, self.recipe.clip_spec, self.cache_folder, mask=mask)

    def make_dataset(
        self, cache: Cache, split: Split, purpose: Purpose, streams: Sequence[str] = (STREAM,), copies: int = 1
    ) -> ClipDataset:
        """The clips of a split, as training, validation after an epoch, or the final test wants them; so many times."""
        return ClipDataset(
            self.splits[split] * copies,
            cache,
            self.recipe.clip_spec,
            sampling=choose_sampling(self.recipe, purpose, split),
            transform=self.recipe.augmentation_ranges if purpose == "train" else None,
            seed=self.recipe.seed,
            targets=(self.recipe.target,),
            streams=streams,
            repeats=1 if purpose != "train" or self.recipe.sampling.views_differ else self.recipe.sampling.views,
            structures=self._structures(purpose),
        )

    def make_unlabelled(
        self, cache: Cache, streams: Sequence[str] = (STREAM,), strong: str | None = None
    ) -> ClipDataset:
        """Training clips without targets, varied as the recipe has it or by the preset ``strong``.

        Their random numbers are not those of the clips with labels. Strong clips have the frames of the weak ones, and
        random numbers of their own for the variation.
        """
        recipe = self.recipe
        return ClipDataset(
            self.unlabelled,
            cache,
            recipe.clip_spec,
            sampling=choose_sampling(recipe, "train"),
            transform=recipe.augmentation_ranges if strong is None else AUGMENTATIONS[strong],
            seed=recipe.seed + _APART,
            variation_seed=None if strong is None else recipe.seed + 2 * _APART,
            targets=(),
            streams=streams,
        )

    def make_reference(self, cache: Cache, streams: Sequence[str] = (STREAM,)) -> ClipDataset:
        """Clips as validation takes them, of all that is learned from, with a label or without."""
        if not self.unlabelled:
            return self.make_dataset(cache, "train", "validation", streams)
        sampling = choose_sampling(self.recipe, "validation", "train")
        spec, seed = self.recipe.clip_spec, self.recipe.seed
        return ClipDataset(self.unlabelled, cache, spec, sampling=sampling, seed=seed, targets=(), streams=streams)

    def _structures(self, purpose: Purpose) -> tuple[str, ...]:
        if self.recipe.task == "segmentation":
            return self.recipe.structures
        return (LV,) if purpose == "train" and self.recipe.loss.outline > 0 else ()

    @property
    def parts(self) -> Literal["clips", "beats", "stacks", "frames"]:
        """What a prediction is made of."""
        if self.recipe.task != "segmentation":
            return "clips"
        if self.recipe.kind == "outlines":
            return "frames"
        return "stacks" if all(is_stack(study) for study in self.studies) else "beats"

    def read_targets(self, split: Split) -> np.ndarray:
        """The target of each study of a split."""
        return np.array([float(study.labels[self.recipe.target]) for study in self.splits[split]])

    @property
    def fingerprint(self) -> str:
        """A hash of who is in which split with which target."""
        rows = [
            [split, study.id, study.patient_id, float(study.labels[self.recipe.target]), len(study.cines)]
            for split, studies in self.splits.items()
            for study in studies
        ]
        rows += [["unlabelled", study.id, study.patient_id, len(study.cines)] for study in self.unlabelled]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def describe(self) -> dict[str, Any]:
        """What a manifest says of the training data; plain JSON."""
        train = self.read_targets("train")
        count = len(train)
        hearts = "synthetic hearts, " if self.synthetic else ""
        layout, leak = self.layout.replace("_", " "), leak_of(self.splits)
        few = self._describe_few()
        besides = f", {few['unlabelled']} more without a label" if few.get("unlabelled") else ""
        leaks = f"; PATIENTS LEAK: {leak[KEY]['patients']} are in more than one split" if leak else ""
        cases = f"{hearts}{count} {_PLURALS[self.recipe.case]} for training{besides}"
        return {
            "description": f"{cases} ({layout} layout){leaks}",
            "synthetic": self.synthetic,
            "layout": self.layout,
            "studies": {split: len(studies) for split, studies in self.splits.items()},
            "patients": {split: len({study.patient_id for study in each}) for split, each in self.splits.items()},
            "left_out": self.left_out,
            **leak,
            **few,
            "target_mean": float(train.mean()),
            "target_sd": float(train.std(ddof=1)) if count > 1 else 0.0,
            "fingerprint": self.fingerprint,
        }

    def _describe_few(self) -> dict[str, Any]:
        """Which cases kept their label, and how many are learned from without one; nothing where nothing was drawn."""
        semi = self.recipe.semi
        labelled = {study.id for study in self.splits["train"]}
        found: dict[str, Any] = {}
        if semi.labels_per_class:
            found["labelled"] = {"per_class": semi.labels_per_class, "seed": semi.seed, "cases": sorted(labelled)}
        if semi.method != "none":
            found["unlabelled"] = sum(study.id not in labelled for study in self.unlabelled)
        return found


def open_data(
    recipe: Recipe, source: Path | Sequence[Study], cache: Path | None = None, *, run: Path | None = None
) -> TrainingData:
    """Read a data folder (headers and tables only; masks where a clip is cropped to them,
    or where they are what is learned) and split its studies.

    The recipe that is kept has the names of the classes that the data have.

    Args:
        recipe: says target, cases and splits.
        source: a folder in a known layout, or studies already read.
        cache: where decoded frames go.
        run: folder of the training, which has the splits that it took over where it was begun.

    Raises:
        DatasetError: the folder is not what its layout promises, or a split is empty.
        CheckpointError: MISSING_FILE where the run whose splits are taken over is not there, or keeps no list of cases.
    """
    root = source if isinstance(source, Path) else None
    layout, studies = read_folder(source) if isinstance(source, Path) else ("memory", list(source))
    cases = _cases_of(recipe, studies)
    if recipe.kind == "classes":
        recipe = recipe.model_copy(update={"classes": recipe.classes or list_classes(cases, recipe.target)})
    labelled = _keep_targets(recipe, cases)
    taken = read_division(recipe.split.like, studies, run) if recipe.split.like is not None else {}
    splits = split_studies(labelled, recipe.split, recipe.target, taken)
    _check_monitor(recipe, splits["validation"])
    unlabelled, semi = find_unlabelled(recipe, cases, splits, taken), recipe.semi
    bare = len(unlabelled) - len(splits["train"]) if unlabelled else 0
    drawn = draw_labelled(splits["train"], recipe.target, semi.labels_per_class, semi.seed)
    kept = {study.id for study in drawn}
    return TrainingData(
        recipe=recipe,
        layout=layout,
        synthetic=is_synthetic(studies, root),
        splits={**splits, "train": drawn},
        left_out=max(len(studies), len(cases)) - len(labelled) - bare,
        cache_folder=_cache_of(recipe, cache or default_cache(root or Path.cwd() / "memory")),
        unlabelled=unlabelled,
        undrawn=tuple(study for study in splits["train"] if study.id not in kept),
        present=tuple(studies),
        taken=taken,
    )


def _cache_of(recipe: Recipe, folder: Path) -> Path:
    kind = recipe.case if recipe.kind != "outlines" else outlined_part(recipe.structures)
    return cache_part(folder, recipe.view, kind)


def _cases_of(recipe: Recipe, studies: Sequence[Study]) -> list[Study]:
    """What is split and counted as one, with what its own masks or outlines say as labels."""
    cases = make_cases(keep_view(studies, recipe.view), recipe.case, recipe.clip_spec)
    if recipe.kind == "segmentation":
        return [measure_truth(study) for study in cases]
    return [keep_outlined(study, recipe.structures) for study in cases] if recipe.kind == "outlines" else cases


def _keep_targets(recipe: Recipe, cases: Sequence[Study]) -> Sequence[Study]:
    """The cases that have a target of the recipe's kind, as a number."""
    if recipe.kind == "classes":
        return encode_classes(cases, recipe.target, recipe.classes)
    labelled = keep_labelled(cases, recipe.target)
    if recipe.kind == "classification":
        _check_yes_or_no(labelled, recipe.target)
    return labelled


def tell_left_out(training_data: Mapping[str, Any]) -> str:
    """How many cases a manifest says were left out; empty where none were."""
    count = training_data.get("left_out", 0)
    return f"left out: {count} without what is learned (cinecor check names what is missing)" if count else ""


def cache_part(folder: Path, view: str | None, case: str) -> Path:
    """Where in a cache the frames of these cases are: as cases, loops have other numbers than in whole studies."""
    folder = folder if view is None else folder / view
    return folder if case == "study" else folder / f"each_{case}"


def _check_yes_or_no(studies: Sequence[Study], target: str) -> None:
    others = sum(study.labels[target] not in (0, 1) for study in studies)
    if others:
        what, cure = f"{others} of {len(studies)} studies are neither 0 nor 1", "choose task regression for a value"
        raise DatasetError("BAD_LABEL", what, cure, where=target)


def _check_monitor(recipe: Recipe, studies: Sequence[Study]) -> None:
    """An AUROC needs both kinds."""
    if recipe.monitor == "auroc" and len({study.labels[recipe.target] for study in studies}) < 2:
        what = f"the validation studies are all alike in {recipe.target}: there is no AUROC"
        raise DatasetError("BAD_SPLIT", what, "choose monitor loss", where="monitor")


def default_cache(source: Path) -> Path:
    """Where the frames of a data folder are kept: one cache for each folder."""
    home = os.environ.get(CACHE_VARIABLE)
    base = Path(home) if home else platformdirs.user_cache_path("cinecor") / "clips"
    return base / hashlib.sha256(str(source.resolve()).encode()).hexdigest()[:16]


def choose_sampling(recipe: Recipe, purpose: Purpose, split: Split = "test") -> Sampling:
    """Which clips of each loop are taken.

    Raises:
        ConfigError: as :func:`cinecor.training.starts.read_starts`.
    """
    part = recipe.sampling
    if recipe.task == "segmentation":
        return Sampling(how="outlined")
    if purpose == "train":
        return Sampling(how=part.train, clips=part.train_clips * part.views)
    if part.from_first:
        return Sampling(how="first")
    if purpose == "validation":
        return Sampling(how=part.validation, clips=part.validation_clips)
    return _final_sampling(part, split)


def _final_sampling(part: SamplingPart, split: Split) -> Sampling:
    """Of the predictions after training. Not from every start of the training split: it is six times as large, and its
    figures only say whether something was learned."""
    if part.test == "all" and split != "train":
        return Sampling(how="all")
    if part.test == "listed" and split == "test":
        return Sampling(how="listed", starts=read_starts(Path(part.test_starts or "")))
    return Sampling(how="random" if part.test == "random" else "even", clips=part.test_clips)
