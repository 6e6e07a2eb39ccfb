"""Outlines for their own sake: which loops have them, and how well a network's agree with them, frame by frame.

RUN/frames.csv    every outlined frame of the test split: Dice coefficient and 95th-percentile Hausdorff distance of
                  each structure on the recorded grid, and cross-entropy, mean over the pixels that the network sees
RUN/masks.csv     their means by study and structure, phase ``frames`` (``evaluation.segmentation``)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from cinecor import io, storage
from cinecor.clips import ClipDataset
from cinecor.clips.labelling import HALF, restore
from cinecor.clips.preparation import Square
from cinecor.clips.structures import cover_all, known_frames, label_masks
from cinecor.errors import DatasetError, InputError
from cinecor.evaluation.segmentation import COLUMNS, MASKS_NAME, dice, hausdorff_95_mm, write_masks
from cinecor.io.tables import read_csv
from cinecor.objectives import mean_cross_entropy
from cinecor.records import Cine, ClipSpec, Study
from cinecor.training.loading import make_loader, to_device
from cinecor.training.loss import stack_masks
from cinecor.training.recipe_fields import OUTLINED_FRAMES
from cinecor.training.task import Task

FRAMES_NAME = "frames.csv"
FRAME_COLUMNS = (
    *("study", "patient", "cine", "view", "frame", "structure"),
    *("dice", "hd95_mm", "cross_entropy"),
)
PHASE = "frames"
"""What ``masks.csv`` calls frames that were outlined, whatever the heart does on them."""


def keep_outlined(study: Study, structures: Sequence[str]) -> Study:
    """The study with the loops on which one of these structures is outlined, and how many frames that are as a label;
    as it is where there is none."""
    counts = {cine: len(known_frames(cine, structures)) for cine in study.cines}
    if not any(counts.values()):
        return study
    cines = tuple(cine for cine in study.cines if counts[cine])
    return replace(study, cines=cines, labels={**study.labels, OUTLINED_FRAMES: float(sum(counts.values()))})


def outlined_part(structures: Sequence[str]) -> str:
    """What the frames of loops that are outlined are called in a cache, where loops are counted among these."""
    return f"loop_with_{'_'.join(structures)}"


def judge_outlines(
    task: Task,
    clips: ClipDataset,
    device: torch.device,
    *,
    workers: int = 0,
    batch_size: int = 8,
    check: Callable[[], None] = lambda: None,
) -> pd.DataFrame:
    """A row for each frame and structure that is outlined: how well the network's outline agrees.

    Args:
        task: a dense network on ``device``; is left in evaluation mode.
        clips: single frames, from first to last, with the masks of the structures of the network's outputs.
        device: where to compute.
        workers: processes that make batches.
        batch_size: frames seen at once.
        check: called after each batch; may raise to end early.
    """
    task.eval()
    rows: list[dict[str, Any]] = []
    items = iter(range(len(clips)))
    for batch in make_loader(clips, workers, device, batch_size=batch_size):
        there = to_device(batch, device)
        with torch.no_grad():
            logits = task(*task.pick(there))[:, :, 0]
        share = stack_masks(there, clips.structures)[:, :, 0]
        for place, frame in enumerate(batch.starts):
            study, cine = clips.origin(next(items))
            about = {"study": study.id, "patient": study.patient_id, "cine": cine, "view": study.cines[cine].view or ""}
            square = clips.cache.square(study.id, cine)
            found = _judge_frame(study.cines[cine], frame, clips.structures, logits[place], share[place], square)
            rows += [{**about, "frame": frame, **row} for row in found]
        check()
    return pd.DataFrame(rows, columns=list(FRAME_COLUMNS))


def _judge_frame(
    cine: Cine,
    frame: int,
    structures: Sequence[str],
    logits: Float[Tensor, "structure tall wide"],
    share: Float[Tensor, "structure tall wide"],
    square: Square,
) -> list[dict[str, Any]]:
    """What is said of each structure that is known on a frame."""
    height, width = size_of(cine)
    said = restore(logits.sigmoid().float().cpu().numpy(), square, height, width) >= HALF
    known = [place for place in range(len(structures)) if bool(torch.isfinite(share[place]).all())]
    true = draw_truth(cine, frame, [structures[place] for place in known])
    entropies = [float(mean_cross_entropy(logits[None, [at], None], share[None, [at], None])) for at in known]
    return [
        {
            "structure": structures[place],
            "dice": dice(said[place], mask),
            "hd95_mm": math.nan if cine.spacing_mm is None else _away_mm(said[place], mask, cine.spacing_mm),
            "cross_entropy": entropy,
        }
        for place, mask, entropy in zip(known, true, entropies, strict=True)
    ]


def draw_truth(cine: Cine, frame: int, structures: Sequence[str]) -> list[Bool[np.ndarray, "height width"]]:
    """Masks and outlines of one frame on its recorded grid, structure by structure.

    Raises:
        InputError: a mask cannot be read.
    """
    height, width = size_of(cine)
    labels = {frame: io.load_mask(cine, frame)} if frame in label_masks(cine) else {}
    whole = ClipSpec(length=1, height=height, width=width)
    covered = cover_all(cine, labels, structures, np.array([frame]), (0, 0, width, height), whole)
    return [covered[name][0] >= HALF for name in structures]


def size_of(cine: Cine) -> tuple[int, int]:
    """Height and width of the recorded frames.

    Raises:
        InputError: INCONSISTENT where nothing says so.
    """
    if isinstance(cine.source, np.ndarray):
        return cine.source.shape[2], cine.source.shape[3]
    if cine.height is None or cine.width is None:
        raise InputError("INCONSISTENT", "the loop has no size in pixels")
    return cine.height, cine.width


def summarise_outlines(rows: pd.DataFrame) -> dict[str, Any]:
    """What a manifest says of a split: studies, frames, cross-entropy over frames, and ``dice_…`` of each structure, a
    mean over studies of the mean over their frames."""
    if rows.empty:
        return {"studies": 0}
    means = mean_by_study(rows).groupby("structure", sort=False)["dice"].mean()
    return {
        "studies": int(rows["study"].nunique()),
        "frames": len(rows[["study", "cine", "frame"]].drop_duplicates()),
        "cross_entropy": float(rows["cross_entropy"].mean()),
        **{f"dice_{name}": float(value) for name, value in means.items()},
    }


def mean_by_study(rows: pd.DataFrame) -> pd.DataFrame:
    """The table of ``masks.csv``: the mean over a study's frames of each structure."""
    means = rows.groupby(["study", "patient", "structure"], sort=False, as_index=False)[["dice", "hd95_mm"]].mean()
    return means.assign(phase=PHASE)[list(COLUMNS)]


