"""What a network costs: parameters, operations, time and memory, measured in a process of its own."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from cinecor import storage
from cinecor.clips.streams import make_streams
from cinecor.models import create_model
from cinecor.models.contract import Network
from cinecor.training.optimiser import make_optimiser
from cinecor.training.precision import is_mixed
from cinecor.training.recipe import network_options
from cinecor.training.recipe_fields import Recipe
from cinecor.training.task import Task

COST_NAME = "cost.json"
TURNS = 3  # the best of so many steps counts; one more warms up
OF_A_STEP = ("train_ms_per_clip", "peak_mb")
"""Figures of a step of learning from labels. A step with a generator, or with clips varied twice, is another, whose
cost is not measured: what stood there would be of a step that was never made."""
_STATUS = Path("/proc/self/status")


def measure_cost(folder: Path, recipe: Recipe) -> dict[str, float | int]:
    """The figures of a run's network, measured once and kept beside the run.

    Returns:
        ``parameters``; ``trained_parameters``; ``flops`` of a forward pass of one clip (multiplications and additions
        counted apart); ``train_ms_per_clip`` at the recipe's batch size and precision; ``inference_ms_per_clip`` one
        at a time in float32; ``peak_mb`` of memory that training adds to the process (on a GPU: of the GPU);
        ``threads``. Where clips without a label are learned from, nothing that is :data:`OF_A_STEP`.
    """
    path = folder / COST_NAME
    if path.exists():
        return read_cost(folder, recipe)
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        cost = pool.submit(_measure, recipe.model_dump(mode="json"), torch.get_num_threads()).result()
    storage.write_text(path, json.dumps(cost, indent=2) + "\n")
    return cost


def read_cost(folder: Path, recipe: Recipe) -> dict[str, float | int]:
    """What was measured of a run, less what an earlier version measured of another step than the run's; nothing where
    nothing was."""
    path = folder / COST_NAME
    found: dict[str, float | int] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    plain = recipe.semi.method == "none"
    return {name: value for name, value in found.items() if plain or name not in OF_A_STEP}


def _measure(values: dict[str, object], threads: int) -> dict[str, float | int]:
    torch.set_num_threads(threads)
    recipe = Recipe.model_validate(values)
    device = torch.device("cuda" if torch.cuda.is_available() and recipe.device != "cpu" else "cpu")
    before = _resident_bytes(device)
    network = create_model(recipe.model.name, recipe.outputs, **network_options(recipe))
    mixed, outlines = is_mixed(recipe, device), recipe.loss.outline > 0
    layout, frozen = recipe.channels_last, recipe.start.freeze
    task = Task(network, mixed=mixed, outlines=outlines, channels_last=layout, frozen=frozen)
    task.contrast = recipe.loss.name == "coreecho"
    task = task.to(device)
    clips = recipe.batch_size * recipe.sampling.views
    batch = _make_inputs(network, recipe, clips, device)
    step: dict[str, float | int] = {}
    if recipe.semi.method == "none":
        milliseconds = _time(_training_step(task, recipe, batch), device) / clips
        peak = _resident_bytes(device) - before
        step = {"train_ms_per_clip": round(milliseconds, 3), "peak_mb": round(peak / 2**20, 1)}
    plain = Task(network, channels_last=recipe.channels_last).eval()
    single = [stream[:1] for stream in batch]
    return {
        "parameters": sum(p.numel() for p in network.parameters()),
        "trained_parameters": sum(p.numel() for p in network.parameters() if p.requires_grad),
        "flops": _count_flops(plain, single),
        "inference_ms_per_clip": round(_time(_prediction(plain, single), device), 3),
        **step,
        "threads": threads,
    }


def _make_inputs(network: Network, recipe: Recipe, clips: int, device: torch.device) -> list[torch.Tensor]:
    spec, generator = recipe.clip_spec, torch.Generator().manual_seed(0)
    shape = (spec.planes, spec.length, spec.height, spec.width)
    made = [make_streams(torch.randn(shape, generator=generator).numpy(), network.streams) for _ in range(clips)]
    return [torch.stack([torch.from_numpy(each[name]) for each in made]).to(device) for name in network.streams]


def _training_step(task: Task, recipe: Recipe, batch: list[torch.Tensor]) -> Callable[[], object]:
    optimiser = make_optimiser(task.train(), recipe.optimiser)

    def step() -> None:
        optimiser.zero_grad()
        outputs = task(*batch)
        parts = outputs if isinstance(outputs, tuple) else (outputs,)
        torch.autograd.backward([part.square().mean() for part in parts])
        optimiser.step()

    return step


def _prediction(task: Task, single: list[torch.Tensor]) -> Callable[[], object]:
    def predict() -> None:
        with torch.inference_mode():
            task(*single)

    return predict


def _count_flops(task: Task, single: list[torch.Tensor]) -> int:
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        task(*single)
    return int(counter.get_total_flops())


def _time(step: Callable[[], object], device: torch.device) -> float:
    """Milliseconds of one call, the best of some."""
    seconds = []
    for _ in range(TURNS + 1):
        began = time.perf_counter()
        step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - began)
    return 1000.0 * min(seconds[1:])


def _resident_bytes(device: torch.device) -> int:
    """The most memory that was in use so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if _STATUS.exists():  # Linux: getrusage would give the most that the process which started this one had
        lines = _STATUS.read_text("ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    if sys.platform == "win32":
        return 0  # Windows keeps no such figure for free
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS
