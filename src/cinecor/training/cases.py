"""What is one case of a training: a study, one of its loops, or a single frame, each a study of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from cinecor.clips.roi import mark_roi
from cinecor.errors import DatasetError
from cinecor.records import Cine, ClipSpec, MaskSource, Study

CaseKind: TypeAlias = Literal["study", "loop", "frame", "masked"]
"""``masked``: each frame that has an expert's mask; of ACDC the ED and ES frames, also where a copy has whole loops."""
VIEW = "view"
"""Label that a case of one loop has where its view is known."""


def make_cases(studies: Sequence[Study], kind: CaseKind, spec: ClipSpec) -> list[Study]:
    """Every case as a study of one loop or frame, of the same patient; the studies as they are where ``kind`` says so.

    Where the clip is cropped to the expert's masks, each loop carries the box around them: a frame with a mask of its
    own that of it alone, a frame without one that of all masks of its loop, as paper 003 must have done. Loops and
    frames without a box are left out.

    Raises:
        InputError, LimitError: a mask cannot be read.
        DatasetError: BAD_LABEL where a box is wanted and no loop has masks.
    """
    cases = list(studies) if kind == "study" else [case for study in studies for case in _split_up(study, kind)]
    if spec.crop != "roi":
        return cases
    marked = [case for each in cases if (case := _mark(each)) is not None]
    if not marked:
        what, cure = "no loop has an expert's masks to crop to", "choose clip.crop centre or none"
        raise DatasetError("BAD_LABEL", what, cure, where="clip.crop")
    return marked


def case_id(study: str, cine: int, frame: int | None = None) -> str:
    """How a case of one loop, or one frame of it, is called."""
    return f"{study}_loop{cine:02d}" + ("" if frame is None else f"_frame{frame:02d}")


def _split_up(study: Study, kind: CaseKind) -> Iterator[Study]:
    for number, cine in enumerate(study.cines):
        labels = study.labels if cine.view is None else {**study.labels, VIEW: cine.view}
        case = replace(study, patient=study.patient_id, labels=labels)
        if kind == "loop":
            yield replace(case, id=case_id(study.id, number), cines=(cine,))
            continue
        for frame in sorted(cine.masks) if kind == "masked" else range(_count_frames(study, cine)):
            yield replace(case, id=case_id(study.id, number, frame), cines=(_single(cine, frame),))


def _single(cine: Cine, frame: int) -> Cine:
    """One frame of a cine; where it has no mask of its own it keeps those of the others, at frames that are not its."""
    own = cine.masks.get(frame)
    others = {place + 1: mask for place, (_, mask) in enumerate(sorted(cine.masks.items(), key=lambda item: item[0]))}
    masks: Mapping[int, MaskSource] = others if own is None else {0: own}
    return replace(cine, frame_index=frame, frames=1, times_ms=None, masks=masks, contours={}, outlines={}, calipers={})


def _count_frames(study: Study, cine: Cine) -> int:
    if cine.frames is not None:
        return cine.frames
    if isinstance(cine.source, np.ndarray):
        return len(cine.source)
    raise DatasetError("BAD_LABEL", "nothing says how many frames a loop has", "choose case loop", where=study.id)


def _mark(case: Study) -> Study | None:
    cines = tuple(marked for cine in case.cines if (marked := mark_roi(cine)) is not None)
    return replace(case, cines=cines) if cines else None
