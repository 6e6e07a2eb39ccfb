"""Embeddings laid out in a plane by UMAP: which clips a network thinks alike.

Source: McInnes, Healy and Melville, "UMAP: Uniform manifold approximation and projection", 2020; as Fig. 1 of paper 001
shows embeddings, coloured by EF.
"""

from __future__ import annotations

import warnings

import numpy as np
from jaxtyping import Float

from cinecor.errors import ConfigError

NEIGHBOURS = 15
"""UMAP's own default; fewer where there are fewer embeddings."""

FEWEST = 8
"""Below this there is no neighbourhood to keep."""


def project(
    embeddings: Float[np.ndarray, "clip feature"], *, neighbours: int = NEIGHBOURS, seed: int = 0
) -> Float[np.ndarray, "clip 2"]:
    """Coordinates in a plane that keep near embeddings near. They have no unit, and large distances mean little.

    The same embeddings and seed give the same coordinates on one machine (UMAP then runs on one thread).

    Args:
        embeddings: at least ``FEWEST``, finite.
        neighbours: how many count as near; more show the whole, fewer the detail.
        seed: of UMAP.

    Raises:
        ConfigError: OUT_OF_RANGE for fewer embeddings than ``FEWEST``, fewer than 2 neighbours or values that are not
            finite; MISSING_EXTRA where UMAP is not installed.
    """
    if len(embeddings) < FEWEST or neighbours < 2:
        what = f"{len(embeddings)} embeddings and {neighbours} neighbours"
        raise ConfigError("OUT_OF_RANGE", what, f"give at least {FEWEST} and 2", where="embeddings")
    if not np.isfinite(embeddings).all():
        raise ConfigError("OUT_OF_RANGE", "an embedding is not finite", where="embeddings")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what its own imports say of each other
            from umap import UMAP
    except ModuleNotFoundError as error:
        cure = "pip install 'cinecor[explain]'"
        raise ConfigError("MISSING_EXTRA", f"{error.name} is not installed", cure, where="explain") from error
    mapper = UMAP(n_neighbors=min(neighbours, len(embeddings) - 1), random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few points; our own checks came first
        return np.asarray(mapper.fit_transform(np.asarray(embeddings, dtype=np.float32)), dtype=np.float64)
