"""What a training's batches are made of: clips with labels, and, where the recipe learns from them, clips without.

The first feed is what an epoch is counted by. The others run beside it, a batch for each of its batches; as everything
else, which clips meet is a function of (seed, epoch, step), so that a training goes on from any step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cinecor.clips import Cache, ClipDataset
from cinecor.training.batches import EpochBatches
from cinecor.training.data import TrainingData
from cinecor.training.processes import Processes


@dataclass(frozen=True, kw_only=True, eq=False)
class Feed:
    """Clips, and the order in which an epoch's batches take them."""

    clips: ClipDataset
    order: EpochBatches
    labelled: bool = True
    """Whether the clips have targets."""

    def set_position(self, epoch: int, step: int) -> None:
        """Which epoch comes next, and from which of its batches on."""
        self.clips.set_epoch(epoch)
        self.order.set_position(epoch, step)


def open_feeds(data: TrainingData, cache: Cache, streams: Sequence[str], processes: Processes) -> tuple[Feed, ...]:
    """Clips with labels; or clips without, clips with, and in FixMatch the first ones again, strongly varied.

    Clips with labels are so many times in an epoch as batches want them, each time another clip and variation.

    Raises:
        ConfigError: OUT_OF_RANGE where clips do not fill a batch, or processes cannot share one.
    """
    recipe = data.recipe
    part, semi = recipe.sampling, recipe.semi
    if semi.method == "none":
        clips = data.make_dataset(cache, "train", "train", streams)
        order = EpochBatches(
            len(clips),
            recipe.batch_size,
            recipe.seed,
            views=part.views,
            drop_last=part.drop_last,
            part=processes.rank,
            parts=processes.count,
        )
        return (Feed(clips=clips, order=order),)
    unlabelled = [data.make_unlabelled(cache, streams)]
    if semi.method == "fixmatch":
        unlabelled.append(data.make_unlabelled(cache, streams, semi.strong))
    first, *others = (
        Feed(
            clips=clips,
            order=EpochBatches(len(clips), semi.ratio * recipe.batch_size, recipe.seed, drop_last=part.drop_last),
            labelled=False,
        )
        for clips in unlabelled
    )
    once = len(data.make_dataset(cache, "train", "train", streams))
    copies = max(1, math.ceil(first.order.steps * recipe.batch_size / once))
    clips = data.make_dataset(cache, "train", "train", streams, copies=copies)
    labelled = Feed(clips=clips, order=EpochBatches(len(clips), recipe.batch_size, recipe.seed))
    return (first, labelled, *others)
