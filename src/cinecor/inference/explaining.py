"""What a network made of loops: values and embeddings of each, and of some where it looked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from cinecor import io
from cinecor.errors import CinecorError, ConfigError, InputError
from cinecor.inference.heat import heated_clip
from cinecor.inference.loop import Loop, open_loop
from cinecor.inference.predictor import Predictor
from cinecor.inference.selection import path_of, refusal, with_times
from cinecor.records import Cine, Explanation, Frames, Study


def explain_all(
    predictor: Predictor, studies: Iterable[Study], *, shown: Iterable[str] = (), signed: bool = True
) -> Iterator[Explanation | io.Failure]:
    """An explanation of every loop that can be measured, or why a study has none; one failure stops nothing.

    Nothing is refused for being unlike the training loops: how far a loop lies from them is part of the explanation.

    Args:
        predictor: of a network that predicts values.
        studies: with an ``ef`` in their labels where it is known.
        shown: ids of the studies whose loops are shown under their heat map.
        signed: of the heat map, see :func:`cinecor.explain.grad_cam`.

    Raises:
        ConfigError: CONFLICT for a network of outlines.
    """
    if predictor.network.dense:
        what = f"{predictor.manifest.model} outlines: its outlines show what it sees"
        raise ConfigError("CONFLICT", what, "give weights of a network that predicts EF", where="weights")
    wanted = frozenset(shown)
    for study in studies:
        yield from _explain_study(predictor, study, show=study.id in wanted, signed=signed)


def _explain_study(
    predictor: Predictor, study: Study, *, show: bool, signed: bool
) -> Iterator[Explanation | io.Failure]:
    reasons: list[CinecorError] = []
    found = 0
    for index, recorded in enumerate(study.cines):
        cine = with_times(recorded, predictor.settings.frame_ms)
        reason = refusal(cine, predictor.spec, predictor.view)
        if reason:
            reasons.append(InputError("UNSUPPORTED", f"loop {index}: {reason}"))
            continue
        try:
            yield _explain_loop(predictor, study, cine, index, show=show, signed=signed)
            found += 1
        except CinecorError as error:
            if isinstance(error, ConfigError):
                raise  # of the network, the same for every loop
            reasons.append(error)
    if not found:
        nothing = InputError("EMPTY", "the study has no loops")
        yield io.Failure(path_of(study), reasons[0] if reasons else nothing)


def _explain_loop(
    predictor: Predictor, study: Study, cine: Cine, index: int, *, show: bool, signed: bool
) -> Explanation:
    recorded = io.load(cine)
    loop = open_loop(cine, index, recorded, predictor.spec, predictor.settings.clips, predictor.mask)
    values, embeddings = predictor.values(loop.clips(predictor.spec)[: len(loop.starts)])
    ef = study.labels.get("ef")
    said = Explanation(
        study=study.id,
        patient=study.patient_id,
        cine=index,
        predicted=float(np.clip(values, 0.0, 100.0).mean()),
        true=None if ef is None else float(ef),
        embedding=embeddings.mean(axis=0),
        novelty=None if predictor.novelty is None else predictor.novelty.score(embeddings),
    )
    return _with_heat(said, predictor, loop, recorded, signed=signed) if show else said


def _with_heat(said: Explanation, predictor: Predictor, loop: Loop, recorded: Frames, *, signed: bool) -> Explanation:
    heated = heated_clip(predictor, loop, recorded, signed=signed)
    step = predictor.spec.step_ms or (loop.cine.frame_ms and loop.cine.frame_ms * predictor.spec.period)
    return replace(said, picture=heated.strip(), frames=heated.frames, frame_ms=step)
