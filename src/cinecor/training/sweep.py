"""Many trainings, one after another or side by side. Each goes on where it stopped; one that fails stops no other."""

from __future__ import annotations

import logging
import math
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from cinecor import storage
from cinecor.errors import CinecorError, ConfigError, ResourceError
from cinecor.models.absence import is_folder
from cinecor.training.cost import measure_cost
from cinecor.training.processes import are_several
from cinecor.training.recipe import FAILURE_NAME
from cinecor.training.recipe_fields import Recipe
from cinecor.training.unnamed_runs import check_named

CORES_EACH = 4
"""Cores for a training where there is no GPU: with more, one training's threads wait for each other."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One training of a sweep."""

    name: str
    recipe: Recipe
    folder: Path
    folds: tuple[int, ...] = ()
    """All folds that a training is repeated for with this seed, this job's among them; empty where it is but one."""
    swapped: str = ""
    """What runs where a change put another network in the place of the row's; empty where none did."""
    besides: str = ""
    """What else a change added to the row, or took away: a mask, or weights to start from; empty where none did."""

    @property
    def measured(self) -> bool:
        """Whether its cost is measured: of folds that of the first, as the network is the same in all."""
        return not self.folds or self.recipe.split.fold == self.folds[0]

    @property
    def title(self) -> str:
        """What it is called in a list."""
        fold = f", fold {self.recipe.split.fold}" if self.folds else ""
        return f"{self.name}, seed {self.recipe.seed}{fold}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """A job that ended; ``failure`` is empty where it ended well."""

    job: Job
    failure: str = ""


def run_sweep(
    jobs: Sequence[Job],
    data: Path,
    *,
    cache: Path | None = None,
    parallel: int | None = None,
    address: str | None = None,
) -> Iterator[Outcome]:
    """Run the jobs and yield each as it ends; those that had finished before end at once.

    Args:
        jobs: their folders must differ.
        data: folder that all learn from; on a cluster, at the same path on every machine.
        cache: for decoded frames, shared by all jobs.
        parallel: trainings at a time, on all machines together; 1 runs them in this process. None: one for each GPU;
            where there is none, one for every four cores.
        address: of a Ray cluster to run on (``auto`` finds the one this machine belongs to).

    Raises:
        ConfigError: MISSING_EXTRA where Ray is needed and not installed; CONFLICT for two jobs of one folder, or where
            torchrun started this process.
        ResourceError: NO_DEVICE where Ray does not start, or has no cluster at the address.
    """
    _check(jobs)
    # A worker of a cluster has a working folder of its own.
    jobs = [replace(job, folder=job.folder.absolute(), recipe=_anywhere(job.recipe)) for job in jobs]
    data, cache = data.absolute(), None if cache is None else cache.absolute()
    if address is None:
        parallel = choose_parallel(os.cpu_count() or 1, torch.cuda.device_count()) if parallel is None else parallel
        if parallel == 1:
            for job in jobs:
                yield Outcome(job=job, failure=attempt(job, data, cache))
            return
    yield from _run_on_ray(jobs, data, cache, parallel, address)


def _check(jobs: Sequence[Job]) -> None:
    """Each job has its own folder, and this process is the only one that runs them."""
    if are_several():
        what = "a sweep runs its trainings itself"
        raise ConfigError("CONFLICT", what, "start it without torchrun, with parallel", where="torchrun")
    if len({job.folder for job in jobs}) < len(jobs):
        raise ConfigError("CONFLICT", "two jobs have the same folder", "give each its own", where="sweep")


def _anywhere(recipe: Recipe) -> Recipe:
    """The recipe with the full path of the weights that it starts from, of its mask's, and of the run whose splits it
    takes over, where there are some."""
    changes: dict[str, Any] = {}
    for name in ("start", "mask"):
        part = getattr(recipe, name)
        if part.weights is not None and is_folder(Path(part.weights)):
            changes[name] = part.model_copy(update={"weights": str(Path(part.weights).absolute())})
    like = recipe.split.like
    if like is not None and is_folder(Path(like)):
        changes["split"] = recipe.split.model_copy(update={"like": str(Path(like).absolute())})
    return recipe.model_copy(update=changes) if changes else recipe


def choose_parallel(cores: int, gpus: int) -> int:
    """Trainings at a time where nobody said how many."""
    return max(1, gpus if gpus >= 1 else cores // CORES_EACH)


def attempt(job: Job, data: Path, cache: Path | None) -> str:
    """Train, and measure what it costs; the reason of a failure, or nothing.

    Any failure but an interruption (which is no ``Exception``) is this job's alone; it is written into its folder and
    told to the caller.
    """
    from cinecor.training.run import train

    try:
        check_named(job.recipe, row=job.name)
        run = train(job.recipe, data, job.folder, cache=cache)
        if job.measured:
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
    jobs: Sequence[Job], data: Path, cache: Path | None, parallel: int | None, address: str | None
) -> Iterator[Outcome]:
    ray = _library()
    ours = not ray.is_initialized()  # a notebook's own session outlives the sweep
    _start(ray, address)
    try:
        share = share_machines([node["Resources"] for node in ray.nodes() if node["Alive"]], parallel)
        remote = ray.remote(num_cpus=share.cpus, num_gpus=share.gpus, max_retries=0)(_attempt_alone)
        rest, waiting = list(jobs), dict[Any, Job]()
        while rest or waiting:
            while rest and len(waiting) < share.parallel:
                job = rest.pop(0)
                waiting[remote.remote(job, data, cache, share.cpus)] = job
            (done, *_), _ = ray.wait(list(waiting), num_returns=1)
            job = waiting.pop(done)
            try:
                failure = ray.get(done)
            except ray.exceptions.RayError as error:  # its process died: killed for memory, or a machine was lost
                failure = _note(job, f"its process died ({type(error).__name__})", str(error))
            yield Outcome(job=job, failure=failure)
    finally:
        if ours:
            ray.shutdown()


def _start(ray: Any, address: str | None) -> None:
    """Join a cluster, or make one of this machine.

    Raises:
        ResourceError: NO_DEVICE.
    """
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            ignore_reinit_error=True,
            **({} if address is not None else {"include_dashboard": False}),
        )
    except Exception as error:  # Ray has no error of its own for this: a busy machine starts too slowly for it
        what = f"Ray does not start: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        raise ResourceError("NO_DEVICE", what, "try again, or give --parallel 1", where="parallel") from error


@dataclass(frozen=True, kw_only=True)
class Share:
    """What each of ``parallel`` trainings has of the machines."""

    parallel: int
    cpus: int
    gpus: float


def share_machines(machines: Sequence[Mapping[str, float]], parallel: int | None) -> Share:
    """Divide machines among trainings, none of which can have more than one machine has.

    Args:
        machines: of each, what Ray calls its resources: ``CPU`` and ``GPU``.
        parallel: trainings at a time; None: see :func:`run_sweep`.

    Raises:
        ResourceError: NO_DEVICE for machines without a whole core, as those of a cluster before its workers join.
    """
    cores, gpus = ([machine.get(name, 0.0) for machine in machines] for name in ("CPU", "GPU"))
    if not any(core >= 1 for core in cores):
        what = f"{len(machines)} machines of the cluster offer no core"
        raise ResourceError("NO_DEVICE", what, "wait until its workers have joined", where="address")
    wanted = parallel or choose_parallel(int(sum(cores)), int(sum(gpus)))
    cpus = max(1, min(int(sum(cores)) // wanted, int(min(core for core in cores if core >= 1))))
    part = min(1.0, sum(gpus) / wanted)
    return Share(parallel=wanted, cpus=cpus, gpus=1 / math.ceil(1 / part) if part else 0.0)


def _attempt_alone(job: Job, data: Path, cache: Path | None, threads: int) -> str:
    """A job in a process of its own, which has its share of the machine's cores."""
    torch.set_num_threads(threads)
    return attempt(job, data, cache)


def _library() -> Any:
    try:
        import ray
    except ImportError as error:
        cure = "pip install 'cinecor[sweep]', or run one training at a time"
        raise ConfigError("MISSING_EXTRA", "trainings side by side need Ray", cure) from error
    return ray
