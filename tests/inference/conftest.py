"""A checkpoint that any test can analyse with: untrained, but whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cinecor.models import create_model
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.records import ClipSpec

SPEC = ClipSpec(length=12, step_ms=60.0, height=32, width=32, crop="sector", mean=(32.0,), std=(50.0,))
OPTIONS = {"depth": "stem", "width": 0.25, "input_size": [12, 32, 32]}


@pytest.fixture(scope="session")
def make_weights(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def make(*, residuals: int = 30, reference: torch.Tensor | None = None, **changes: Any) -> Path:
        torch.manual_seed(0)
        network = create_model("i3d", **OPTIONS)
        network.set_output_bias(55.0)
        values = np.linspace(0.5, 12.0, residuals).tolist()
        fields: dict[str, Any] = {
            "model": "i3d",
            "options": OPTIONS,
            "clip": SPEC.as_dict(),
            "training_data": {"description": "nothing", "synthetic": True},
            "extra": {"calibration": {"residuals": values, "level": 0.9}},
        }
        folder = tmp_path_factory.mktemp("weights")
        tensors = None if reference is None else {"reference_embeddings": reference}
        save_checkpoint(folder, network, Manifest(**{**fields, **changes}), tensors=tensors)
        return folder

    return make


@pytest.fixture(scope="session")
def weights(make_weights: Callable[..., Path]) -> Path:
    return make_weights()
