"""Weights whose outline is known in advance: all that is bright."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from cinecor.models import create_model
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.records import ClipSpec

OPTIONS = {"widths": (1, 1), "kernel": 1, "norm": "none"}


def save_bright(folder: Path, spec: ClipSpec, level: float = 77.0, structures: tuple[str, ...] = ("fov",)) -> Manifest:
    """A U-Net that hands the frame's own levels across and compares them with one level; in every structure's place."""
    network = create_model("unet", len(structures), **OPTIONS)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Conv2d):
                module.weight.zero_()
                module.weight[0, 0] = 1.0  # of the two maps that meet, the one from beside
                module.bias.zero_()
        head = network.output_layer()
        head.weight.fill_(40.0)
        head.bias.fill_(-40.0 * (level - 0.5) / 255.0)
    extra = {"task": "segmentation", "structures": list(structures)}
    manifest = Manifest(model="unet", options=dict(OPTIONS), clip=spec.as_dict(), target="outlined", extra=extra)
    return save_checkpoint(folder, network, manifest)
