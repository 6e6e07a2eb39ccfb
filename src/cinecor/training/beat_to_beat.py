"""One clip, all clips, beat to beat: EchoNet-Dynamic's three ways to test a network of clips, on one data folder.

One clip is the one from the first frame; all clips are those from every start; beat to beat are the clips around the
systoles that a segmentation finds (``clips.beats``). A loop without a systole has the mean of all its clips there, so
that all ways are judged on the same studies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import UInt8

from cinecor.clips import Cache, cut
from cinecor.clips.beats import choose_beats
from cinecor.clips.masking import load_mask
from cinecor.clips.sampling import Times, choose_listed, count_starts
from cinecor.clips.streams import make_streams
from cinecor.errors import ConfigError
from cinecor.evaluation import Results, evaluate, table
from cinecor.measures import cavity_areas
from cinecor.models.checkpoint import Manifest, load_checkpoint
from cinecor.models.devices import choose_device
from cinecor.records import LV, ClipSpec, Study
from cinecor.training.data import default_cache
from cinecor.training.finishing import truth_table
from cinecor.training.held_out import Division, divide
from cinecor.training.outlined import outline_frames
from cinecor.training.prediction import Said, to_predictions
from cinecor.training.reading import read_folder
from cinecor.training.scoring import ALL, BATCH, select_splits, splits_called
from cinecor.training.splitting import keep_labelled, keep_view
from cinecor.training.task import Task

ONE, EVERY, BEATS = "one clip", "all clips", "beat to beat"


@dataclass(frozen=True, kw_only=True, eq=False)
class Ways:
    """What each way says, and what is true."""

    predictions: Mapping[str, pd.DataFrame]
    truth: pd.DataFrame
    manifest: dict[str, Any]
    """Of the network of clips."""
    without_systole: tuple[str, ...]
    """Studies of which some loop has none; that loop's beats are all its clips."""
    division: Division
    """Which studies of the folder are those of the run."""


@dataclass(frozen=True, eq=False)
class _Side:
    """A network with what it needs to see a loop."""

    task: Task
    manifest: Manifest
    spec: ClipSpec
    frames: Cache


def predict_ways(
    run: Path,
    segmentation: Path,
    data: Path,
    split: str = "test",
    *,
    stride: int = 1,
    compat: bool = False,
    cache: Path | None = None,
    device: str = "auto",
) -> Ways:
    """Predict a data folder in all three ways.

    Args:
        run: weights of a network of clips.
        segmentation: weights of a network of outlines.
        data: folder in a known layout.
        split: train, validation, test or all.
        stride: of the starts of "all clips"; 1 is every one.
        compat: find systoles as the published code does, see ``measures.systole``.
        cache: where decoded frames go.
        device: what to compute on, see :func:`cinecor.models.devices.choose_device`.

    Raises:
        ConfigError: OUT_OF_RANGE for another split or stride; CONFLICT for weights that are not a pair of clips and
            outlines.
        DatasetError, CheckpointError, InputError: data or weights cannot be used.
        ResourceError: NO_DEVICE.
    """
    splits = splits_called(split)
    if stride < 1:
        raise ConfigError("OUT_OF_RANGE", f"{stride} is below 1", "give at least 1", where="stride")
    (network, manifest), (outliner, outlines) = load_checkpoint(run), load_checkpoint(segmentation)
    _check_pair(network.dense, outliner.dense)
    _check_judge(manifest)
    view = manifest.extra.get("view")
    labelled = keep_labelled(keep_view(read_folder(data)[1], view), manifest.target)
    division = divide(run, labelled)
    by_split = select_splits(tuple(division.studies), splits)
    place = choose_device(device)
    studies = [study for each in by_split.values() for study in each]
    sides, folder = [], cache or default_cache(data)
    for net, its, home in ((network, manifest, run), (outliner, outlines, segmentation)):
        spec, part = ClipSpec.from_dict(its.clip), folder if view is None else folder / view
        frames = Cache.build(studies, spec, part, mask=load_mask(home, spec))
        sides.append(_Side(Task(net).to(place).eval(), its, spec, frames))
    tables: dict[str, list[pd.DataFrame]] = {ONE: [], EVERY: [], BEATS: []}
    without: list[str] = []
    for name, members in by_split.items():
        rows = _predict_all(sides[0], sides[1], members, stride, compat, place, without)
        for way, said in rows.items():
            tables[way].append(table.from_predictions(to_predictions(said, members, name, manifest.target)))
    return Ways(
        predictions={way: pd.concat(parts).reset_index(drop=True) for way, parts in tables.items()},
        truth=truth_table(list(by_split.items()), manifest.target),
        manifest=manifest.model_dump(mode="json"),
        without_systole=tuple(dict.fromkeys(without)),
        division=division,
    )


