"""What a generator makes of the same noise after each epoch: where a run keeps it, and a figure of it.

Figure 10 of paper 004.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from cinecor.evaluation.run_row import Pictures

FOLDER = "samples"
"""In a run's folder."""
ROWS, COLUMNS = 2, 4
"""Samples in the picture of an epoch, down and across."""
SHOWN = 4
"""Of them in a figure, as the paper has it."""

_EARLY = (1, 2, 3, 4, 13)  # the epochs of the paper's figure
_SIDE, _GAP = 1.15, 0.05  # inches, a picture with the gap after it, and the gap


def sample_name(epoch: int) -> str:
    """File name of the picture of an epoch, counted from 1."""
    return f"epoch_{epoch:04d}.png"


def choose_epochs(epochs: Iterable[int]) -> list[int]:
    """Those of the paper's figure, and the last."""
    known = sorted(epochs)
    return sorted({*known[-1:], *(epoch for epoch in _EARLY if epoch in known)})


def read_samples(run: Path) -> dict[int, Pictures]:
    """The samples of chosen epochs of a run by epoch; none where it has no generator."""
    paths = {int(path.stem.rpartition("_")[2]): path for path in (run / FOLDER).glob("epoch_*.png")}
    return {epoch: _read(paths[epoch]) for epoch in choose_epochs(paths)}


def draw_samples(rows: Mapping[str, Mapping[int, Pictures]]) -> Figure:
    """Of one training a row for each epoch, in each the same ``SHOWN`` draws of noise, as the paper has it; of several
    a row for each, in it the epochs side by side, two draws by two.

    Args:
        rows: samples by epoch, by what the training is called; none of them empty.
    """
    if len(rows) == 1:
        (found,) = rows.values()
        cells = [[*pictures[:SHOWN]] for pictures in found.values()]
        return _draw_cells(cells, [f"epoch {epoch}" for epoch in found], [])
    epochs = sorted({epoch for found in rows.values() for epoch in found})
    blank = [np.full_like(_tile(next(iter(found.values()))), 255) for found in rows.values()]
    cells = [
        [_tile(found[epoch]) if epoch in found else empty for epoch in epochs]
        for found, empty in zip(rows.values(), blank, strict=True)
    ]
    return _draw_cells(cells, list(rows), [f"epoch {epoch}" for epoch in epochs])


def _draw_cells(cells: Sequence[Sequence[np.ndarray]], down: Sequence[str], across: Sequence[str]) -> Figure:
    """Pictures in a grid, placed by hand: layout engines leave room for what is not there."""
    tall = _SIDE * cells[0][0].shape[0] / cells[0][0].shape[1]
    left, head = 0.12 + 0.065 * max(map(len, down)), 0.25 if across else 0.03
    width, height = left + len(cells[0]) * _SIDE + 0.03, head + len(cells) * tall + 0.03
    figure = Figure(figsize=(width, height))
    for row, line in enumerate(cells):
        for column, picture in enumerate(line):
            low = height - head - (row + 1) * tall
            size = ((_SIDE - _GAP) / width, (tall - _GAP) / height)
            axes = figure.add_axes((left / width + column * _SIDE / width, low / height, *size))
            _show(axes, picture)
            if row == 0 and across:
                axes.set_title(across[column], fontsize=8, pad=3)
            if column == 0:
                axes.set_ylabel(down[row], rotation=0, ha="right", va="center", fontsize=8, parse_math=False)
    return figure


def _tile(pictures: Pictures) -> np.ndarray:
    """The first four samples, two by two."""
    return np.concatenate([np.concatenate([*pictures[place : place + 2]], axis=1) for place in (0, 2)])


def _show(axes: Axes, picture: np.ndarray) -> None:
    grey = picture[..., 0] if picture.shape[-1] == 1 else picture
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _read(path: Path) -> Pictures:
    """The picture cut into its samples, row by row."""
    with Image.open(path) as stored:
        whole = np.asarray(stored)
    whole = whole[..., None] if whole.ndim == 2 else whole
    high, wide = whole.shape[0] // ROWS, whole.shape[1] // COLUMNS
    cut = whole.reshape(ROWS, high, COLUMNS, wide, whole.shape[2]).transpose(0, 2, 1, 3, 4)
    return cut.reshape(ROWS * COLUMNS, high, wide, whole.shape[2])
