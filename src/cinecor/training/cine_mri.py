"""From the segmentation runs of a cohort's folds to diagnoses, and to a folder that diagnoses patients nobody has seen.

::

    OUT/runs/segmentation/seed0-fold0/   a run; masks/ holds what it outlined of patients that it had not seen
    OUT/diagnosis/                       diagnosis.csv, .html, .md …, and classifier.json, fitted on all patients
    OUT/cine_mri.json                    which of these `cinecor analyse --weights OUT` uses

Every patient is measured on the masks of the one network that has not learned from them, and diagnosed by a classifier
that has not either: the outer folds of the nested cross-validation are those of the segmentation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from cinecor import storage
from cinecor.errors import DatasetError, InputError
from cinecor.evaluation.diagnosis import Judged, judge, table_of
from cinecor.evaluation.diagnosis_report import PAGE, Account, write_account
from cinecor.evaluation.segmentation import MASKS_NAME, read_masks, summarise_masks
from cinecor.io.loading import reader
from cinecor.measures.short_axis import index_to_body, measure_stack
from cinecor.models.tabular_file import CLASSIFIER_NAME, SavedClassifier, save_classifier
from cinecor.records import STRUCTURES, Study
from cinecor.training.diagnosis import FEATURES, USUAL, Chosen, Inner, Nested, fit_diagnosis, nest
from cinecor.training.diagnosis_combining import mean_of_both, stack_both
from cinecor.training.diagnosis_importance import KINDS, impurity, permutation
from cinecor.training.finishing import patients_name
from cinecor.training.mask_keeping import MASKS_FOLDER, mask_name
from cinecor.training.stacks import phase_frames, read_labels
from cinecor.training.sweep import Outcome

INDEX = "cine_mri.json"
FOLDER = "diagnosis"
GROUP = "group"
NAME = "groups of short-axis cine MRI"
FIGURES, IMAGES = "figures of the heart", "images, vote of the slices"
BOTH_MEAN, BOTH_STACKED = "both: mean", "both: weighted"

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Patient:
    """One patient of a cohort: whose masks were predicted by a network of that fold."""

    study: Study
    fold: int
    run: Path


def finish_cohort(
    outcomes: Sequence[Outcome],
    studies: Sequence[Study],
    out: Path,
    *,
    synthetic: bool,
    inner: Inner = USUAL,
    report: Report = lambda _: None,
) -> Path | None:
    """Diagnose a cohort and write the folder that ``analyse`` takes, once all folds of its segmentation have ended.

    Args:
        outcomes: of a benchmark; the segmentation's and those of image classifiers of the groups are looked for.
        studies: of the data folder; their label ``group`` is what is learned.
        out: the benchmark's folder.
        synthetic: whether the hearts were simulated.
        inner: how choices are made inside the nested cross-validation.
        report: is told a line as each step ends.

    Returns:
        The page of the diagnoses; None where folds are missing, or no study says its group.

    Raises:
        DatasetError: the groups have too few patients, or the masks of one are missing.
        StorageError: the folder cannot be written.
    """
    runs = segmentation_runs(outcomes)
    licence = next((each.job.recipe.licence for each in outcomes if each.job.folder.absolute() in runs.values()), "")
    if not runs:
        return None
    patients = list_patients(studies, runs)
    content: dict[str, Any] = {"segmentation": [run.relative_to(out.absolute()).as_posix() for run in runs.values()]}
    if len({str(each.study.labels.get(GROUP)) for each in patients}) < 2:
        _write_index(out, content)
        return None
    predicted, expert, warnings = measure_patients(patients)
    images = image_probabilities(outcomes)
    if images is not None and (missing := _unsaid(images, predicted)):
        warnings.append(f"the image classifier's vote is left out: it says nothing of {missing}")
        images = None
    print_ = _fingerprint(predicted, runs, images, inner, warnings)
    if _is_done(out / FOLDER, print_):
        report("diagnosis: done before")
    else:
        report(f"diagnosis: {len(patients)} patients measured")
        account, saved = diagnose(predicted, expert, images, inner=inner, report=report)
        account = replace(account, overlap=_overlap(runs), warnings=warnings)
        facts = f"{len(patients)} patients, {len(runs)} folds; masks of networks that had not learned from the patient."
        write_account(out / FOLDER, account, title="Diagnosis from predicted masks", facts=facts, synthetic=synthetic)
        data = {"patients": len(patients), "synthetic": synthetic, "fingerprint": print_}
        save_classifier(out / FOLDER, saved.model_copy(update={"training_data": data, "licence": licence}))
    _write_index(out, content | {"diagnosis": FOLDER})
    return out / FOLDER / PAGE


def segmentation_runs(outcomes: Sequence[Outcome]) -> dict[int, Path]:
    """By fold the run of the first seed's segmentation; empty while a fold is missing or has failed."""
    found = _folds_of(each for each in outcomes if set(STRUCTURES) <= set(each.job.recipe.structures))
    return {each.job.recipe.split.fold: each.job.folder.absolute() for each in found}


