"""What a training tells while it runs: metrics.csv, TensorBoard, a bar on a terminal."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from lightning.fabric.loggers import TensorBoardLogger
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cinecor import storage
from cinecor.training.state import History

METRICS_NAME = "metrics.csv"


def write_metrics(path: Path, history: History) -> None:
    """One row an epoch, in place of the earlier table.

    Raises:
        StorageError: the folder cannot be written.
    """
    columns = list(dict.fromkeys(name for row in history for name in row))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: repr(value) for name, value in row.items()} for row in history)
    storage.write_text(path, text.getvalue())


class Reporter:
    """Carries each epoch's metrics to where people look.

    Args:
        folder: of the run.
        total: epochs at most.
        first_step: of this process; what TensorBoard holds from there on, of a process that was killed, is dropped.
        silent: tell nobody; another process of the same training does.
    """

    def __init__(self, folder: Path, total: int, first_step: int, *, silent: bool = False) -> None:
        self._folder, self._total, self._silent = folder, total, silent
        self._board = TensorBoardLogger(folder, name="tensorboard", version="", purge_step=first_step)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True, quiet=silent)
        self._bar = Progress(*columns, console=console, disable=silent or not sys.stderr.isatty())

    def __enter__(self) -> Reporter:
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, error, trace)
        if not self._silent:
            self._board.finalize("success" if error is None else "failed")

    def say(self, text: str) -> None:
        """One line on the error stream, terminal or not."""
        self._bar.console.print(text, highlight=False, soft_wrap=True)

    @contextmanager
    def epoch(self, number: int, steps: int, done: int, last: Mapping[str, float | int]) -> Iterator[Progress]:
        """A bar over the steps of one epoch; ``advance`` it."""
        known = [
            f"{key} {last[name]:.2f}"
            for key in ("rmse", "mae", "auroc", "accuracy", "dice")
            if (name := f"validation_{key}") in last
        ]
        label = " ".join([f"epoch {number + 1}/{self._total}", *known])
        self._task = self._bar.add_task(label, total=steps, completed=done)
        try:
            yield self._bar
        finally:
            self._bar.remove_task(self._task)

    def advance(self) -> None:
        """One step is done."""
        self._bar.advance(self._task)

    def end_epoch(self, history: History, step: int, seconds: float) -> None:
        """Write the metrics of the newest epoch everywhere; how long it took is told to TensorBoard alone, as
        metrics.csv is the same however often a training was interrupted."""
        if self._silent:
            return
        write_metrics(self._folder / METRICS_NAME, history)
        self._board.log_metrics({**history[-1], "epoch_seconds": seconds}, step)
        self._board.save()
