"""Clips of cached loops as a torch dataset: each item a function of (seed, epoch, index) alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np
import torch
from jaxtyping import Int64
from torch.utils.data import Dataset

from cinecor.clips import cache_index
from cinecor.clips.cache import LISTED_FAILURES, Cache
from cinecor.clips.cutting import cut, gather, normalise, padding_levels
from cinecor.clips.interpolation import marked_cycle
from cinecor.clips.neighbours import check_stacks, read_frames
from cinecor.clips.randomness import make_generator
from cinecor.clips.sampling import ABSENT, Sampling, Times, choose_listed, choose_random
from cinecor.clips.streams import WHOLE, make_streams
from cinecor.clips.structures import MaskStore, cover_all, known_frames, label_masks
from cinecor.clips.transforms import Augmentation, Variation, apply, draw
from cinecor.errors import CinecorError, ConfigError, DatasetError
from cinecor.records import LV, Batch, Clip, ClipSpec, Study

STREAM = WHOLE
"""Name of the stream of frames as they are."""


class ClipDataset(Dataset[Clip]):
    """Every loop of the studies, ``sampling.clips`` times (or once for each start), as clips.

    Args:
        studies: whose loops the cache holds.
        cache: their prepared frames.
        spec: the clip; its size, channels and crop are the cache's.
        sampling: which frames; None: one random clip of each loop, anew in each epoch.
        transform: ranges of random variation, None for none.
        seed: with the epoch and the index of an item it fixes all that is random in it, so that neither the number
            of workers nor the order of items matters.
        variation_seed: fixes the variation instead, so that another dataset of the same ``seed`` has the same frames,
            varied otherwise; None: ``seed`` does.
        targets: names of ``Study.labels`` to give with each clip.
        streams: what to give of each clip (``cinecor.clips.streams``).
        structures: names of the structures whose masks to give too (``cinecor.clips.structures``): of label masks, and
            of outlines where a frame has no mask.
        repeats: so many consecutive items draw the same random numbers: with random clips, they are the same clip.

    Raises:
        ConfigError: CONFLICT when the cache holds frames of another specification, starts are missing, or neighbours
            are wanted of loops that are no slices.
        DatasetError: MISSING_FILE for loops that the cache lacks; BAD_LABEL for studies without a finite number
            as target. All at once.
        InputError: NO_TIMING, INCONSISTENT as in ``sampling``, for the first loop without the times that it needs.
    """

    def __init__(
        self,
        studies: Sequence[Study],
        cache: Cache,
        spec: ClipSpec,
        *,
        sampling: Sampling | None = None,
        transform: Augmentation | None = None,
        seed: int = 0,
        variation_seed: int | None = None,
        targets: Sequence[str] = ("ef",),
        streams: Sequence[str] = (STREAM,),
        structures: Sequence[str] = (),
        repeats: int = 1,
    ) -> None:
        self.studies, self.cache, self.spec = tuple(studies), cache, spec
        self.sampling, self.transform = sampling or Sampling(), transform
        self.seed, self.variation_seed = seed, variation_seed
        self.streams, self.structures, self.repeats = tuple(streams), tuple(structures), repeats
        self._masks = MaskStore(self.studies, cache)
        _check_spec(spec, cache.spec)
        _check_cached(self.studies, cache)
        if spec.neighbours:
            check_stacks(self.studies)
        self._targets = [_read_targets(study, targets) for study in self.studies]
        _check_targets(self.studies, self._targets, targets)
        # Shared memory: workers that live on from epoch to epoch see it change.
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]
        self._items = tuple(self._list_items())

    def __len__(self) -> int:
        return len(self._items)

    @property
    def epoch(self) -> int:
        """The epoch whose random numbers are drawn."""
        return int(self._epoch.item())

    def set_epoch(self, epoch: int) -> None:
        """Draw other random numbers: those of this epoch. Call it before the epoch's iterator is made."""
        self._epoch.fill_(epoch)

    def __getitem__(self, index: int) -> Clip:
        if not -len(self) <= index < len(self):
            raise IndexError(f"{index} is not one of {len(self)} clips")
        index %= len(self)
        try:
            return self._make(index)
        except StopIteration as error:  # would end a loop over a DataLoader as if all had been seen
            raise RuntimeError(f"item {index} ended an iteration it does not own") from error

    def origin(self, index: int) -> tuple[Study, int]:
        """The study and the cine of an item, which no epoch changes."""
        number, cine, _ = self._items[index]
        return self.studies[number], cine

    def targets_of(self, index: int) -> Mapping[str, float]:
        """The targets of an item."""
        return self._targets[self._items[index][0]]

    def describe(self, index: int) -> tuple[Int64[np.ndarray, " length"], Variation | None]:
        """The frame indices and the variation of an item in this epoch: all that is random in it."""
        number, cine, start = self._items[index]
        generator = make_generator(self.seed, self.epoch, index // self.repeats)
        frames, times_ms = self._measure(number, cine)
        if start is None:
            indices = choose_random(frames, self.spec, generator, 1, times_ms)
        else:
            indices = choose_listed(frames, self.spec, (start,), times_ms)
        indices = indices + self._span(number, cine)[0] if self.spec.time == "cycle" else indices
        if self.transform is None:
            return indices[0], None
        if self.variation_seed is not None:
            generator = make_generator(self.variation_seed, self.epoch, index // self.repeats)
        return indices[0], draw(self.transform, generator)

    def _make(self, index: int) -> Clip:
        number, cine, _ = self._items[index]
        study = self.studies[number].id
        indices, variation = self.describe(index)
        frames = read_frames(self.cache, self.studies[number], cine, self.spec)
        clip = cut(frames, indices, self.spec) if variation is None else self._vary(frames, indices, variation)
        return Clip(
            study=study,
            cine=cine,
            indices=tuple(indices.tolist()),
            inputs=make_streams(clip, self.streams),
            targets=self._targets[number],
            masks=self._cover(number, cine, indices, variation) if self.structures else {},
        )

    def _cover(self, number: int, cine: int, indices: np.ndarray, variation: Variation | None) -> dict[str, np.ndarray]:
        """Share of each pixel by structure."""
        study = self.studies[number]
        loop, square = study.cines[cine], self.cache.square(study.id, cine)
        labels = self._masks.get(number, cine) if label_masks(loop) else {}
        return cover_all(loop, labels, self.structures, indices, square, self.spec, variation)

    def _vary(self, frames: np.ndarray, indices: np.ndarray, variation: Variation) -> np.ndarray:
        fill = padding_levels(self.spec)
        clip = apply(variation, gather(frames, indices, self.spec), fill)
        clip[:, indices == ABSENT] = fill
        return normalise(clip, self.spec)

    def _measure(self, number: int, cine: int) -> tuple[int, Times]:
        """Frames and times of the part of a loop that clips are taken from."""
        first, last = self._span(number, cine)
        times = self.studies[number].cines[cine].times_ms
        return last - first + 1, times if times is None or self.spec.time == "frames" else times[first : last + 1]

    def _span(self, number: int, cine: int) -> tuple[int, int]:
        """First and last frame of that part."""
        study = self.studies[number]
        frames = self.cache.count_frames(study.id, cine)
        return marked_cycle(study, cine, frames) if self.spec.time == "cycle" else (0, frames - 1)

    def _list_items(self) -> Iterator[tuple[int, int, int | None]]:
        """Study, cine and start of each item; a random start is None until it is drawn."""
        for number, study in enumerate(self.studies):
            for cine in range(len(study.cines)):
                if (study.id, cine) not in self.cache:
                    continue
                generator = make_generator(self.seed, 0, 0)
                try:
                    outlined = known_frames(study.cines[cine], self.structures or (LV,))
                    rows = self.sampling.choose(study.id, *self._measure(number, cine), self.spec, generator, outlined)
                except CinecorError as error:
                    raise type(error)(error.code, error.what, error.cure, where=error.where or study.id) from error
                for start in rows[:, 0].tolist():
                    yield number, cine, None if self.sampling.how == "random" else start


def collate(clips: Sequence[Clip]) -> Batch:
    """Clips side by side as torch tensors, in their order.

    Raises:
        ValueError: no clips, or clips of different streams, shapes or targets.
    """
    if not clips:
        raise ValueError("a batch needs at least one clip")
    if len({_names(clip) for clip in clips}) > 1:
        raise ValueError("clips of one batch have the same streams, targets and masks")
    first = clips[0]
    return Batch(
        inputs={name: _stack([clip.inputs[name] for clip in clips]) for name in first.inputs},
        targets={name: torch.tensor([clip.targets[name] for clip in clips]).float() for name in first.targets},
        masks={name: _stack([clip.masks[name] for clip in clips]) for name in first.masks},
        studies=tuple(clip.study for clip in clips),
        cines=tuple(clip.cine for clip in clips),
        starts=tuple(clip.start for clip in clips),
    )


def _names(clip: Clip) -> tuple[frozenset[str], ...]:
    return frozenset(clip.inputs), frozenset(clip.targets), frozenset(clip.masks)


def _stack(arrays: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(arrays))


def start_worker(_worker: int) -> None:
    """For a DataLoader's ``worker_init_fn``: one thread a worker, as the workers are what runs in parallel."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def _check_spec(spec: ClipSpec, cached: ClipSpec) -> None:
    if cache_index.describe(spec) != cache_index.describe(cached):
        what = f"the cache holds {cache_index.describe(cached)}, the clip wants {cache_index.describe(spec)}"
        raise ConfigError("CONFLICT", what, "build the cache with the specification of the clip", where="clip")


def _check_cached(studies: Sequence[Study], cache: Cache) -> None:
    """Loops that the cache was told to leave out are left out here; any other must be there."""
    keys = [(study.id, cine) for study in studies for cine in range(len(study.cines))]
    lost = [study for study, cine in keys if (study, cine) not in cache and (study, cine) not in cache.failures]
    if lost:
        what = f"{len(lost)} of {len(keys)} loops are not in the cache: {_list(lost)}"
        raise DatasetError("MISSING_FILE", what, "build the cache of these studies first")


def _read_targets(study: Study, names: Sequence[str]) -> dict[str, float]:
    """The labels of these names that are finite numbers."""
    labels = {name: study.labels.get(name) for name in names}
    return {
        name: float(value) for name, value in labels.items() if isinstance(value, int | float) and math.isfinite(value)
    }


def _check_targets(studies: Sequence[Study], targets: Sequence[dict[str, float]], names: Sequence[str]) -> None:
    bad = [study.id for study, found in zip(studies, targets, strict=True) if len(found) < len(set(names))]
    if bad:
        what = f"{len(bad)} of {len(studies)} studies lack a number for {' or '.join(names)}: {_list(bad)}"
        raise DatasetError("BAD_LABEL", what, "add the labels or leave the studies out")


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(dict.fromkeys(names[:LISTED_FAILURES]))
    return shown if len(names) <= LISTED_FAILURES else f"{shown} …"
