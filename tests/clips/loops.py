"""Small loops for the tests of this room, on disk and in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from cinecor.io import video
from cinecor.records import Cine, ClipSpec, Study

SPEC = ClipSpec(length=6, height=16, width=20)
FRAME_MS = 20.0


def make_frames(index: int, frames: int | None = None, height: int = 16, width: int = 20) -> np.ndarray:
    """Smooth moving frames, so that a lossy codec leaves them nearly as they are."""
    time, row, column = np.ogrid[: frames or 8 + index, :height, :width]
    wave = 120 + 60 * np.sin(0.3 * row + 0.2 * time + index) + 50 * np.cos(0.25 * column - 0.1 * time)
    return np.clip(wave, 0, 255).astype(np.uint8)[:, None]


def make_study(index: int, frames: int | None = None, cines: int = 1) -> Study:
    """A study in memory, with an ejection fraction."""
    arrays = [make_frames(index * 10 + cine, frames or 8 + index) for cine in range(cines)]
    loops = tuple(
        Cine(
            source=array,
            modality="US",
            frames=len(array),
            times_ms=tuple(FRAME_MS * time for time in range(len(array))),
        )
        for array in arrays
    )
    return Study(id=f"s{index}", cines=loops, labels={"ef": 40.0 + index})


def make_coloured(index: int) -> Study:
    """A study whose three channels differ."""
    grey = make_frames(index)
    array = np.concatenate([grey, grey // 2, 255 - grey], axis=1)
    times = tuple(FRAME_MS * time for time in range(len(array)))
    loop = Cine(source=array, modality="US", frames=len(array), times_ms=times)
    return Study(id=f"c{index}", cines=(loop,), labels={"ef": 50.0 + index})


def write_study(folder: Path, index: int) -> Study:
    """A study that is one video."""
    path = folder / f"v{index}.avi"
    video.write(path, make_frames(index, height=32, width=32), FRAME_MS)
    return Study(id=path.stem, cines=(video.describe(path),), labels={"ef": 40.0 + index})
