"""Kill a short training with SIGKILL at random moments, start it again, and compare the weights to the bit.

    python benchmarks/kill_resume.py --trials 20

Each trial trains a small network on synthetic loops (drawn here) in a process of its own, which is killed at a moment
drawn uniformly from the length of an undisturbed training, ``--kills`` times in a row, and is then left to end. It
passes if weights, metrics, predictions and manifest equal those of the undisturbed training byte for byte.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from cinecor.records import Cine, Study
from cinecor.training import Recipe, train
from cinecor.training.recipe import make_recipe

COMPARED = (
    "model.safetensors",
    "manifest.json",
    "metrics.csv",
    "truth.csv",
    "predictions_train.csv",
    "predictions_validation.csv",
    "predictions_test.csv",
)


def make_loops(count: int) -> list[Study]:
    """Discs that beat; the target is how much."""
    studies = []
    for number in range(count):
        rng = np.random.default_rng(number)
        ef = float(rng.uniform(20, 70))
        rows, columns = np.mgrid[:32, :32] - 16
        radii = 12 * (1 - np.sin(np.arange(16) / 16 * np.pi) * ef / 100)
        frames = (np.hypot(rows, columns) < radii[:, None, None]) * 200 + rng.integers(0, 30, (16, 32, 32))
        cine = Cine(source=frames.astype(np.uint8)[:, None], modality="US", frames=16, height=32, width=32)
        split = "train" if number % 4 else ("validation" if number % 8 else "test")
        studies.append(Study(id=f"{number:04d}", cines=(cine,), split=split, labels={"ef": ef}))
    return studies


def make_short_recipe(epochs: int) -> Recipe:
    """Dropout, variation, a schedule and half precision: all that has a state to lose."""
    return make_recipe(
        {
            "model": {"options": {"width": 0.25, "norm_momentum": 0.1}},
            "clip": {"length": 8, "height": 32, "width": 32},
            "augmentation": {"preset": "wide"},
            "optimiser": {"name": "adamw", "lr": 1e-3, "weight_decay": 0.01},
            "schedule": {"name": "cosine", "warmup_epochs": 0.5},
            "precision": "bf16-mixed",
            "batch_size": 4,
            "epochs": epochs,
            "device": "cpu",
        }
    )


def run_until(folder: Path, seconds: float | None, recipe: Recipe, loops: Sequence[Study]) -> tuple[float, int | None]:
    """Train in a process of its own, killed after ``seconds``; how long it took and its exit code."""
    process = multiprocessing.get_context("fork").Process(target=train, args=(recipe, loops, folder))
    began = time.monotonic()
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.kill()
        process.join()
    return time.monotonic() - began, process.exitcode


def compare(first: Path, second: Path) -> list[str]:
    """Names of the files that differ."""
    return [name for name in COMPARED if (first / name).read_bytes() != (second / name).read_bytes()]


def main() -> int:
    """Run the trials; the exit status is 0 where all are equal."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--kills", type=int, default=1, help="in a row, in each trial")
    parser.add_argument("--epochs", type=int, default=4, help="of a training")
    parser.add_argument("--loops", type=int, default=40, help="of which three in four are trained on")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for module in ("lightning.fabric", "cinecor.training.loop"):  # once, here: the trainings are forks of this process
        importlib.import_module(module)
    until = partial(run_until, recipe=make_short_recipe(options.epochs), loops=make_loops(options.loops))
    moments = random.Random(options.seed)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        whole, code = until(home / "whole", None)
        assert code == 0, f"the undisturbed training ended with {code}"
        for trial in range(options.trials):
            folder = home / f"trial{trial}"
            after = [moments.uniform(0, whole) for _ in range(options.kills)]
            killed = [until(folder, seconds)[1] == -9 for seconds in after]
            code = until(folder, None)[1]
            differing = compare(home / "whole", folder) if code == 0 else ["did not end"]
            rows.append({"killed_after_s": [round(s, 2) for s in after], "killed": killed, "differing": differing})
            print(f"trial {trial + 1}: killed after {after} s: {differing or 'the same'}", file=sys.stderr)
    passed = sum(not row["differing"] for row in rows)
    result = {"undisturbed_s": round(whole, 2), "passed": passed, "trials": options.trials, "rows": rows}
    print(json.dumps(result, indent=2) if options.json else f"{passed} of {options.trials} ended with the same files")
    return 0 if passed == options.trials else 1


if __name__ == "__main__":
    sys.exit(main())
