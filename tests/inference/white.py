"""A loop of a white half ellipsoid that beats, and a network that calls outlined what is white."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from cinecor.inference import Settings
from cinecor.inference.predictor import Predictor
from cinecor.models.checkpoint import Manifest
from cinecor.models.contract import Network, global_mean
from cinecor.records import Cine, ClipSpec, Study

SPEC = ClipSpec(length=1, height=64, width=64, crop="sector")
SIZE, CYCLE, EF, FRAME_MS = 160, 36, 60.0, 25.0
FULL_ML = 2 / 3 * np.pi * 20.0**2 * 70.0 / 1000  # half an ellipsoid; pixels of 1 mm


class White(Network):
    dense, num_features, num_outputs = True, 1, 1

    def __init__(self, threshold: float = 0.63) -> None:
        super().__init__()
        self.threshold = threshold

    def forward_features(self, *streams):
        return streams[0]

    def forward_head(self, features, *, pre_logits=False):
        return global_mean(features) if pre_logits else 30.0 * (features - self.threshold)

    def reset_classifier(self, num_outputs):
        self.num_outputs = num_outputs

    def output_layer(self):
        return nn.Conv3d(1, 1, 1)


def make_predictor(**changes):
    values = {
        "network": White().eval(),
        "manifest": Manifest(model="white", training_data={"description": "nothing", "synthetic": True}),
        "spec": SPEC,
        "novelty": None,
        "half_width": 8.0,
        "device": torch.device("cpu"),
        "settings": Settings(batch_size=3),
        **changes,
    }
    return Predictor(**values)


def make_study(ef=EF, frames=3 * CYCLE, spacing_mm=(1.0, 1.0)):
    rng = np.random.default_rng(0)
    rows, columns = np.mgrid[:SIZE, :SIZE].astype(float)
    wedge = (np.abs(np.arctan2(columns - 80, rows + 2)) < 0.7) & (np.hypot(columns - 80, rows + 2) < 150)
    swing = np.sin(np.pi * (np.arange(frames) % CYCLE) / CYCLE) ** 2
    shown = []
    for volume in 1.0 - ef / 100 * swing:
        half = 20.0 * np.sqrt(volume)
        inside = (((columns - 80) / half) ** 2 + ((rows - 120) / 70.0) ** 2 < 1) & (rows < 120)
        shown.append(np.where(inside, 255, rng.integers(20, 110, (SIZE, SIZE))) * wedge)
    source = np.stack(shown).astype(np.uint8)[:, None]
    times = tuple(FRAME_MS * index for index in range(frames))
    cine = Cine(
        source=source,
        modality="US",
        view="A4C",
        frames=frames,
        height=SIZE,
        width=SIZE,
        times_ms=times,
        spacing_mm=spacing_mm,
    )
    return Study(id="white", cines=(cine,))
