"""CoReEcho's training, clips a second: both stages, both data paths, and how long the whole training would take.

python benchmarks/coreecho_training.py [--batches 16 32 64] [--steps 20] [--compile] [--workers 8]
python benchmarks/coreecho_training.py --small          a small network and small clips, to try the program on a CPU

UniFormer-S with CoReEcho's regressor on clips of 36 frames of 112 x 112, every fourth frame: two clips of each video in
stage 1, one in stage 2 (encoder frozen), padded and cropped as CoReEcho does; AdamW; bfloat16 where the device has it.
The frames are noise: what they show costs nothing. `data` is the making of batches alone. The training is 26 epochs
of stage 1 and 5 of stage 2 over 7,465 videos, and after each epoch one clip of each of 1,288 validation videos, counted
as stage 2.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from cinecor.clips import Cache, ClipDataset, Sampling
from cinecor.clips.resident import ResidentClips, count_bytes
from cinecor.clips.transforms import COREECHO
from cinecor.models import create_model
from cinecor.models.bfloat16 import has_bf16
from cinecor.models.contract import Network
from cinecor.models.layout import channels_last
from cinecor.objectives import coreecho_first_stage, coreecho_second_stage
from cinecor.records import Batch, Cine, ClipSpec, Study
from cinecor.training.data_path import ResidentLoader
from cinecor.training.loading import make_loader, to_device

SPEC = ClipSpec(length=36, period=4, height=112, width=112, mean=(32.7,), std=(49.6,), crop="none")
SMALL_SPEC = replace(SPEC, length=8, period=2, height=32, width=32)
SMALL = {"depths": (1, 1, 1, 1), "widths": (16, 32, 64, 64), "head_dim": 32}
VIDEOS, VALIDATION = 7465, 1288  # EchoNet-Dynamic
EPOCHS = {1: 26, 2: 5}  # as CoReEcho's code runs
RATE = 1e-4  # AdamW, and the weight decay
WARM_UP = 3  # steps

Step = Callable[[Batch], object]


def make_studies(videos: int, frames: int, spec: ClipSpec) -> list[Study]:
    """Noise with an EF."""
    rng = np.random.default_rng(0)
    shape = (frames, 1, spec.height, spec.width)
    loops = [rng.integers(0, 255, shape, dtype=np.uint8) for _ in range(videos)]
    cines = [Cine(source=each, modality="US", frames=frames, height=spec.height, width=spec.width) for each in loops]
    targets = rng.uniform(15, 75, videos).tolist()
    return [
        Study(id=f"v{number}", cines=(cine,), labels={"ef": target})
        for number, (cine, target) in enumerate(zip(cines, targets, strict=True))
    ]


def order_of(videos: int, batch: int, clips: int) -> Iterator[list[int]]:
    """Batches of all clips of random videos, for ever."""
    rng = np.random.default_rng(0)
    while True:
        for chosen in rng.permutation(videos)[: videos - videos % batch].reshape(-1, batch):
            yield [clips * video + clip for video in chosen.tolist() for clip in range(clips)]


class Stages:
    """The network and the steps of both stages."""

    def __init__(self, device: torch.device, options: dict[str, object], *, compiled: bool) -> None:
        torch.manual_seed(0)
        self.device, self.mixed = device, has_bf16(device)
        self.network: Network = create_model("uniformer_small", head="coreecho", in_channels=1, **options).to(device)
        channels_last(self.network)
        self.trunk = torch.compile(self.network.forward_features) if compiled else self.network.forward_features
        self.optimiser = torch.optim.AdamW(self.network.parameters(), RATE, weight_decay=RATE)
        self.head = torch.optim.AdamW(self.network.head.parameters(), RATE, weight_decay=RATE)

    def first(self, batch: Batch) -> None:
        """One step of stage 1."""
        self.network.train()
        loss = coreecho_first_stage(self._embed(batch), batch.targets["ef"], self.network.head).total
        self._learn(self.optimiser, loss)

    def second(self, batch: Batch) -> None:
        """One step of stage 2: the encoder is frozen, in evaluation mode."""
        self.network.eval()
        self.network.head.train()
        with torch.no_grad():
            embeddings = self._embed(batch)
        self._learn(self.head, coreecho_second_stage(embeddings, batch.targets["ef"], self.network.head))

    def _embed(self, batch: Batch) -> torch.Tensor:
        clips = batch.inputs["rgb"].contiguous(memory_format=torch.channels_last_3d)
        with torch.autocast(self.device.type, torch.bfloat16) if self.mixed else nullcontext():
            features = self.trunk(clips)
        return self.network.forward_head(features.float(), pre_logits=True)

    @staticmethod
    def _learn(optimiser: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def videos_a_second(batches: Iterable[Batch], step: Step, steps: int, batch: int, device: torch.device) -> float:
    """Videos a second of steps one after another, the making of their batches included."""
    began = 0.0
    for number, made in enumerate(islice(batches, WARM_UP + steps)):
        if number == WARM_UP:
            wait(device)
            began = time.perf_counter()
        step(to_device(made, device))
    wait(device)
    return steps * batch / (time.perf_counter() - began)


def wait(device: torch.device) -> None:
    """Until the device has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def peak_gigabytes(device: torch.device) -> float:
    """The most memory in use so far: of the GPU since it was last asked, or of this process."""
    if device.type == "cuda":
        peak = torch.cuda.max_memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        return peak / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def compare(options: argparse.Namespace, device: torch.device, datasets: dict[int, ClipDataset]) -> None:
    """Print a row for each batch size, stage and data path."""
    stages = Stages(device, SMALL if options.small else {}, compiled=options.compile)
    resident = {stage: ResidentClips(dataset, device) for stage, dataset in datasets.items()}
    print(
        f"{device}, {'bfloat16' if stages.mixed else 'float32'}{', compiled' if options.compile else ''}; frames kept"
    )
    kept = count_bytes(datasets[1]) / 1e9
    print(f"on the device: {kept:.2f} GB, here once for each stage; a video is two clips in stage 1")
    print(f"{'batch':>6}{'stage':>7}{'path':>10}{'clips/s':>10}{'data, clips/s':>15}{'peak, GB':>10}")
    for batch in options.batches:
        best: dict[int, float] = {}
        for stage, step in ((1, stages.first), (2, stages.second)):
            clips = 3 - stage
            for path in ("loader", "resident"):
                made = {}
                for name, each in (("data", lambda _: None), ("all", step)):
                    order = order_of(options.videos, batch, clips)
                    finite = list(islice(order, WARM_UP + options.steps))
                    batches = (
                        ResidentLoader(resident[stage], finite)
                        if path == "resident"
                        else make_loader(datasets[stage], options.workers, device, order=finite)
                    )
                    made[name] = videos_a_second(batches, each, options.steps, batch, device)
                rates = f"{clips * made['all']:10.1f}{clips * made['data']:15.0f}"
                print(f"{batch:6}{stage:7}{path:>10}{rates}{peak_gigabytes(device):10.2f}", flush=True)
                best[stage] = max(best.get(stage, 0.0), made["all"])
        if not options.small:
            tell(best, batch)


