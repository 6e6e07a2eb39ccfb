"""From a cine to its frames, whatever holds them. Each format's reader is imported when it is first needed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from cinecor.errors import ConfigError, InputError
from cinecor.io import matlab
from cinecor.io.kinds import Kind, kind_of
from cinecor.io.limits import DEFAULT, Limits
from cinecor.records import Cine, Frames, Mask

_ROOMS: dict[Kind | Literal["workbook"], str] = {
    "video": "video",
    "still": "images",
    "dicom": "dicom",
    "nifti": "nifti",
    "metaimage": "metaimage",
    "workbook": "workbooks",
}
_EXTRAS = {"pydicom": "dicom", "nibabel": "mri", "openpyxl": "workbooks"}


def describe(path: Path) -> Cine:
    """Read the header of one video, DICOM file, NIfTI volume or still.

    Raises:
        InputError: NOT_RECOGNISED, EMPTY, NOT_REGULAR_FILE, and what the format's own reader raises.
        LimitError: the file asks for more than the limits allow.
        ConfigError: MISSING_EXTRA where the format's library is not installed.
    """
    return cast(Cine, reader(kind_of(path)).describe(path))


def load(cine: Cine, limits: Limits = DEFAULT, *, only: Sequence[int] | None = None) -> Frames:
    """Decode the frames of a cine, ``time channel height width``.

    Args:
        cine: what is to be read.
        limits: on its size.
        only: these frames, in ascending order, and no others; of an ultrasound DICOM file only they are decoded.

    Raises:
        InputError: the file is damaged, cut short, or not what the cine says.
        LimitError: the file asks for more than the limits allow.
        ConfigError: MISSING_EXTRA where the format's library is not installed.
    """
    if only is not None and _in_one_loop(cine):
        return cast(Frames, reader("dicom").load(cine, limits=limits, only=only))
    frames = _load_all(cine, limits)
    if only is not None and cine.frame_index is None:
        return frames[_within(only, len(frames))]
    if cine.frame_index is None:
        return frames
    if not 0 <= cine.frame_index < len(frames):
        what = f"there is no frame {cine.frame_index} among its {len(frames)}"
        raise InputError("INCONSISTENT", what, "read the folder again")
    return frames[cine.frame_index : cine.frame_index + 1]


def _in_one_loop(cine: Cine) -> bool:
    """Whether frames of the cine can be decoded one by one."""
    alone = isinstance(cine.source, Path) and cine.slice_index is None and cine.frame_index is None
    return alone and kind_of(cast(Path, cine.source)) == "dicom"


def _within(only: Sequence[int], count: int) -> list[int]:
    wrong = [index for index in only if not 0 <= index < count]
    if wrong:
        what = f"there is no frame {wrong[0]} among its {count}"
        raise InputError("INCONSISTENT", what, "read the folder again")
    return list(only)


def _load_all(cine: Cine, limits: Limits) -> Frames:
    source = cine.source
    if isinstance(source, np.ndarray):
        return _checked(source)
    first = source if isinstance(source, Path) else _first(source)
    kind = kind_of(first)
    if kind in ("dicom", "nifti", "metaimage"):
        return cast(Frames, reader(kind).load(cine, limits=limits))
    if not isinstance(source, Path):
        if kind == "still":
            return _stacked(source, limits)
        raise InputError("UNSUPPORTED", "one loop in several videos", "give each video as its own cine")
    return cast(Frames, reader(kind).load(source, limits=limits))


def load_mask(cine: Cine, frame: int) -> Mask:
    """The label mask of one frame.

    Raises:
        InputError: NO_PIXELS where the frame has no mask; otherwise as :func:`load`.
    """
    if frame not in cine.masks:
        raise InputError("NO_PIXELS", f"frame {frame} has no mask", f"frames with masks: {sorted(cine.masks)}")
    mask = cine.masks[frame]
    if isinstance(mask, np.ndarray):
        return mask
    path, plane = mask if isinstance(mask, tuple) else (mask, cine.slice_index or 0)
    if matlab.recognise(path):
        return matlab.load_mask(path, plane, (cine.height, cine.width))
    kind = kind_of(path)
    if kind == "still":
        return cast(Mask, reader("still").load_labels(path))
    return cast(Mask, reader("metaimage" if kind == "metaimage" else "nifti").load_mask(path, plane))


def reader(kind: Kind | Literal["workbook"]) -> Any:
    """The module that reads a kind of file.

    Raises:
        ConfigError: MISSING_EXTRA where its library is not installed.
    """
    try:
        return import_module(f"cinecor.io.{_ROOMS[kind]}")
    except ModuleNotFoundError as error:
        extra = _EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        what = f"reading {kind} needs {error.name}, which is not installed"
        raise ConfigError("MISSING_EXTRA", what, f"pip install 'cinecor[{extra}]'") from error


def _checked(frames: np.ndarray) -> Frames:
    if frames.ndim != 4 or frames.dtype not in (np.uint8, np.float32) or not frames.shape[0]:
        what = f"frames are uint8 or float32, time channel height width; this is {frames.dtype} {frames.shape}"
        raise InputError("INCONSISTENT", what)
    return frames


def _first(source: tuple[Path, ...]) -> Path:
    if not source:
        raise InputError("NO_PIXELS", "the cine names no file")
    return source[0]


def _stacked(paths: tuple[Path, ...], limits: Limits) -> Frames:
    """Stills as the frames of one loop."""
    stills: list[Frames] = []
    for path in paths:
        stills.append(cast(Frames, reader("still").load(path, limits=limits)))
        limits.check_decoded(sum(still.nbytes for still in stills), where=path.name)
    if len({still.shape for still in stills}) > 1:
        raise InputError("INCONSISTENT", "the stills of one loop differ in size or channels")
    return np.concatenate(stills)
