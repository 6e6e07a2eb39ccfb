"""What the distance to the training data means for a loop: nothing, a warning, or that it is not measured."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from cinecor.inference.novelty import REFUSE, WARN, Novelty

_WARNING = "loop {index} is unlike the training loops (novelty {score:.1f}, 1 is their edge): its interval may not hold"
_REFUSAL = "unlike the training loops (novelty {score:.1f}, refused above {limit:g})"


def judge(known: Novelty | None, embeddings: Float[np.ndarray, "clip feature"], index: int) -> tuple[str, str]:
    """Why a loop is refused and what is warned of; both empty where it is like the training data.

    Args:
        known: of the weights; None for weights without reference, of which nothing can be said.
        embeddings: of clips or frames of the loop.
        index: which loop of its study.
    """
    score = 0.0 if known is None else known.score(embeddings)
    if score > REFUSE:
        return _REFUSAL.format(score=score, limit=REFUSE), ""
    return "", _WARNING.format(index=index, score=score) if score > WARN else ""
