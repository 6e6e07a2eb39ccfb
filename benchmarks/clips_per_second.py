"""Random clips a second: from the cache, and by opening and decoding each AVI with OpenCV, in one run.

python benchmarks/clips_per_second.py [--studies 60] [--data FOLDER]

The folder is in EchoNet-Dynamic's layout; without one, a synthetic cohort is written to a temporary folder. All ways
give the same clip: 28 consecutive frames of 112 × 112 from a random start. They take turns, and the best of several
turns counts for each, so that other work on the machine falls on all alike.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np

from cinecor import phantom
from cinecor.clips import Cache, ClipDataset, cut
from cinecor.clips.sampling import choose_random
from cinecor.datasets import echonet_dynamic
from cinecor.records import ClipSpec, Study

SPEC = ClipSpec()
MARK = 100.0  # times as many clips from the cache


def decode(path: Path) -> np.ndarray:
    """All frames of a video as grey, as the public codes of the field read it."""
    video = cv2.VideoCapture(str(path))
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
    video = cv2.VideoCapture(str(path))
    video.set(cv2.CAP_PROP_POS_FRAMES, start)
    frames = [cv2.cvtColor(video.read()[1], cv2.COLOR_BGR2GRAY) for _ in range(count)]
    video.release()
    return np.stack(frames)[:, None]


def ways(
    studies: Sequence[Study], cache: Cache, dataset: ClipDataset
) -> dict[str, tuple[Callable[[int], object], int]]:
    """Each way to a random clip of loop ``number``, and how many clips one turn takes."""
    generator = np.random.default_rng(0)

    def whole_video(number: int) -> np.ndarray:
        frames = decode(studies[number].cines[0].source)
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
        "AVI, OpenCV, whole video": (whole_video, 30),
        "AVI, OpenCV, seek to the clip": (part_of_video, 30),
        "cache, normalised float32": (cached, 2000),
        "cache, ClipDataset item": (dataset.__getitem__, 2000),
        "cache, uint8 frames": (cached_bytes, 5000),
    }


def measure(way: Callable[[int], object], clips: int, loops: int, turn: int) -> float:
    """Clips a second over loops in random order."""
    order = np.random.default_rng(turn).integers(loops, size=clips).tolist()
    began = time.perf_counter()
    for number in order:
        way(number)
    return clips / (time.perf_counter() - began)


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
    todo = ways(studies, cache, ClipDataset(studies, cache, SPEC))
    best = dict.fromkeys(todo, 0.0)
    for turn in range(turns):
        for name, (way, clips) in todo.items():
            best[name] = max(best[name], measure(way, clips, len(studies), turn))
    base = best["AVI, OpenCV, whole video"]
    for name, speed in best.items():
        print(f"{name:32} {speed:10.0f} clips/s {speed / base:8.1f} times")
    ratio = best["cache, normalised float32"] / base
    print(f"mark: {MARK:.0f} times; reached: {ratio:.0f} times ({'held' if ratio >= MARK else 'NOT HELD'})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=60, help="loops of the synthetic cohort")
    parser.add_argument("--data", type=Path, help="folder in EchoNet-Dynamic's layout")
    parser.add_argument("--turns", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = options.data
        if root is None:
            root = Path(name) / "data"
            echonet_dynamic.write(phantom.population("echonet_dynamic", options.studies, 0), root)
        run(root, Path(name) / "cache", options.turns)


if __name__ == "__main__":
    main()
