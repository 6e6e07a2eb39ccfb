"""All frames of a cohort on a device, and batches of clips cut from them there: the clips of a ``ClipDataset``.

What is random is drawn as ever, a function of (seed, epoch, index), by the data set itself; here the frames that it
chose are gathered for a whole batch at once, moved by whole pixels and normalised, without leaving the device.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, UInt8
from torch import Tensor

from cinecor.clips.cache import Cache
from cinecor.clips.cache_index import Key
from cinecor.clips.cutting import padding_levels
from cinecor.clips.dataset import STREAM, ClipDataset
from cinecor.clips.sampling import ABSENT
from cinecor.clips.transforms import NONE, beyond_offsets
from cinecor.errors import ConfigError
from cinecor.records import Batch


def find_obstacle(dataset: ClipDataset) -> str:
    """Why the clips of a data set cannot be made on a device; empty where they can."""
    if type(dataset) is not ClipDataset:
        return f"{type(dataset).__name__} makes its clips itself"
    if dataset.streams != (STREAM,):
        return f"only whole frames are made on the device, not {', '.join(dataset.streams)}"
    if dataset.spec.time != "frames":
        return f"splines through a whole {dataset.spec.time} are not made on the device"
    if dataset.spec.neighbours:
        return "neighbouring slices are not shown together on the device"
    if dataset.structures:
        return "outlines are not made on the device"
    others = beyond_offsets(dataset.transform or NONE)
    return f"the augmentation's {', '.join(others)} is not made on the device" if others else ""


def count_bytes(dataset: ClipDataset) -> int:
    """What the frames of a data set's loops take, uint8; equal channels are kept once."""
    spec, keys = dataset.spec, _keys(dataset)
    frames = sum(dataset.cache.count_frames(*key) for key in keys)
    return frames * _count_channels(dataset.cache, keys) * spec.height * spec.width


class ResidentClips:
    """Batches of a data set, made on a device.

    Args:
        dataset: whose items they are, to float rounding.
        device: where its frames are kept and its batches made.

    Raises:
        ConfigError: CONFLICT where ``find_obstacle`` finds one.
    """

    def __init__(self, dataset: ClipDataset, device: torch.device) -> None:
        obstacle = find_obstacle(dataset)
        if obstacle:
            raise ConfigError("CONFLICT", obstacle, "let a loader make the clips", where="data_path")
        self.dataset, self.device = dataset, device
        self._frames, self._first = _upload(dataset, device)
        spec = dataset.spec
        self._mean, self._scale, self._fill = (
            torch.tensor(np.broadcast_to(values, spec.channels), dtype=torch.float32, device=device).reshape(
                1, -1, 1, 1, 1
            )
            for values in (spec.mean, tuple(1 / value for value in spec.std), padding_levels(spec).ravel().tolist())
        )

    def make_batch(self, items: Sequence[int]) -> Batch:
        """The clips of these items side by side, in the data set's epoch."""
        dataset = self.dataset
        origins = [dataset.origin(item) for item in items]
        described = [dataset.describe(item) for item in items]
        rows = np.stack([indices for indices, _ in described])
        offsets = np.array([(0, 0) if varied is None else varied.offset_px for _, varied in described])
        firsts = np.array([self._first[study.id, cine] for study, cine in origins])
        targets = [dataset.targets_of(item) for item in items]
        return Batch(
            inputs={STREAM: self._cut(rows, firsts, offsets)},
            targets={name: self._send([each[name] for each in targets]).float() for name in targets[0]},
            studies=tuple(study.id for study, _ in origins),
            cines=tuple(cine for _, cine in origins),
            starts=tuple(rows[:, 0].tolist()),
        )

    def _cut(
        self,
        rows: Int64[np.ndarray, "batch length"],
        firsts: Int64[np.ndarray, " batch"],
        offsets: Int64[np.ndarray, "batch 2"],
    ) -> Float32[Tensor, "batch channel length height width"]:
        """The frames of each row, counted from the loop's first, moved, normalised, zeros where there are none."""
        absent = rows == ABSENT
        numbers = self._send(np.where(absent, 0, rows) + firsts[:, None])
        outside = self._send(absent)[:, None, :, None, None]
        if offsets.any():
            levels, uncovered = self._gather_moved(numbers, self._send(offsets))
            outside = outside | uncovered
        else:
            levels = self._frames[numbers]
        clips = torch.where(outside, self._fill, levels.movedim(2, 1).to(torch.float32))
        return clips.sub_(self._mean).mul_(self._scale)

    def _gather_moved(
        self, numbers: Int64[Tensor, "batch length"], offsets: Int64[Tensor, "batch 2"]
    ) -> tuple[UInt8[Tensor, "batch length _kept height width"], Bool[Tensor, "batch 1 1 height width"]]:
        """The frames, each clip's moved down and to the right; and which of its pixels come from outside."""
        height, width = self._frames.shape[2:]
        down = torch.arange(height, device=self.device) - offsets[:, :1]
        right = torch.arange(width, device=self.device) - offsets[:, 1:]
        uncovered = ((down < 0) | (down >= height))[:, :, None] | ((right < 0) | (right >= width))[:, None, :]
        lines, columns = down.clamp(0, height - 1), right.clamp(0, width - 1)
        channels = torch.arange(self._frames.shape[1], device=self.device)[:, None, None]
        levels = self._frames[
            numbers[:, :, None, None, None], channels, lines[:, None, None, :, None], columns[:, None, None, None, :]
        ]
        return levels, uncovered[:, None, None]

    def _send(self, values: np.ndarray | Sequence[float]) -> Tensor:
        return torch.as_tensor(values).to(self.device, non_blocking=True)


def _keys(dataset: ClipDataset) -> list[Key]:
    """The loops that clips are made of, each once."""
    origins = (dataset.origin(item) for item in range(len(dataset)))
    return list(dict.fromkeys((study.id, cine) for study, cine in origins))


def _count_channels(cache: Cache, keys: Sequence[Key]) -> int:
    """Channels to keep of all loops: one where that is enough for each of them."""
    return max((cache.count_channels(*key) for key in keys), default=1)


def _upload(
    dataset: ClipDataset, device: torch.device
) -> tuple[UInt8[Tensor, "frame _kept height width"], dict[Key, int]]:
    """The frames of all loops one after another, and where those of each begin."""
    spec, cache = dataset.spec, dataset.cache
    keys = _keys(dataset)
    counts = [cache.count_frames(*key) for key in keys]
    starts = np.concatenate([[0], np.cumsum(counts)]).tolist()
    channels = _count_channels(cache, keys)
    shape = (starts[-1], channels, spec.height, spec.width)
    frames = torch.empty(shape, dtype=torch.uint8, device=device)
    for key, start, count in zip(keys, starts, counts, strict=False):
        frames[start : start + count] = torch.from_numpy(np.array(cache.frames(*key)[:, :channels]))
    return frames, dict(zip(keys, starts, strict=False))
