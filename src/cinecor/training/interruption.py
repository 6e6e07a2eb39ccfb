"""SIGINT and SIGTERM end a training between two steps, so that its state is saved first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from cinecor.errors import TERMINATED


class Interruption:
    """Notes a signal while it is the context, and raises it where :meth:`check` is called.

    SIGINT becomes :class:`KeyboardInterrupt`, SIGTERM :class:`SystemExit` with 143. A second signal is not waited
    with. Signals reach Python's main thread only: elsewhere this does nothing.

    Args:
        anywhere: from whether this process was signalled to whether any that must stop with it was.
        shared: there are others; the launcher repeats to each process what a scheduler may have told it already, so
            that a second signal is no impatience, and all wait for the one that saves.
    """

    def __init__(self, anywhere: Callable[[bool], bool] = bool, *, shared: bool = False) -> None:
        self._anywhere, self._shared = anywhere, shared
        self._pending: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self, save: Callable[[], None] | None = None) -> None:
        """Raise the signal that came, after ``save``."""
        if not self._anywhere(self._pending is not None):
            return
        if save is not None:
            save()
        self._anywhere(True)  # until all are here
        _raise(self._pending or signal.SIGTERM)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if self._pending is not None and not self._shared:
            _raise(number)
        self._pending = number


def _raise(number: int) -> None:
    if number == signal.SIGTERM:
        raise SystemExit(TERMINATED)
    raise KeyboardInterrupt
