"""One clip through `analyse`: PyTorch eager in float32 against a compiled program, in one run.

python benchmarks/latency.py [--model uniformer_small] [--turns 6] [--threads 1] [--clips 4]

All ways are predictors as `cinecor analyse` makes them, asked for the value of one clip in turn, and beside them the
network as PyTorch runs it without any of that (`plain`), with which all are compared. The best turn of each counts, by
the clock on the wall and by the processor's own time. Weights are random, and the head is scaled so that the clips'
values spread as EF does (12 points), which makes their differences those of EF. The last line says what the processor
could do at most: the time that the network's operations take at the rate of a large matrix product.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from cinecor.errors import CinecorError
from cinecor.inference import Settings, load_predictor
from cinecor.inference.predictor import Predictor
from cinecor.models import create_model, model_options
from cinecor.models.checkpoint import Manifest, load_checkpoint, save_checkpoint
from cinecor.records import ClipSpec

SPREAD = 12.0  # points of EF, standard deviation among patients
SPEC = ClipSpec(length=36, height=112, width=112, mean=(32.7,), std=(49.6,))
PRODUCT = 1024  # side of the matrices that stand for the processor's rate

Times = dict[str, tuple[float, float]]
Ask = Callable[[np.ndarray], np.ndarray]


def make_clips(spec: ClipSpec, count: int) -> np.ndarray:
    """Discs that beat at different rates and by different amounts, in noise: normalised clips."""
    rng = np.random.default_rng(0)
    row, column = np.mgrid[: spec.height, : spec.width] - np.array([spec.height, spec.width]).reshape(2, 1, 1) / 2
    clips = []
    for beats, part in zip(rng.uniform(0.5, 3, count), rng.uniform(0.1, 0.6, count), strict=True):
        phase = np.sin(np.linspace(0, np.pi * beats, spec.length)) ** 2
        radius = spec.height / 3 * (1 - part * phase)[:, None, None]
        levels = 150 * (np.hypot(row, column) > radius) + rng.uniform(0, 60, (spec.length, spec.height, spec.width))
        clips.append((levels[None] - spec.mean[0]) / spec.std[0])
    return np.stack(clips).astype(np.float32)


def save_network(folder: Path, name: str, spec: ClipSpec, clips: np.ndarray) -> int:
    """A checkpoint of random weights whose values spread as EF does; returns the operations of one clip."""
    torch.manual_seed(0)
    options = {"in_channels": 1} if "in_channels" in {option.name for option in model_options(name)} else {}
    network = create_model(name, **options).eval()
    counter = FlopCounterMode(display=False)
    with torch.inference_mode():
        with counter:
            network(torch.from_numpy(clips[:1]))
        values = torch.cat([network(torch.from_numpy(clip[None]))[:, 0] for clip in clips])
    scale = SPREAD / float(values.std())
    network.scale_output(scale, 55.0 - scale * float(values.mean()))
    save_checkpoint(folder, network, Manifest(model=name, options=options, clip=spec.as_dict()))
    return int(counter.get_total_flops())


def load_ways(folder: Path, threads: int) -> dict[str, Predictor]:
    """What can be compared on this machine; what cannot is said."""
    ways = {}
    for engine in ("torch", "openvino"):
        for precision in ("fp32", "bf16"):
            began = time.process_time()
            try:
                ways[f"{engine} {precision}"] = load_predictor(
                    folder,
                    Settings(device="cpu", engine=engine, precision=precision, threads=threads),
                )
            except CinecorError as error:
                print(f"{engine} {precision}: {error}")
                continue
            print(f"{engine} {precision}: ready after {time.process_time() - began:.1f} s of processor time")
    return ways


def measure(calls: dict[str, Callable[[], object]], turns: int) -> Times:
    """Seconds on the wall and of the processor of each call: the best of the turns, after one that does not count."""
    best: Times = dict.fromkeys(calls, (np.inf, np.inf))
    for turn in range(turns + 1):
        for name, call in calls.items():
            wall, own = time.perf_counter(), time.process_time()
            call()
            found = time.perf_counter() - wall, time.process_time() - own
            if turn > 0:
                best[name] = tuple(map(min, best[name], found))
    return best


def show(best: Times, values: dict[str, np.ndarray], operations: int) -> None:
    """Print ratios to plain eager PyTorch, differences of EF, and what the processor allows."""
    plain = best["plain"]
    print(f"\n{'one clip':16}{'wall, s':>10}{'times':>8}{'processor, s':>14}{'times':>8}{'largest difference, EF':>26}")
    for name, said in values.items():
        wall, own = best[name]
        difference = np.abs(said - values["plain"]).max()
        print(f"{name:16}{wall:10.3f}{plain[0] / wall:8.2f}{own:14.3f}{plain[1] / own:8.2f}{difference:26.6f}")
    rate = 2 * PRODUCT**3 / best["product"][1]
    ideal = operations / rate
    print(f"\n{operations / 1e9:.1f} GFLOP a clip; a matrix product in float32: {rate / 1e9:.0f} GFLOP a second,")
    print(f"at which a clip takes {ideal:.3f} s: {plain[1] / ideal:.2f} times as fast as plain is the most that can be")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="uniformer_small")
    parser.add_argument("--turns", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--clips", type=int, default=4, help="whose values are compared")
    parser.add_argument("--frames", type=int, default=SPEC.length)
    parser.add_argument("--side", type=int, default=SPEC.height)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    spec = replace(SPEC, length=options.frames, height=options.side, width=options.side)
    clips = make_clips(spec, options.clips)
    print(
        f"{options.model}, clips of {spec.length} x {spec.height} x {spec.width}, {platform.processor() or 'processor'}"
    )
    with tempfile.TemporaryDirectory() as folder:
        operations = save_network(Path(folder), options.model, spec, clips)
        ways = load_ways(Path(folder), options.threads)
        plain = load_checkpoint(Path(folder))[0]
    ask: dict[str, Ask] = {"plain": torch.inference_mode()(lambda clip: plain(torch.from_numpy(clip))[:, 0].numpy())}
    ask |= {name: lambda clip, each=predictor: each.values(clip)[0] for name, predictor in ways.items()}
    left = torch.rand(PRODUCT, PRODUCT)
    calls: dict[str, Callable[[], object]] = {name: partial(each, clips[:1]) for name, each in ask.items()}
    best = measure({**calls, "product": lambda: left @ left}, options.turns)
    show(best, {name: np.concatenate([each(clip[None]) for clip in clips]) for name, each in ask.items()}, operations)


if __name__ == "__main__":
    main()
