"""Frames of a test with the network's outline and the true one, to look at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, UInt8

from cinecor import io
from cinecor.clips import ClipDataset, collate, prepare
from cinecor.clips.labelling import HALF, restore
from cinecor.evaluation.outline_examples import OutlineExample, choose_examples
from cinecor.records import Cine, ClipSpec
from cinecor.training.loading import to_device
from cinecor.training.outline_scores import draw_truth, size_of
from cinecor.training.task import Task


def picture_outlines(
    task: Task, clips: ClipDataset, device: torch.device, rows: pd.DataFrame
) -> Iterator[OutlineExample]:
    """Of each structure the frames that ``choose_examples`` names, with both outlines on the recorded grid.

    Args:
        task: a dense network on ``device``; is left in evaluation mode.
        clips: as :func:`cinecor.training.outline_scores.judge_outlines` takes them.
        device: where to compute.
        rows: what it made of them.

    Raises:
        InputError, LimitError: a frame cannot be read.
    """
    task.eval()
    items = {_place(clips, item): item for item in range(len(clips))}
    for structure, part in rows.groupby("structure", sort=False):
        for title, place in choose_examples(part).items():
            row = part.iloc[place]
            item = items[str(row["study"]), int(row["cine"]), int(row["frame"])]
            study, number = clips.origin(item)
            cine, frame = study.cines[number], int(row["frame"])
            yield OutlineExample(
                title=title,
                structure=str(structure),
                study=study.id,
                view=cine.view or "",
                frame=frame,
                dice=float(row["dice"]),
                pixels=_grey(cine, frame),
                said=_outline(task, clips, item, device)[clips.structures.index(str(structure))],
                true=draw_truth(cine, frame, [str(structure)])[0],
            )


def _place(clips: ClipDataset, item: int) -> tuple[str, int, int]:
    """Study, cine and frame of an item."""
    study, cine = clips.origin(item)
    return study.id, cine, int(clips.describe(item)[0][0])


@torch.no_grad()
def _outline(
    task: Task, clips: ClipDataset, item: int, device: torch.device
) -> Bool[np.ndarray, "structure height width"]:
    study, cine = clips.origin(item)
    logits = task(*task.pick(to_device(collate([clips[item]]), device)))[0, :, 0]
    square = clips.cache.square(study.id, cine)
    return np.asarray(restore(logits.sigmoid().float().cpu().numpy(), square, *size_of(study.cines[cine])) >= HALF)


def _grey(cine: Cine, frame: int) -> UInt8[np.ndarray, "height width"]:
    """The frame as it was recorded, in grey."""
    height, width = size_of(cine)
    return prepare(io.load(cine)[[frame]], cine, ClipSpec(length=1, height=height, width=width))[0, 0]