def score_ways(ways: Ways, split: str = "test") -> dict[str, Results]:
    """Evaluate each way; all splits together count as one."""
    found = {}
    for name, predictions in ways.predictions.items():
        truth, chosen = ways.truth, predictions
        if split == ALL:
            truth, chosen = truth.assign(split="test"), predictions.assign(split="test")
        found[name] = evaluate(chosen, truth)
    return found


def _check_pair(first_dense: bool, second_dense: bool) -> None:
    if first_dense:
        what, cure = "these weights outline the ventricle themselves", "give a run that learned EF from clips"
        raise ConfigError("CONFLICT", what, cure, where="run")
    if not second_dense:
        what, cure = "these weights predict values, not outlines", "give a run of task segmentation"
        raise ConfigError("CONFLICT", what, cure, where="segmentation")


def _check_judge(manifest: Manifest) -> None:
    """Beats are judged by a network that predicts a value of recorded frames."""
    if manifest.extra.get("task", "regression") != "regression" or manifest.clip.get("time", "frames") != "frames":
        what, cure = "these weights do not predict a value of recorded frames", "give a run of task regression"
        raise ConfigError("CONFLICT", what, cure, where="run")


def _predict_all(
    judging: _Side,
    outlining: _Side,
    studies: Sequence[Study],
    stride: int,
    compat: bool,
    device: torch.device,
    without: list[str],
) -> dict[str, list[Said]]:
    """Rows of each way; adds studies without a systole to ``without``."""
    rows: dict[str, list[Said]] = {ONE: [], EVERY: [], BEATS: []}
    output = (outlining.manifest.extra.get("structures") or [LV]).index(LV)
    for study in studies:
        target = judging.manifest.target
        truth = {target: float(study.labels[target])}
        for number, cine in enumerate(study.cines):
            maps = outline_frames(
                outlining.task, outlining.frames.frames(study.id, number), outlining.spec, device, output
            )
            beats = choose_beats(cavity_areas(maps), cine.times_ms, judging.spec, compat=compat)
            frames = judging.frames.frames(study.id, number)
            every = tuple(range(0, count_starts(len(frames), judging.spec, cine.times_ms), stride))
            if not beats:
                without.append(study.id)
            starts = {ONE: (0,), EVERY: every, BEATS: tuple(start for _, start in beats) or every}
            values = predict_starts(judging, frames, starts[EVERY] + starts[BEATS], cine.times_ms, device)
            for way, chosen in starts.items():
                rows[way] += [Said(study.id, number, start, values[start], truth) for start in chosen]
    return rows


@torch.no_grad()
def predict_starts(
    side: _Side,
    frames: UInt8[np.ndarray, "time channel height width"],
    starts: Sequence[int],
    times_ms: Times,
    device: torch.device,
) -> dict[int, float]:
    """The value of the clip from each of these frames."""
    wanted = sorted(set(starts))
    values: list[float] = []
    for first in range(0, len(wanted), BATCH):
        chosen = choose_listed(len(frames), side.spec, wanted[first : first + BATCH], times_ms)
        made = [make_streams(cut(frames, row, side.spec), side.task.network.streams) for row in chosen]
        streams = [torch.from_numpy(np.stack([each[name] for each in made])) for name in side.task.network.streams]
        values += side.task(*(stream.to(device) for stream in streams))[:, 0].float().tolist()
    return dict(zip(wanted, values, strict=True))
