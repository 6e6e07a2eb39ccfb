"""Clips a second of every network, as its recipe trains it, beside plain float32, and the share of the machine's peak.

    python benchmarks/models.py [--only mini_b2 …] [--side 112] [--turns 3] [--threads 1] [--clock processor]

A training step is forward, backward and Adam at the recipe's batch size; analysis is one clip without gradients. The
recipe's way and plain eager float32 take turns in one run, and the best of several turns counts for each. The peak of
the machine is the fastest product of two square matrices in the same precision on the same threads, measured in the
same run; a network's operations are counted (`torch.utils.flop_counter`: convolutions and products, both directions).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from throughput import CLOCKS, Clock, Step, time_once
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from cinecor.clips.streams import make_streams
from cinecor.models import create_model
from cinecor.training.benchmarks import select_rows
from cinecor.training.precision import has_bf16, is_mixed
from cinecor.training.recipe import apply_overrides, network_options
from cinecor.training.recipe_fields import Recipe
from cinecor.training.task import Task

ROWS = (
    "stem", "mini_b1", "mini_b2", "mini_b4", "mini_l2", "original_b1", "original_b2", "two_stream_b1", "combination_b1",
    "new_combination_b1", "dual_input_b1", "dual_input_truncated_b1", "single_input_b1", "cnn_rnn_1", "cnn_rnn_to_b7",
    "scratch_gru_b1", "scratch_lstm_b1", "mini_outline_b1",
)  # fmt: skip
MARK_ROW, MARK = "mini_b2", 2.0
PEAK_SIDE = 2048


@dataclass(frozen=True)
class Way:
    """One way to compute a network, and what a call of it does."""

    step: Step
    clips: int
    flops: int
    mixed: bool


def make_inputs(task: Task, recipe: Recipe, clips: int) -> list[Tensor]:
    """Random clips, as streams of the network."""
    spec = recipe.clip_spec
    made = [
        make_streams(torch.randn(1, spec.length, spec.height, spec.width).numpy(), task.network.streams)
        for _ in range(clips)
    ]
    return [torch.stack([torch.from_numpy(each[name]) for each in made]) for name in task.network.streams]


def training(recipe: Recipe, *, mixed: bool, channels_last: bool) -> Way:
    """A step of the recipe's training."""
    task = make_task(recipe, mixed=mixed, channels_last=channels_last).train()
    inputs = make_inputs(task, recipe, recipe.batch_size)
    optimiser = torch.optim.Adam([p for p in task.parameters() if p.requires_grad], 1e-3)

    def step() -> None:
        optimiser.zero_grad()
        outputs = task(*inputs)
        parts = outputs if isinstance(outputs, tuple) else (outputs,)
        torch.stack([part.square().mean() for part in parts]).sum().backward()
        optimiser.step()

    return Way(step, recipe.batch_size, count(step), mixed)


def analysis(recipe: Recipe, *, mixed: bool, channels_last: bool) -> Way:
    """A forward pass of one clip."""
    task = make_task(recipe, mixed=mixed, channels_last=channels_last).eval()
    inputs = make_inputs(task, recipe, 1)

    def step() -> None:
        with torch.inference_mode():
            task(*inputs)

    def without_mode() -> None:  # the counter sees nothing under inference mode
        with torch.no_grad():
            task(*inputs)

    return Way(step, 1, count(without_mode), mixed)


def make_task(recipe: Recipe, *, mixed: bool, channels_last: bool) -> Task:
    """The recipe's network with the same weights each time."""
    torch.manual_seed(0)
    network = create_model(recipe.model.name, **network_options(recipe))
    return Task(network, mixed=mixed, channels_last=channels_last, outlines=recipe.loss.outline > 0)


def count(step: Callable[[], None]) -> int:
    """Operations of one call."""
    with FlopCounterMode(display=False) as counter:
        step()
    return int(counter.get_total_flops())


def measure_peak(kind: torch.dtype, turns: int, clock: Clock) -> float:
    """Operations a second of a product of square matrices."""
    left, right = (torch.randn(PEAK_SIDE, PEAK_SIDE).to(kind) for _ in range(2))
    seconds = [time_once(lambda: left @ right, "cpu", clock) for _ in range(turns + 1)]
    return 2 * PEAK_SIDE**3 / min(seconds[1:])


def best_seconds(ways: Sequence[Way], turns: int, clock: Clock) -> list[float]:
    """The shortest call of each way; they take turns, after one that does not count."""
    seconds = [[time_once(way.step, "cpu", clock) for way in ways] for _ in range(turns + 1)]
    return [min(column) for column in zip(*seconds[1:], strict=True)]


def show(name: str, recipe: Recipe, peaks: dict[bool, float], turns: int, clock: Clock) -> float:
    """Print one row; returns how many times faster than plain float32 the recipe's training is."""
    mixed = is_mixed(recipe, torch.device("cpu"))
    cells, ratios = [], []
    for make in (training, analysis):
        ours = make(recipe, mixed=mixed, channels_last=recipe.channels_last)
        plain = make(recipe, mixed=False, channels_last=False)
        seconds = best_seconds((ours, plain), turns, clock)
        ratios.append(seconds[1] / seconds[0])
        share = ours.flops / seconds[0] / peaks[ours.mixed]
        cells.append(f"{ours.clips / seconds[0]:9.2f}/s{ratios[-1]:7.2f} x{100 * share:6.0f} %")
    kind = "bf16" if mixed else "fp32"
    print(f"{name:26}{kind:>6}{recipe.batch_size:>6}{cells[0]:>30}{cells[1]:>30}", flush=True)
    return ratios[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=list(ROWS), help="rows of benchmark 000")
    parser.add_argument("--side", type=int, default=112, help="height and width of the clips")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--clock", choices=sorted(CLOCKS), default="wall", help="processor: on a busy machine, 1 thread"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    clock = CLOCKS[options.clock]
    began = time.monotonic()
    kinds = {False: torch.float32} | ({True: torch.bfloat16} if has_bf16(torch.device("cpu")) else {})
    peaks = {mixed: measure_peak(kind, options.turns, clock) for mixed, kind in kinds.items()}
    print(", ".join(f"peak {kinds[mixed]}: {peak / 1e9:.0f} GFLOP/s" for mixed, peak in peaks.items()))
    print(f"clips of 28 x {options.side} x {options.side}, {options.threads} threads")
    print(f"{'':26}{'':>6}{'batch':>6}{'training, times plain, peak':>30}{'analysis, times plain, peak':>30}")
    ratios = {}
    for name, recipe in select_rows("000", only=options.only).items():
        size = ["--clip.height", str(options.side), "--clip.width", str(options.side)]
        offline = ["--model.options.pretrained", "false"] if recipe.model.options.get("pretrained") else []
        changed = apply_overrides(recipe, [*size, *offline])
        ratios[name] = show(name, changed, peaks, options.turns, clock)
    if MARK_ROW in ratios:
        verdict = "held" if ratios[MARK_ROW] >= MARK else "NOT HELD"
        print(f"{MARK_ROW}, training against plain float32: {ratios[MARK_ROW]:.2f} times; mark {MARK:.0f}: {verdict}")
    if True not in peaks:
        print(
            "this machine has no instructions for bfloat16: recipes that leave the precision to it compute in float32"
        )
    print(f"measured in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
