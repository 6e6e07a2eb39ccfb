"""Kill `cinecor benchmark` with SIGKILL at random moments, start it again; compare its table with an undisturbed one.

    python benchmarks/kill_sweep.py --trials 5 [--kills 2]

Each trial compares small trainings on synthetic loops (drawn here). It passes if no training that had finished before a
kill was touched again, and if the table and all predictions are those of the undisturbed sweep: everything but what was
measured with a clock.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from cinecor.datasets import echonet_dynamic
from cinecor.phantom import echo_study

ROWS = ("stem", "mini_b1", "mini_l1")
SIZES = {
    "clip.length": 6,
    "clip.height": 32,
    "clip.width": 32,
    "model.options.width": 0.1,
    "batch_size": 2,
    "epochs": 6,
    "reference_clips": 0,
    "device": "cpu",
    "precision": "fp32",
}
CLOCKED = ("train_ms_per_clip", "inference_ms_per_clip", "peak_mb", "train_seconds")
SPLITS = ("train",) * 12 + ("validation",) * 4 + ("test",) * 4


def start(data: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command, in a process group of its own."""
    only = [word for row in ROWS for word in ("--only", row)]
    command = [sys.executable, "-m", "cinecor.cli.__main__", "benchmark", "000", "--data", str(data), "--out", str(out)]
    environment = {**os.environ, "CINECOR_CACHE": str(out.parent / "cache"), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, *only, "--seeds", "2", "--parallel", "1", *(f"--{name}={value}" for name, value in SIZES.items())],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def finished(out: Path) -> dict[str, int]:
    """When the weights of each finished training were written."""
    runs = (out / "runs").glob("*/*/manifest.json")
    return {str(path.parent.relative_to(out)): path.stat().st_mtime_ns for path in runs}


def kill_after(data: Path, out: Path, seconds: float) -> tuple[bool, dict[str, int]]:
    """Whether there was something left to kill, and what had finished by then."""
    process = start(data, out)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True, finished(out)
    return False, finished(out)


def differences(whole: Path, other: Path) -> list[str]:
    """What is not the same in two sweeps."""
    tables = [pd.read_csv(folder / "comparison.csv").drop(columns=list(CLOCKED)) for folder in (whole, other)]
    found = [] if tables[0].equals(tables[1]) else ["comparison.csv"]
    for path in sorted((whole / "runs").glob("*/*/predictions_*.csv")):
        name = path.relative_to(whole)
        found += [] if path.read_bytes() == (other / name).read_bytes() else [str(name)]
    return found


def try_once(data: Path, whole: Path, out: Path, moments: list[float]) -> dict[str, object]:
    """Kill the sweep at each of the moments, let it end, and compare."""
    killed, before = [], {}
    for seconds in moments:
        alive, done = kill_after(data, out, seconds)
        repeated = [name for name in before if done.get(name) != before[name]]
        killed.append(alive)
        before = done
    code = start(data, out).wait()
    after = finished(out)
    repeated += [name for name in before if after[name] != before[name]]
    differing = differences(whole, out) if code == 0 else [f"it ended with {code}"]
    return {"killed": killed, "finished_at_last_kill": len(before), "repeated": repeated, "differing": differing}


def main() -> int:
    """Run the trials; the exit status is 0 where all pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5)
    parser.add_argument("--kills", type=int, default=1, help="in a row, in each trial")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    moments, passed = random.Random(options.seed), 0
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        echonet_dynamic.write(
            [echo_study(index, 0, max_frames=24, split=split) for index, split in enumerate(SPLITS)], home / "data"
        )
        began = time.monotonic()
        assert start(home / "data", home / "whole").wait() == 0
        length = time.monotonic() - began
        print(f"undisturbed: {length:.0f} s, {len(finished(home / 'whole'))} trainings")
        for trial in range(options.trials):
            after = [moments.uniform(0, length) for _ in range(options.kills)]
            row = try_once(home / "data", home / "whole", home / f"trial{trial}", after)
            passed += not row["repeated"] and not row["differing"]
            print(json.dumps({"trial": trial + 1, "killed_after_s": [round(s, 1) for s in after], **row}), flush=True)
    print(f"{passed} of {options.trials} passed")
    return 0 if passed == options.trials else 1


if __name__ == "__main__":
    sys.exit(main())