def mean_by_view(rows: pd.DataFrame) -> pd.DataFrame:
    """The same view by view, the view's name as the phase; frames of unknown views are left out."""
    named = rows[rows["view"] != ""]
    keys = ["structure", "view", "study", "patient"]
    means = named.groupby(keys, sort=True, as_index=False)[["dice", "hd95_mm"]].mean()
    return means.rename(columns={"view": "phase"})[list(COLUMNS)]


def write_outlines(rows: pd.DataFrame, out: Path) -> None:
    """Write ``frames.csv`` and ``masks.csv``.

    Raises:
        StorageError: a file cannot be written.
    """
    storage.write_text(out / FRAMES_NAME, rows.to_csv(index=False, lineterminator="\n"))
    write_masks(mean_by_study(rows), out / MASKS_NAME)


def read_frames(path: Path) -> pd.DataFrame:
    """What :func:`write_outlines` wrote of each frame.

    Raises:
        DatasetError: MISSING_COLUMN, BAD_LABEL, ENCODING for a table that was changed.
    """
    rows = pd.DataFrame(read_csv(path, FRAME_COLUMNS))[list(FRAME_COLUMNS)]
    for name in ("cine", "frame", "dice", "hd95_mm", "cross_entropy"):
        values = pd.to_numeric(rows[name], errors="coerce")
        if values.isna().any() and name != "hd95_mm":
            raise DatasetError("BAD_LABEL", f"{name} holds what is no number", "copy the run again", where=path.name)
        rows[name] = values
    return rows


def _away_mm(
    said: Bool[np.ndarray, "height width"], true: Bool[np.ndarray, "height width"], spacing_mm: tuple[float, float]
) -> float:
    return hausdorff_95_mm(said[None], true[None], (1.0, *spacing_mm))
