"""Random clips a second: from the cache, and by opening and decoding each AVI with OpenCV, in one run.

python benchmarks/clips_per_second.py [--studies 60] [--data FOLDER]

The folder is in EchoNet-Dynamic's layout; without one, a synthetic cohort is written to a temporary folder. All ways
give the same clip: 28 consecutive frames of 112 × 112 from a random start. They take turns, and the best of several
turns counts for each, so that other work on the machine falls on all alike; the processor time of each way is given as
well, which other work touches less. The cache's ways have one thread.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from cinecor import phantom
from cinecor.clips import Cache, ClipDataset, cut
from cinecor.clips.sampling import choose_random
from cinecor.clips.transforms import COREECHO, WIDE
from cinecor.datasets import echonet_dynamic
from cinecor.records import ClipSpec, Study

SPEC = ClipSpec(mean=(32.5,), std=(50.0,))
MARK = 100.0  # times as many clips from the cache
WHOLE = ("AVI, OpenCV as it comes", "AVI, OpenCV, one thread")


def open_video(path: Path, threads: int) -> cv2.VideoCapture:
    """0 threads: as many as the decoder likes, which is OpenCV's default."""
    return cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, threads])


def decode(path: Path, threads: int) -> np.ndarray:
    """All frames of a video as grey, as the public codes of the field read it."""
    video = open_video(path, threads)
    frames = []
    while True:
        read, frame = video.read()
        if not read:
            break
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY))
    video.release()
    return np.stack(frames)[:, None]


def decode_from(path: Path, start: int, count: int) -> np.ndarray:
    """Only the frames of the clip: seek, then read."""
    video = open_video(path, threads=1)
    video.set(cv2.CAP_PROP_POS_FRAMES, start)
    frames = [cv2.cvtColor(video.read()[1], cv2.COLOR_BGR2GRAY) for _ in range(count)]
    video.release()
    return np.stack(frames)[:, None]


def ways(studies: Sequence[Study], cache: Cache) -> dict[str, tuple[Callable[[int], object], int]]:
    """Each way to a random clip of loop ``number``, and how often a turn takes every loop."""
    generator = np.random.default_rng(0)
    plain, shifted, varied = (
        ClipDataset(studies, cache, SPEC, transform=transform) for transform in (None, COREECHO, WIDE)
    )

    def whole_video(number: int, threads: int) -> np.ndarray:
        frames = decode(studies[number].cines[0].source, threads)
        return cut(frames, choose_random(len(frames), SPEC, generator)[0], SPEC)

    def part_of_video(number: int) -> np.ndarray:
        indices = choose_random(cache.count_frames(studies[number].id), SPEC, generator)[0]
        frames = decode_from(studies[number].cines[0].source, int(indices[0]), int((indices >= 0).sum()))
        return cut(frames, np.where(indices >= 0, indices - indices[0], -1), SPEC)

    def cached(number: int) -> np.ndarray:
        frames = cache.frames(studies[number].id)
        return cut(frames, choose_random(len(frames), SPEC, generator)[0], SPEC)

    def cached_bytes(number: int) -> np.ndarray:
        frames = cache.frames(studies[number].id)
        start = int(generator.integers(len(frames) - SPEC.span + 1))
        return frames[start : start + SPEC.length].copy()

    return {
        WHOLE[0]: (partial(whole_video, threads=0), 1),
        WHOLE[1]: (partial(whole_video, threads=1), 1),
        "AVI, OpenCV, seek to the clip": (part_of_video, 1),
        "cache, normalised float32": (cached, 20),
        "cache, ClipDataset item": (plain.__getitem__, 20),
        "cache, item varied (coreecho)": (shifted.__getitem__, 20),
        "cache, item varied (wide)": (varied.__getitem__, 2),
        "cache, uint8 frames": (cached_bytes, 100),
    }


def measure(way: Callable[[int], object], rounds: int, loops: int, turn: int) -> np.ndarray:
    """Clips a second of the clock, and of the processor, over all loops in random order."""
    order = np.random.default_rng(turn).permutation(np.tile(np.arange(loops), rounds)).tolist()
    began = np.array([time.perf_counter(), time.process_time()])
    for number in order:
        way(number)
    return len(order) / (np.array([time.perf_counter(), time.process_time()]) - began)


def run(root: Path, cache_folder: Path, turns: int) -> None:
    studies = [study for study in echonet_dynamic.read(root) if (study.cines[0].frames or 0) >= SPEC.span]
    began = time.perf_counter()
    cache = Cache.build(studies, SPEC, cache_folder)
    built = time.perf_counter() - began
    began = time.perf_counter()
    Cache.build(studies, SPEC, cache_folder)
    checked = time.perf_counter() - began
    frames = np.mean([cache.count_frames(study.id) for study in studies])
    print(f"{len(studies)} loops of {frames:.0f} frames on average")
    print(f"cache built in {built:.1f} s ({len(studies) / built:.0f} loops/s), checked again in {checked:.3f} s")
    cure = ways(studies, cache)
    best = {name: np.zeros(2) for name in cure}
    for turn in range(turns):
        for name, (way, rounds) in cure.items():
            best[name] = np.maximum(best[name], measure(way, rounds, len(studies), turn))
    base = np.maximum(best[WHOLE[0]], best[WHOLE[1]])
    print(f"{'':32}{'clips/s':>10}{'times':>8}{'a processor second':>22}{'times':>8}")
    for name, speed in best.items():
        times = speed / base
        print(f"{name:32}{speed[0]:10.0f}{times[0]:8.1f}{speed[1]:22.0f}{times[1]:8.1f}")
    ratio = (best["cache, normalised float32"] / base)[1]
    verdict = "held" if ratio >= MARK else "NOT HELD"
    print(
        f"by processor time, against the faster way to open and decode: {ratio:.0f} times; mark {MARK:.0f}: {verdict}"
    )


def main() -> None:
    """Let the ways take turns and print what each gives."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=60, help="loops of the synthetic cohort")
    parser.add_argument("--data", type=Path, help="folder in EchoNet-Dynamic's layout")
    parser.add_argument("--turns", type=int, default=12)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = options.data
        if root is None:
            root = Path(name) / "data"
            echonet_dynamic.write(phantom.population("echonet_dynamic", options.studies, 0), root)
        run(root, Path(name) / "cache", options.turns)


if __name__ == "__main__":
    main()
