"""From names of weights to an analyser: what the user chose, what is in the package, and what does not go together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cinecor.errors import CheckpointError, ConfigError
from cinecor.inference.analyser import Analyser
from cinecor.inference.by_stack import StackAnalyser
from cinecor.inference.cine_mri import load_weights, outlines_stacks
from cinecor.inference.hypertrophy import load_judge
from cinecor.inference.instruments import Instruments
from cinecor.inference.predictor import Predictor, load_predictor
from cinecor.inference.settings import Settings
from cinecor.inference.view_telling import ViewTeller, load_teller

SHIPPED = Path(__file__).parent / "weights"
"""The weights in the package, trained on synthetic hearts."""

SHIPPED_VIEWS = Path(__file__).parent / "view_weights"
"""Those that tell views."""

PACKAGE = "package"
"""Name of the weights in the package as a segmentation, or for views."""

AUTO, NONE = "auto", "none"
"""Views are told by the package's weights where it measures EF too, in studies of several loops; or never."""

SEVERAL = 2
"""Loops without a stated view that a study must have before ``auto`` tells them apart."""


def load_analyser(
    folder: Path | str | None = None,
    settings: Settings | None = None,
    *,
    segmentation: Path | str | None = None,
    views: Path | str | Sequence[Path | str] = AUTO,
    hypertrophy: Path | str | None = None,
    loops: int = 0,
) -> Analyser | StackAnalyser:
    """An analyser with the weights of a folder, or with those that come with the package.

    Args:
        folder: a run that predicts EF or outlines the heart, or a folder with a ``cine_mri.json``; None: the weights
            in the package.
        settings: what the user chose.
        segmentation: weights that outline the left ventricle: EF is then that of the clip around each systole, beat by
            beat; ``package`` are those of the package.
        views: weights that tell the view of loops of which nobody states it: a run, several (their mean), a folder of
            runs, or ``package``. ``none``: no view is told. ``auto``: by the package's weights where it measures EF
            too, in studies of two or more such loops.
        hypertrophy: weights that predict left ventricular hypertrophy: a run of target ``lvh``; the
            package has none.
        loops: how many will be analysed, as far as is known; with ``engine="auto"`` it decides whether the network is
            compiled first.

    Raises:
        CheckpointError: MISSING_FILE; the weights are damaged, unsafe or of another model.
        ConfigError: CONFLICT for weights that do not predict what they are given for, for an explanation of a network
            of outlines, and for a pair of weights that is not one of clips and one of outlines.
        ResourceError: NO_DEVICE.
    """
    chosen, settings = SHIPPED if folder is None else Path(folder), settings or Settings()
    named = (views,) if isinstance(views, Path | str) else tuple(views)
    if outlines_stacks(chosen):
        asked = {"segmentation": segmentation is not None, "explain": settings.explain}
        asked |= {"views": named not in ((AUTO,), (NONE,)), "hypertrophy": hypertrophy is not None}
        return _load_stack_analyser(chosen, settings, asked, loops)
    predictor = load_predictor(chosen, settings, loops=loops)
    if predictor.settings.explain and predictor.network.dense:
        what = f"{predictor.manifest.model} outlines: the report shows its outlines anyway"
        raise ConfigError("CONFLICT", what, "leave explain out", where="explain")
    alone = replace(settings, explain=False)
    instruments = Instruments(
        ef=predictor,
        outliner=_load_outliner(predictor, segmentation),
        teller=_load_views(named, alone, shipped=folder is None),
        hypertrophy=None if hypertrophy is None else load_judge(_judge_folder(hypertrophy), alone),
        shipped=folder is None,
    )
    return Analyser(instruments)


def _load_stack_analyser(folder: Path, settings: Settings, asked: dict[str, bool], loops: int) -> StackAnalyser:
    """An analyser of cine MRI, which none of what is ``asked`` for by name goes with."""
    for name, given in asked.items():
        if given:
            what = "these weights outline cine MRI: they find their own phases, and the report shows the outlines"
            raise ConfigError("CONFLICT", what, f"leave {name} out", where=name)
    return StackAnalyser(*load_weights(folder, settings, loops=loops))


def _load_outliner(predictor: Predictor, folder: Path | str | None) -> Predictor | None:
    if folder is None:
        return None
    where = "segmentation"
    if predictor.network.dense:
        what = f"{predictor.manifest.model} outlines the ventricle itself: it finds its own beats"
        raise ConfigError("CONFLICT", what, "give --weights of a run that learned EF from clips", where=where)
    chosen = SHIPPED if str(folder) == PACKAGE and not Path(folder).exists() else Path(folder)
    outliner = load_predictor(chosen, replace(predictor.settings, explain=False))
    if not outliner.network.dense:
        what = f"{outliner.manifest.model} predicts values, not outlines"
        raise ConfigError("CONFLICT", what, "give the folder of a run of task segmentation", where=where)
    return outliner


def _load_views(named: tuple[Path | str, ...], settings: Settings, *, shipped: bool) -> ViewTeller | None:
    """What tells views; None where nothing does.

    Args:
        named: folders, or one of the words.
        settings: what the user chose.
        shipped: whether the package's weights measure EF.
    """
    words = {str(name) for name in named} & {AUTO, NONE}
    if words and len(named) > 1:
        what = f"{words.pop()!r} goes with no other"
        raise ConfigError("CONFLICT", what, "name folders of runs, or one word", where="views")
    if NONE in words:
        return None
    if AUTO in words:
        return load_teller([SHIPPED_VIEWS], settings, fewest=SEVERAL) if shipped else None
    return load_teller([_view_folder(name) for name in named], settings)


def _view_folder(name: Path | str) -> Path:
    return SHIPPED_VIEWS if str(name) == PACKAGE and not Path(name).exists() else Path(name)


def _judge_folder(name: Path | str) -> Path:
    """The folder itself; the word that elsewhere stands for the package's weights has none to stand for."""
    if str(name) == PACKAGE and not Path(name).exists():
        what = "the package has no weights that judge hypertrophy"
        cure = (
            "train some with a recipe of 004/lvh_*, such as `cinecor train 004/lvh_masked_stage_2`, and give its folder"
        )
        raise CheckpointError("MISSING_FILE", what, cure, where="hypertrophy")
    return Path(name)
