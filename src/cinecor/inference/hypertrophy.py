"""How probable hypertrophy of the left ventricle is, as a network says that has learned it from labels.

Asked are the clips that the network was tested on: of paper 004's recipes the first frame of each loop, which is
diastolic. A study's probability is the mean over the clips of all its loops, as ``cinecor evaluate`` has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit

from cinecor.clips import find_sector
from cinecor.clips.sampling import as_tested
from cinecor.clips.shown_frames import cut_shown
from cinecor.errors import ConfigError, InputError
from cinecor.inference.familiarity import judge
from cinecor.inference.loop import refuse_colour
from cinecor.inference.predictor import Predictor, load_predictor
from cinecor.inference.settings import Settings
from cinecor.records import Cine, Frames, Measurement

TARGET = "lvh"


@dataclass(frozen=True, kw_only=True)
class Suspicion:
    """What was said of one loop."""

    clips: tuple[tuple[int, float], ...] = ()
    """(first frame, probability from 0 to 1) of each clip."""
    reason: str = ""
    """Why nothing was; empty where ``clips`` are there."""
    warning: str = ""


def suspect(predictor: Predictor, cine: Cine, index: int, recorded: Frames) -> Suspicion:
    """The probability that the network gives each clip of a loop.

    Raises:
        ResourceError: OOM.
    """
    try:
        refuse_colour(find_sector(recorded, cine.region))
        sampling = as_tested(predictor.manifest.extra)
        clips, starts = cut_shown(recorded, cine, predictor.spec, sampling, predictor.mask)
    except InputError as error:
        return Suspicion(reason=error.what)
    values, embeddings = predictor.values(clips)
    refused, warned = judge(predictor.novelty, embeddings, index)
    if refused:
        return Suspicion(reason=refused)
    return Suspicion(clips=tuple(zip(starts, expit(values).tolist(), strict=True)), warning=warned)


def refusal(cine: Cine, view: str | None) -> str:
    """Why the network is not asked about a loop; empty where it is.

    Args:
        cine: the loop, whose view may have been told.
        view: the only one that the weights were trained on.
    """
    if cine.modality != "US":
        return "it is judged in echo loops alone"
    if any("colour doppler" in note.lower() for note in cine.notes):
        return "colour Doppler hides the walls"
    return "" if cine.view in (None, view) else f"no loop is {view}"


def measurement(predictor: Predictor, said: list[tuple[int, Suspicion]]) -> Measurement:
    """The study's probability, from what was said of its loops by their index."""
    clips = [(index, start, value) for index, suspicion in said for start, value in suspicion.clips]
    part = "clips" if predictor.spec.length > 1 else "frames"
    how = f"mean over {len(clips)} {part}" if len(clips) > 1 else f"one {part.removesuffix('s')}"
    return Measurement(
        name=TARGET,
        value=100.0 * float(np.mean([value for _, _, value in clips])),
        unit="%",
        method=f"{predictor.manifest.model}, {how}; a likeness to labelled patients, without an interval",
        clips=tuple((index, start) for index, start, _ in clips),
    )


def load_judge(folder: Path, settings: Settings) -> Predictor:
    """A network that learned hypertrophy from one view.

    Raises:
        CheckpointError: the weights are missing, damaged, unsafe or of another model.
        ConfigError: CONFLICT for weights that learned something else, or from several views.
        ResourceError: NO_DEVICE.
    """
    predictor = load_predictor(folder, settings, target=TARGET)
    if predictor.manifest.extra.get("task") != "classification" or predictor.network.num_outputs != 1:
        what = "these weights do not say yes or no"
        raise ConfigError("CONFLICT", what, "give a run of task classification with loss.name bce", where=folder.name)
    if predictor.view is None:
        what = "these weights do not say which view they were trained on"
        raise ConfigError("CONFLICT", what, "train with --view, as the recipes of paper 004 do", where=folder.name)
    return predictor
