"""The labels that a network gave the stacks of the test split, kept beside its tables and compared with the experts'.

    RUN/masks/STUDY_ed.nii.gz    labels on the recorded grid at end-diastole, slices in the order of the study's cines
    RUN/masks/STUDY_es.nii.gz    the same at end-systole
    RUN/masks.csv                Dice coefficient and HD95 of each (``evaluation.segmentation``)

``io.nifti.load_mask(path, slice_index)`` reads a slice of them. The network has not seen these studies in its
training, so what is learned from the masks of all folds is learned from masks of patients that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from cinecor import storage
from cinecor.clips.labelling import label_of
from cinecor.clips.structures import label_masks
from cinecor.datasets.names import plain_name
from cinecor.evaluation.segmentation import COLUMNS, MASKS_NAME, compare_labels, write_masks
from cinecor.io.loading import reader
from cinecor.records import STRUCTURES, Study
from cinecor.training.stacks import Volume, phase_frames, read_labels

MASKS_FOLDER = "masks"


def mask_name(study: str, phase: str) -> str:
    """File name of a stack's labels at ``ed`` or ``es``."""
    return f"{plain_name(study)}_{phase}.nii.gz"


class MaskKeeper:
    """Writes the labels of each stack that it is given, and remembers how well they agree with its own masks.

    Args:
        out: the run's folder.
        structures: those that the network knows.
    """

    def __init__(self, out: Path, structures: Sequence[str]) -> None:
        self._out, self._labels = out, {name: label_of(name) for name in structures if name in STRUCTURES}
        self._rows: list[tuple[str, str, str, str, float, float]] = []

    def __call__(self, study: Study, labels: Mapping[str, Volume]) -> None:
        """Keep one stack.

        Raises:
            StorageError: a file cannot be written.
            InputError: a mask of the study cannot be read.
        """
        first, frames = study.cines[0], phase_frames(study)
        assert first.spacing_mm is not None
        assert first.thickness_mm is not None
        storage.make_folder(self._out / MASKS_FOLDER)
        for phase, volume in labels.items():
            path = self._out / MASKS_FOLDER / mask_name(study.id, phase)
            reader("nifti").write(path, volume, spacing_mm=first.spacing_mm, thickness_mm=first.thickness_mm)
            if all(frames[phase] in label_masks(cine) for cine in study.cines):
                true, voxel = read_labels(study, frames[phase]), (first.thickness_mm, *first.spacing_mm)
                for name, (overlap, away) in compare_labels(volume, true, self._labels, voxel).items():
                    self._rows.append((study.id, study.patient_id, phase, name, overlap, away))

    def finish(self) -> dict[str, dict[str, float]]:
        """Write the table, where there is something in it; the mean Dice coefficient by phase and structure.

        Raises:
            StorageError: the file cannot be written.
        """
        if not self._rows:
            return {}
        table = pd.DataFrame(self._rows, columns=list(COLUMNS))
        write_masks(table, self._out / MASKS_NAME)
        means = table.groupby(["phase", "structure"], sort=False, as_index=False)["dice"].mean()
        found: dict[str, dict[str, float]] = {}
        for phase, name, value in zip(means["phase"], means["structure"], means["dice"], strict=True):
            found.setdefault(str(phase), {})[str(name)] = float(value)
        return found
