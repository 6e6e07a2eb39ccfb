"""Which view a loop shows, as networks tell it from a few of its frames; or that they cannot tell.

The first step of paper 004's pipeline (Madani and others, npj Digital Medicine 2018, figure 6): the field of view is
masked, frames are told one by one, and a loop is what its frames say on average. Several networks count alike (the
paper's ensemble is the mean of three). Only those frames are masked and prepared that vote.

A loop counts as unknown where no view is probable enough, and where it is unlike what was learned from: a network has
to name one of its views for a picture of anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float
from scipy.special import softmax

from cinecor.clips.sampling import Sampling, as_tested
from cinecor.clips.shown_frames import cut_shown
from cinecor.errors import CheckpointError, ConfigError, InputError
from cinecor.inference.novelty import REFUSE
from cinecor.inference.predictor import Predictor, load_predictor
from cinecor.inference.settings import Settings
from cinecor.models.absence import is_file, is_folder
from cinecor.models.checkpoint import MANIFEST_NAME
from cinecor.records import Cine, Frames, ToldView

TARGET = "view"
VOTES = 5
"""Frames that vote where the weights were tested on single frames, which says nothing of loops; the recipes' number."""

_NO_CLIPS = ("NOT_RECOGNISED", "NO_TIMING")
"""Codes of a loop that can be read and not be cut into clips."""

UNLIKE = "it is unlike the loops that views were learned from"


@dataclass(frozen=True, kw_only=True, eq=False)
class ViewTeller:
    """Networks that tell views, as one.

    Attributes:
        predictors: with the same classes.
        views: names of the classes, in the order of the outputs.
        certainty: the least probability of a view that is told.
        fewest: loops without a stated view that a study must have before any is told.
    """

    predictors: tuple[Predictor, ...]
    views: tuple[str, ...]
    certainty: float
    fewest: int = 1

    @property
    def blind(self) -> bool:
        """Whether nothing is known of how far a loop lies from those that were learned from."""
        return any(predictor.novelty is None for predictor in self.predictors)

    def tells(self, cines: Sequence[Cine]) -> bool:
        """Whether views of a study of these loops are told."""
        return sum(asks(cine) for cine in cines) >= self.fewest

    def tell(self, cine: Cine, recorded: Frames | None = None) -> ToldView:
        """The view of a loop.

        Args:
            cine: the loop.
            recorded: all of its frames; None: it is read, as far as it is needed.

        Raises:
            InputError: the loop cannot be read.
            ResourceError: OOM.
        """
        try:
            said = [_ask(predictor, cine, recorded) for predictor in self.predictors]
        except InputError as error:
            if error.code not in _NO_CLIPS:
                raise
            return ToldView(probabilities={}, doubt=error.what)
        means = np.mean([shares for shares, _ in said], axis=0)
        scores = [score for _, score in said if score is not None]
        novelty = float(np.mean(scores)) if scores else None
        told = dict(zip(self.views, means.tolist(), strict=True))
        return ToldView(probabilities=told, novelty=novelty, doubt=self._doubt(float(means.max()), novelty))

    def _doubt(self, highest: float, novelty: float | None) -> str:
        if novelty is not None and novelty > REFUSE:
            return UNLIKE
        return f"no view reaches {100 * self.certainty:g} %" if highest < self.certainty else ""


def asks(cine: Cine) -> bool:
    """Whether nobody states the view of an echo loop."""
    return cine.modality == "US" and cine.view is None


def sampling_of(predictor: Predictor) -> Sampling:
    """Which clips of a loop are asked for: those of the weights' tests."""
    extra = predictor.manifest.extra
    return Sampling(how="even", clips=VOTES) if extra.get("case") == "frame" else as_tested(extra)


def _ask(predictor: Predictor, cine: Cine, recorded: Frames | None) -> tuple[Float[np.ndarray, " view"], float | None]:
    """One network's mean probability of each view, and how far the loop lies from its training's."""
    clips, _ = cut_shown(recorded, cine, predictor.spec, sampling_of(predictor), predictor.mask)
    outputs, embeddings = predictor.outputs(clips)
    score = None if predictor.novelty is None else predictor.novelty.score(embeddings)
    return softmax(outputs, axis=1).mean(axis=0), score


def load_teller(folders: Sequence[Path], settings: Settings, *, fewest: int = 1) -> ViewTeller:
    """The networks of runs that learned views.

    Args:
        folders: of runs, or of folders whose own folders are runs.
        settings: what the user chose.
        fewest: loops without a stated view that a study must have.

    Raises:
        CheckpointError: weights are missing, damaged or unsafe; MISMATCH where the runs' views differ.
        ConfigError: CONFLICT for weights that learned something else.
        ResourceError: NO_DEVICE.
    """
    runs = [run for folder in folders for run in _runs(folder)]
    predictors = tuple(load_predictor(run, settings, target=TARGET) for run in runs)
    views = [tuple(str(name) for name in predictor.manifest.extra.get("classes", ())) for predictor in predictors]
    for run, predictor, names in zip(runs, predictors, views, strict=True):
        if len(names) < 2 or len(names) != predictor.network.num_outputs:
            what = "these weights do not say which views their outputs stand for"
            raise ConfigError("CONFLICT", what, "give the folder of a run of task classification", where=run.name)
        if names != views[0]:
            what = f"it tells {', '.join(names)}; {runs[0].name} tells {', '.join(views[0])}"
            raise CheckpointError("MISMATCH", what, "give runs of the same views", where=run.name)
    return ViewTeller(predictors=predictors, views=views[0], certainty=settings.view_certainty, fewest=fewest)


def _runs(folder: Path) -> list[Path]:
    """The folder itself, or the runs in it."""
    if is_file(folder / MANIFEST_NAME) or not is_folder(folder):
        return [folder]
    return sorted(path.parent for path in folder.glob(f"*/{MANIFEST_NAME}")) or [folder]