def _folds_of(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """All folds of the first of these trainings that has folds, in order; none while one is missing or has failed."""
    folded = [each for each in outcomes if each.job.folds]
    first = folded[0].job if folded else None
    if first is None:
        return []
    found = [each for each in folded if (each.job.name, each.job.recipe.seed) == (first.name, first.recipe.seed)]
    if {each.job.recipe.split.fold for each in found} != set(first.folds) or any(each.failure for each in found):
        return []
    return sorted(found, key=lambda each: each.job.recipe.split.fold)


def list_patients(studies: Sequence[Study], runs: Mapping[int, Path]) -> list[Patient]:
    """Every study whose masks one of the runs has kept, sorted by name.

    Raises:
        DatasetError: LEAKAGE where two runs have tested the same study; MISSING_FILE where none has.
    """
    found: list[Patient] = []
    for study in sorted(studies, key=lambda each: each.id):
        name = mask_name(study.id, "ed")
        tested = [(fold, run) for fold, run in runs.items() if (run / MASKS_FOLDER / name).exists()]
        if len(tested) > 1:
            raise DatasetError("LEAKAGE", f"{len(tested)} runs have tested the same study", where=study.id)
        found += [Patient(study=study, fold=fold, run=run) for fold, run in tested]
    if not found:
        what, cure = "no run has kept masks of these studies", "train the segmentation again"
        raise DatasetError("MISSING_FILE", what, cure, where=MASKS_FOLDER)
    return found


def measure_patients(patients: Sequence[Patient]) -> tuple[pd.DataFrame, pd.DataFrame | None, list[str]]:
    """``patient fold group`` and the figures of predicted masks, those of the experts' masks, and what went wrong."""
    predicted, expert, warnings = [], [], []
    for patient in patients:
        study = patient.study
        row = {"patient": study.patient_id, "fold": patient.fold, GROUP: str(study.labels.get(GROUP, ""))}
        try:
            masks = [_kept(patient, phase) for phase in ("ed", "es")]
            predicted.append(row | measure_masks(study, masks[0], masks[1]))
        except InputError as error:
            warnings.append(f"{study.id}: {error.what}; typical figures stand in")
            predicted.append(row)
        frames = phase_frames(study)
        if frames and all(frame in cine.masks for frame in frames.values() for cine in study.cines):
            truth = [read_labels(study, frames[phase]) for phase in ("ed", "es")]
            expert.append({"patient": study.patient_id} | measure_masks(study, truth[0], truth[1]))
    return pd.DataFrame(predicted), pd.DataFrame(expert) if expert else None, warnings


def measure_masks(
    study: Study, ed: UInt8[np.ndarray, "slice height width"], es: UInt8[np.ndarray, "slice height width"]
) -> dict[str, float]:
    """The figures of a study's masks, indexed to its body where that is known.

    Raises:
        InputError: INCONSISTENT where nothing can be measured.
    """
    spacing, thickness = study.cines[0].spacing_mm, study.cines[0].thickness_mm
    if spacing is None or thickness is None:
        raise InputError("INCONSISTENT", "the slices have no size in mm", where=study.id)
    found = measure_stack(ed, es, spacing, thickness)
    height, weight = study.labels.get("height_cm"), study.labels.get("weight_kg")
    if isinstance(height, int | float) and isinstance(weight, int | float):
        return index_to_body(found, float(height), float(weight))
    return found


def diagnose(
    predicted: pd.DataFrame,
    expert: pd.DataFrame | None = None,
    images: pd.DataFrame | None = None,
    *,
    seed: int = 0,
    inner: Inner = USUAL,
    report: Report = lambda _: None,
) -> tuple[Account, SavedClassifier]:
    """The nested cross-validation of a cohort, and the classifier of all its patients.

    Rows are shuffled before anything is learned: their order, which is that of the patients' names, may follow the
    groups.

    Args:
        predicted: ``patient fold group`` and figures; what is missing is NaN.
        expert: figures of experts' masks, to compare with.
        images: ``patient`` and ``p_…``: what an image classifier says of patients that it had not seen; all of them.
        seed: of what is drawn.
        inner: how choices are made.
        report: is told a line as each fold ends.
    """
    table = predicted.sample(frac=1.0, random_state=seed, ignore_index=True)
    rows, labels = table.reindex(columns=list(FEATURES)).to_numpy(dtype=np.float64), table[GROUP].tolist()
    folds = table["fold"].to_numpy(dtype=np.int64)
    nested = nest(rows, labels, folds, seed=seed, inner=inner, report=report)
    said = {FIGURES: nested.probabilities} | _with_images(nested, table, images)
    ways = {
        name: judge(table_of(table["patient"].tolist(), labels, nested.groups, each, folds.tolist()))
        for name, each in said.items()
    }
    for name, judged in ways.items():
        report(f"diagnosis, {name}: {_headline(judged)}")
    classifier, chosen = fit_diagnosis(rows, labels, seed=seed, inner=inner)
    single = permutation(nested, rows, labels, folds, FEATURES, {name: (name,) for name in FEATURES}, seed)
    single["impurity"] = single["figure"].map(impurity(rows, labels, FEATURES, seed))
    account = Account(
        ways=ways,
        chosen=[*(_chosen(str(fold), each) for fold, each in nested.chosen.items()), _chosen("all patients", chosen)],
        importances=single,
        families=permutation(nested, rows, labels, folds, FEATURES, KINDS, seed).rename(columns={"figure": "kind"}),
        predicted=predicted,
        expert=expert,
    )
    metrics = {
        "nested_accuracy": ways[FIGURES].accuracy.value,
        "nested_log_loss": ways[FIGURES].log_loss,
        "chosen": chosen.choice.title,
    }
    return account, SavedClassifier(name=NAME, classifier=classifier, metrics=metrics)


def image_probabilities(outcomes: Sequence[Outcome]) -> pd.DataFrame | None:
    """What the first image classifier that was tested on fold after fold says of each patient; None without one."""
    found = _folds_of(
        each for each in outcomes if each.job.recipe.kind == "classes" and each.job.recipe.target == GROUP
    )
    tables = [_read_vote(each.job.folder / patients_name("test")) for each in found]
    return pd.concat(tables, ignore_index=True) if tables else None


def _read_vote(path: Path) -> pd.DataFrame:
    """A table of patients' probabilities; a patient may be called NA."""
    return pd.read_csv(path, dtype={"patient": str}, keep_default_na=False)


def _unsaid(images: pd.DataFrame, predicted: pd.DataFrame) -> str:
    """What an image classifier does not say; empty where it names every patient and group.

    Raises:
        DatasetError: LEAKAGE where two of its folds have tested the same patient.
    """
    twice = images.loc[images["patient"].duplicated(), "patient"].tolist()
    if twice:
        raise DatasetError("LEAKAGE", "two folds of the image classifier have tested the same patient", where=twice[0])
    groups = sorted(set(predicted[GROUP]) - {name.removeprefix("p_") for name in images.columns})
    patients = sorted(set(predicted["patient"]) - set(images["patient"]))
    return ", ".join([*(f"group {group}" for group in groups), *patients])


def _with_images(nested: Nested, table: pd.DataFrame, images: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """The image classifier's vote and both together; nothing without one."""
    if images is None:
        return {}
    columns = [f"p_{group}" for group in nested.groups]
    said = images.set_index("patient").loc[table["patient"], columns].to_numpy(dtype=np.float64)
    folds = table["fold"].to_numpy(dtype=np.int64)
    return {
        IMAGES: said,
        BOTH_MEAN: mean_of_both(nested.probabilities, said),
        BOTH_STACKED: stack_both(nested.probabilities, said, table[GROUP].tolist(), nested.groups, folds),
    }


def _kept(patient: Patient, phase: str) -> UInt8[np.ndarray, "slice height width"]:
    """The labels that the run kept, slices in the order of the study's cines."""
    path = patient.run / MASKS_FOLDER / mask_name(patient.study.id, phase)
    load: Callable[..., Any] = reader("nifti").load_mask
    return np.stack([load(path, index) for index in range(len(patient.study.cines))])


def _overlap(runs: Mapping[int, Path]) -> pd.DataFrame | None:
    """Dice coefficients and distances of all folds' patients together."""
    paths = [run / MASKS_NAME for run in runs.values()]
    if not all(path.exists() for path in paths):
        return None
    rows = [
        {
            "structure": each.structure,
            "phase": each.phase,
            "patients": each.patients,
            "dice": each.dice.value,
            "dice_low": each.dice.low,
            "dice_high": each.dice.high,
            "hd95_mm": each.hd95.value,
            "without_distance": each.without_distance,
        }
        for each in summarise_masks(pd.concat([read_masks(path) for path in paths], ignore_index=True))
    ]
    return pd.DataFrame(rows)


def _chosen(fold: str, chosen: Chosen) -> tuple[str, ...]:
    figures = (chosen.temperature, chosen.log_loss, chosen.accuracy)
    return (fold, chosen.choice.title, *(f"{value:.3f}" for value in figures))


def _headline(judged: Judged) -> str:
    found = judged.accuracy
    return f"nested accuracy {found.value:.3f} ({found.low:.3f} to {found.high:.3f}) of {len(judged.table)} patients"


def _fingerprint(
    predicted: pd.DataFrame,
    runs: Mapping[int, Path],
    images: pd.DataFrame | None,
    inner: Inner,
    warnings: Sequence[str],
) -> str:
    """What the diagnoses depend on: another figure, fold, vote of images, warning or way to choose makes another."""
    tables = ["" if each is None else each.to_csv(index=False) for each in (predicted, images)]
    text = json.dumps([*tables, sorted(runs), list(warnings), repr(inner), list(FEATURES)])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _is_done(folder: Path, fingerprint: str) -> bool:
    path = folder / CLASSIFIER_NAME
    if not (path.exists() and (folder / PAGE).exists()):
        return False
    try:
        saved = SavedClassifier.model_validate_json(path.read_bytes())
    except ValueError:  # damaged: made again
        return False
    return saved.training_data.get("fingerprint") == fingerprint


def _write_index(out: Path, content: Mapping[str, Any]) -> None:
    storage.write_text(out / INDEX, json.dumps(content, indent=2) + "\n")