def tell(best: dict[int, float], batch: int) -> None:
    """Print how long the whole training would take at these rates."""
    seconds = sum(epochs * VIDEOS / best[stage] for stage, epochs in EPOCHS.items())
    seconds += sum(EPOCHS.values()) * VALIDATION / best[2]
    print(
        f"       batch {batch}: {seconds / 60:,.1f} minutes for 26 + 5 epochs of {VIDEOS:,} videos at the better rates"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 32, 64], help="videos")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--videos", type=int, default=512)
    parser.add_argument("--frames", type=int, default=176, help="of each loop")
    parser.add_argument("--workers", type=int, default=0, help="of the loader")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    if max(options.batches) > options.videos:
        parser.error(f"{options.videos} videos do not make a batch of {max(options.batches)}")
    spec, device = SMALL_SPEC if options.small else SPEC, torch.device(options.device)
    torch.backends.cudnn.benchmark = device.type == "cuda"
    studies = make_studies(options.videos, options.frames, spec)
    if options.small:
        print("small network and clips: the rates mean nothing for CoReEcho")
    with tempfile.TemporaryDirectory() as folder:
        cache = Cache.build(studies, spec, Path(folder), workers=1, progress=False)
        datasets = {
            stage: ClipDataset(studies, cache, spec, sampling=Sampling(clips=3 - stage), transform=COREECHO)
            for stage in (1, 2)
        }
        compare(options, device, datasets)


if __name__ == "__main__":
    main()
