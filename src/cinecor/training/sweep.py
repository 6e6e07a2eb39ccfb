"""Many trainings, one after another or side by side. Each goes on where it stopped; one that fails stops no other."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cinecor import storage
from cinecor.errors import CinecorError, ConfigError
from cinecor.training.cost import measure_cost
from cinecor.training.recipe_fields import Recipe

FAILURE_NAME = "failure.txt"
"""In the folder of a run that failed: why, with the traceback where it was no fault of the user's."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training of a sweep."""

    name: str
    recipe: Recipe
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A job that ended; ``failure`` is empty where it ended well."""

    job: Job
    failure: str = ""


def run_sweep(
    jobs: Sequence[Job], data: Path, *, cache: Path | None = None, parallel: int = 1, address: str | None = None
) -> Iterator[Outcome]:
    """Run the jobs and yield each as it ends; those that had finished before end at once.

    Args:
        jobs: their folders must differ.
        data: folder that all learn from; on a cluster, at the same path on every machine.
        cache: for decoded frames, shared by all jobs.
        parallel: trainings at a time; 1 runs them in this process.
        address: of a Ray cluster to run on (``auto`` finds the one this machine belongs to).

    Raises:
        ConfigError: MISSING_EXTRA where Ray is needed and not installed; CONFLICT for two jobs of one folder.
    """
    if len({job.folder for job in jobs}) < len(jobs):
        raise ConfigError("CONFLICT", "two jobs have the same folder", "give each its own", where="sweep")
    if parallel == 1 and address is None:
        for job in jobs:
            yield Outcome(job=job, failure=attempt(job, data, cache))
        return
    yield from _run_on_ray(jobs, data, cache, parallel, address)


def attempt(job: Job, data: Path, cache: Path | None) -> str:
    """Train, and measure what it costs; the reason of a failure, or nothing.

    Any failure but an interruption (which is no ``Exception``) is this job's alone; it is written into its folder and
    told to the caller.
    """
    from cinecor.training.run import train

    try:
        run = train(job.recipe, data, job.folder, cache=cache)
        measure_cost(run.folder, job.recipe)
    except CinecorError as error:
        return _note(job, str(error), "")
    except Exception as error:  # a bug in one network must not cost the others; nothing is hidden
        return _note(job, f"{type(error).__name__}: {error}", traceback.format_exc())
    (job.folder / FAILURE_NAME).unlink(missing_ok=True)
    return ""


def _note(job: Job, reason: str, trace: str) -> str:
    storage.write_text(job.folder / FAILURE_NAME, f"{reason}\n{trace}")
    return reason.splitlines()[0]


def _run_on_ray(
    jobs: Sequence[Job], data: Path, cache: Path | None, parallel: int, address: str | None
) -> Iterator[Outcome]:
    ray = _library()
    own = {} if address is not None else {"num_cpus": parallel, "include_dashboard": False}
    ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, ignore_reinit_error=True, **own)
    try:
        remote = ray.remote(num_cpus=1, max_retries=0)(_attempt_alone)
        waiting = {remote.remote(job, data, cache, parallel): job for job in jobs}
        while waiting:
            (done, *_), _ = ray.wait(list(waiting), num_returns=1)
            job = waiting.pop(done)
            try:
                failure = ray.get(done)
            except ray.exceptions.RayError as error:  # its process died: killed for memory, or a machine was lost
                failure = _note(job, f"its process died ({type(error).__name__})", str(error))
            yield Outcome(job=job, failure=failure)
    finally:
        ray.shutdown()


def _attempt_alone(job: Job, data: Path, cache: Path | None, parallel: int) -> str:
    """A job in a process of its own, which has its share of the machine's cores."""
    import os

    import torch

    torch.set_num_threads(max(1, (os.cpu_count() or 1) // parallel))
    return attempt(job, data, cache)


def _library() -> Any:
    try:
        import ray
    except ImportError as error:
        cure = "pip install 'cinecor[sweep]', or run one training at a time"
        raise ConfigError("MISSING_EXTRA", "trainings side by side need Ray", cure) from error
    return ray
