"""UMAP: groups that lie apart stay apart, and what it is not asked for."""

import sys

import numpy as np
import pytest

from cinecor.errors import ConfigError
from cinecor.explain import project


@pytest.mark.slow
def test_groups_stay_apart_and_the_seed_decides():
    pytest.importorskip("umap", reason="the extra cinecor[explain] is not installed")
    generator = np.random.default_rng(0)
    groups = np.repeat([0, 1, 2], 20)
    embeddings = generator.normal(size=(60, 8)) + 20.0 * np.eye(8)[groups]
    plane = project(embeddings)
    assert plane.shape == (60, 2)
    apart = np.linalg.norm(plane[:, None] - plane[None], axis=-1)
    same = groups[:, None] == groups[None]
    np.fill_diagonal(apart, np.inf)
    assert (groups[apart.argmin(1)] == groups).all()
    assert apart[~same].min() > np.median(apart[same & np.isfinite(apart)])
    np.testing.assert_array_equal(project(embeddings), plane)


def test_without_umap_the_cure_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ConfigError, match=r"cinecor\[explain\]"):
        project(np.zeros((20, 3)))


@pytest.mark.parametrize("embeddings", [np.zeros((3, 2)), np.full((20, 2), np.nan)])
def test_what_cannot_be_laid_out(embeddings):
    with pytest.raises(ConfigError, match="OUT_OF_RANGE"):
        project(embeddings)
