"""Clips a second in training and in analysis: precision, memory layout, batch, threads, compilers; in one run.

python benchmarks/throughput.py [--model i3d] [--option depth=3 …] [--turns 3] [--no-compile] [--clock wall]

One step of each way is timed in turn, and the best of several turns counts for each, so that other work on the
machine falls on all alike. What counts are the ratios: of a way to plain fp32 in the same column, and of many
threads to few. On a busy machine `--clock processor --threads 1` gives ratios that other work hardly touches.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec

import torch
from torch import nn

from cinecor.models import create_model

FRAMES, SIDE = 28, 112
BATCHES = (1, 8)
LEARNING_RATE = 1e-3

Step = Callable[[], object]
Clock = Callable[[], float]
CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "processor": time.process_time}
Cell = tuple[str, int, int]  # way, batch, threads


def make_clips(batch: int, device: str, channels_last: bool) -> torch.Tensor:
    """Random clips as the model takes them."""
    clips = torch.rand(batch, 1, FRAMES, SIDE, SIDE, device=device)
    return clips.to(memory_format=torch.channels_last_3d) if channels_last else clips


def torch_step(
    model: nn.Module, batch: int, device: str, *, train: bool, bf16: bool, channels_last: bool, compiled: bool = False
) -> Step:
    """A training step (forward, backward, Adam) or a forward pass without gradients."""
    layout = torch.channels_last_3d if channels_last else torch.contiguous_format
    model = model.to(device).to(memory_format=layout).train(train)
    clips, targets = make_clips(batch, device, channels_last), torch.rand(batch, 1, device=device)
    optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    network = torch.compile(model) if compiled else model

    def forward() -> torch.Tensor:
        with torch.autocast(device, torch.bfloat16, enabled=bf16):
            return network(clips)

    def learn() -> None:
        loss = nn.functional.mse_loss(forward().float(), targets)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return learn if train else torch.inference_mode()(forward)


def openvino_step(model: nn.Module, batch: int, threads: int, precision: str) -> Step:
    """One forward pass through OpenVINO."""
    import openvino

    clips = make_clips(batch, "cpu", channels_last=False)
    program = openvino.convert_model(torch.export.export(model.eval(), (clips,)))
    options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    compiled = openvino.Core().compile_model(program, "CPU", options)
    content = clips.numpy()
    return lambda: compiled(content)


def make_steps(options: argparse.Namespace, *, train: bool) -> Iterator[tuple[Cell, Step]]:
    """Every way at every batch and number of threads."""
    ways = {
        "fp32": {"bf16": False, "channels_last": False},
        "fp32, channels last": {"bf16": False, "channels_last": True},
        "bf16": {"bf16": True, "channels_last": False},
        "bf16, channels last": {"bf16": True, "channels_last": True},
    }
    threads = options.threads
    for batch in options.batches:
        for name, way in ways.items():
            for count in threads:
                yield (name, batch, count), torch_step(make_model(options), batch, options.device, train=train, **way)
        if options.compile:
            torch.set_num_threads(max(threads))
            step = torch_step(
                make_model(options), batch, options.device, train=train, bf16=True, channels_last=True, compiled=True
            )
            yield ("bf16, channels last, torch.compile", batch, max(threads)), step
        if options.openvino and not train:
            for precision in ("f32", "bf16"):
                for count in threads:
                    step = openvino_step(make_model(options), batch, count, precision)
                    yield (f"OpenVINO {precision}", batch, count), step


def make_model(options: argparse.Namespace) -> nn.Module:
    """The network of the options, with the same weights each time."""
    torch.manual_seed(0)
    return create_model(options.model, **options.option)


def measure(steps: dict[Cell, Step], turns: int, device: str, clock: Clock) -> dict[Cell, float]:
    """Clips a second of each cell: the best of the turns, after one that does not count."""
    best = dict.fromkeys(steps, 0.0)
    for turn in range(turns + 1):
        for cell, step in steps.items():
            torch.set_num_threads(cell[2])
            seconds = time_once(step, device, clock)
            if turn > 0:
                best[cell] = max(best[cell], cell[1] / seconds)
    return best


def time_once(step: Step, device: str, clock: Clock) -> float:
    """Seconds of one step by the clock."""
    began = clock()
    step()
    if device == "cuda":
        torch.cuda.synchronize()
    return clock() - began


def show(title: str, best: dict[Cell, float], threads: Sequence[int]) -> None:
    """Print a table: ways in rows, batch sizes and threads in columns."""
    columns = [(batch, count) for batch in sorted({cell[1] for cell in best}) for count in threads]
    heads = "".join(f"{f'batch {batch}, {count} thr.':>22}" for batch, count in columns)
    print(f"\n{title:36}{heads}")
    for name in dict.fromkeys(cell[0] for cell in best):
        texts = [
            f"{best[name, *column]:9.1f}/s ({best[name, *column] / best['fp32', *column]:5.2f} x)"
            if (name, *column) in best
            else ""
            for column in columns
        ]
        print(f"{name:36}" + "".join(f"{text:>22}" for text in texts))
    if len(threads) > 1:
        growth(best, threads)


def growth(best: dict[Cell, float], threads: Sequence[int]) -> None:
    """Print how much faster many threads are than few."""
    few, many = min(threads), max(threads)
    for name, batch, count in best:
        if count == many and (name, batch, few) in best:
            ratio = best[name, batch, many] / best[name, batch, few]
            print(f"    {name}, batch {batch}: {many} threads give {ratio:.2f} times {few}")


def parse_option(text: str) -> tuple[str, object]:
    """``name=value`` as a pair; whole numbers as such."""
    name, value = text.split("=", 1)
    return name, int(value) if value.isdigit() and name != "depth" else value


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="i3d")
    parser.add_argument("--option", nargs="*", type=parse_option, default=[], help="of the model, name=value")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES))
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument(
        "--clock", choices=sorted(CLOCKS), default="wall", help="processor: on a busy machine, with --threads 1"
    )
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=shutil.which("gcc") is not None)
    options = parser.parse_args()
    options.option = dict(options.option)
    options.openvino = find_spec("openvino") is not None and options.device == "cpu"
    parameters = sum(parameter.numel() for parameter in make_model(options).parameters())
    print(f"{options.model} {options.option or ''}: {parameters:,} parameters, clips of {FRAMES} x {SIDE} x {SIDE}")
    for train, title in ((True, "training"), (False, "analysis")):
        steps = dict(make_steps(options, train=train))
        show(title, measure(steps, options.turns, options.device, CLOCKS[options.clock]), options.threads)


if __name__ == "__main__":
    main()
