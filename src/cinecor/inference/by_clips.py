"""Ejection fraction from what a network says of clips of a loop."""

from __future__ import annotations

import numpy as np

from cinecor.inference.familiarity import judge
from cinecor.inference.finding import Finding
from cinecor.inference.heat import heated_clip
from cinecor.inference.loop import Loop, curves, open_loop, pictures
from cinecor.inference.predictor import Predictor
from cinecor.records import Cine, Frames, Measurement, Picture

NO_VOLUMES = ("volumes", "they need an outline of the ventricle, which these weights do not give")


def measure_clips(predictor: Predictor, cine: Cine, index: int, recorded: Frames) -> Finding:
    """What the network says of evenly spread clips, and of the clip from each beat's ED.

    Raises:
        InputError: NOT_RECOGNISED, UNSUPPORTED, INCONSISTENT as in ``open_loop``.
    """
    loop = open_loop(cine, index, recorded, predictor.spec, predictor.settings.clips, predictor.mask)
    values, embeddings = predictor.values(loop.clips(predictor.spec))
    averaged = len(loop.starts)
    refused, warned = judge(predictor.novelty, embeddings[:averaged], index)
    if refused:
        return Finding(summary=loop.summary, reason=refused)
    clipped = np.clip(values, 0.0, 100.0)
    return Finding(
        summary=loop.summary,
        values=tuple(zip(loop.starts, clipped[:averaged].tolist(), strict=True)),
        details=_beats(loop, clipped[averaged:]),
        missing=(NO_VOLUMES,),
        warnings=(warned,) if warned else (),
        pictures=(*pictures(loop, recorded, predictor.spec), *looked_at(predictor, loop, recorded)),
        curves=curves(loop),
    )


def looked_at(predictor: Predictor, loop: Loop, recorded: Frames) -> tuple[Picture, ...]:
    """Where the network looked in one clip, as a strip; none where that was not asked for."""
    return (heated_clip(predictor, loop, recorded).strip(),) if predictor.settings.explain else ()


def _beats(loop: Loop, values: np.ndarray) -> tuple[Measurement, ...]:
    return tuple(
        Measurement(
            name="ef_beat", value=value, unit="%", method="the clip from this beat's ED", clips=((loop.index, start),)
        )
        for start, value in zip(loop.beat_starts, values.tolist(), strict=True)
    )
