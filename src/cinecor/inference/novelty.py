"""Is a loop like those that the network learned from? Distances between embeddings say so.

Each feature is divided by its spread over the training clips; the score is the mean distance to the nearest training
clips over the same figure for training clips among themselves (its 99th percentile). 1 is at the edge of what was seen.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

NEAREST = 5
EDGE = 99.0  # percentile of the training clips' own distances that counts as 1
WARN = 1.0
"""Above this a report warns that the interval may not hold."""
REFUSE = 1.3
"""Above this nothing is measured. With the weights in the package a real apical loop scores 0.5, synthetic loops 0.2 to
0.7, noise and blobs in the shape of a sector 2.4 to 2.9, cine MRI 3.8."""


class Novelty:
    """Scores embeddings against those of training clips.

    Args:
        reference: embeddings of training clips.
    """

    def __init__(self, reference: Float[np.ndarray, "clip feature"]) -> None:
        self._spread = reference.std(axis=0) + 1e-6
        self._reference = reference / self._spread
        own = self._distances(self._reference, NEAREST + 1, skip=1)
        self._edge = max(float(np.percentile(own, EDGE)), 1e-9)

    def score(self, embeddings: Float[np.ndarray, "clip feature"]) -> float:
        """How far the clips of one loop lie from the training clips; the median over the clips."""
        return float(np.median(self._distances(embeddings / self._spread, NEAREST) / self._edge))

    def _distances(self, points: Float[np.ndarray, "clip feature"], nearest: int, skip: int = 0) -> np.ndarray:
        squares = (points**2).sum(1)[:, None] + (self._reference**2).sum(1)[None] - 2.0 * points @ self._reference.T
        distances = np.sqrt(np.maximum(np.sort(squares, axis=1)[:, :nearest], 0.0))
        return np.asarray(distances[:, skip:].mean(axis=1))
