"""Decoding and preparing many loops, in this process or in several; one bad loop never stops the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np

from cinecor import io
from cinecor.clips.preparation import Masking, Prepared, prepare_located
from cinecor.errors import CinecorError, InputError, ResourceError
from cinecor.records import Cine, ClipSpec

Outcome: TypeAlias = Prepared | CinecorError
"""A prepared loop, or why there is none."""

AHEAD = 4
"""Loops given to each worker ahead of what has been taken back: bounds memory, keeps the workers busy."""


FEW = 64
"""Loops that one process prepares in about the two seconds in which others start (EchoNet-Dynamic's size)."""


def prepare_one(cine: Cine, spec: ClipSpec, mask: Masking | None = None) -> Outcome:
    """Decode and prepare one loop; a failure that a user can act on is returned, not raised."""
    try:
        return prepare_located(io.load(cine), cine, spec, mask=mask)
    except CinecorError as error:
        return error


def prepare_many(
    cines: Sequence[Cine], spec: ClipSpec, workers: int, mask: Masking | None = None
) -> Generator[Outcome, None, None]:
    """The outcome of each loop, in order; ``workers`` processes work ahead (1: none but this one).

    A mask is sent to each worker, which reads its network itself, once. A loop on which a decoder kills its process is
    an outcome like any other (InputError CORRUPT).

    Raises:
        ResourceError: OOM when no worker process can live at all.
    """
    if workers == 1 or len(cines) == 1:
        yield from (prepare_one(cine, spec, mask) for cine in cines)
        return
    done = 0
    while done < len(cines):
        try:
            for outcome in _run_pool(cines[done:], spec, workers, mask):
                yield outcome
                done += 1
        except BrokenProcessPool:
            _probe()
            for cine in cines[done : done + workers * AHEAD]:
                yield _prepare_alone(cine, spec, mask)
                done += 1


def choose_workers(loops: int) -> int:
    """One worker for each processor that this process may use; 1 where so few loops are done before others start."""
    if loops <= FEW:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def name_source(cine: Cine) -> str:
    """The name of a cine's file, or of the first of them; empty for frames in memory."""
    if isinstance(cine.source, np.ndarray):
        return ""
    return (cine.source if isinstance(cine.source, Path) else cine.source[0]).name


def _bare(cine: Cine) -> Cine:
    """Without outlines and masks, which play no part and may be large."""
    return replace(cine, contours={}, masks={}, outlines={})


def _run_pool(cines: Sequence[Cine], spec: ClipSpec, workers: int, mask: Masking | None) -> Iterator[Outcome]:
    pool = _make_pool(min(workers, len(cines)), masked=mask is not None)
    running: deque[Future[Outcome]] = deque()
    try:
        for cine in cines:
            if len(running) == workers * AHEAD:
                yield running.popleft().result()
            running.append(pool.submit(prepare_one, _bare(cine), spec, mask))
        while running:
            yield running.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _prepare_alone(cine: Cine, spec: ClipSpec, mask: Masking | None) -> Outcome:
    with _make_pool(1, masked=mask is not None) as pool:
        try:
            return pool.submit(prepare_one, _bare(cine), spec, mask).result()
        except BrokenProcessPool:
            return InputError("CORRUPT", "its decoder died on it", "repair or remove the file", where=name_source(cine))


def _probe() -> None:
    with _make_pool(1) as pool:
        try:
            pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            cure = "use workers=1, or start the script under if __name__ == '__main__'"
            raise ResourceError("OOM", "worker processes die as they start", cure) from error


def _make_pool(workers: int, *, masked: bool = False) -> ProcessPoolExecutor:
    # spawn: a fork of a process with threads (torch, OpenCV) may hang, and Windows and macOS know no other way.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, context, initializer=_start_worker, initargs=(masked,))


def _start_worker(masked: bool) -> None:
    cv2.setNumThreads(1)
    if masked:
        import torch  # the workers are what runs in parallel

        torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker whose parent was killed would wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
