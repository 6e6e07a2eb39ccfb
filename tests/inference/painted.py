"""A short-axis stack painted in four grey levels, and a U-Net whose weights were set by hand to tell them apart.

Right ventricle 0, background 85, myocardium 170, left ventricle 255: whatever mixes at an edge lies between its two
sides, because the right ventricle touches background alone. The levels stand in a strip above the heart too, so that
the percentiles by which MRI becomes grey levels keep them; the network does not see that strip.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from cinecor.models import create_model
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.records import Cine, ClipSpec, Study

SIZE, SPACING, THICKNESS = 72, 1.8, 8.0  # px, mm, mm
SLICES, FIRST, LAST, PHASES, ES = 9, 1, 7, 10, 5  # the first and the last slice lie outside the heart
SPEC = ClipSpec(length=1, height=48, width=48, crop="centre", spacing_mm=2.0, mean=(0.0,), std=(255.0,))
LEVELS = np.array([85.0, 0.0, 170.0, 255.0], np.float32)  # by label
OPTIONS = {"widths": [2, 1]}


def paint_labels(ef: float = 50.0, rv_ef: float = 40.0) -> np.ndarray:
    """Labels ``phase slice height width``: a half ellipsoid in its wall, a right ventricle beside it."""
    middle = (SIZE - 1) / 2
    rows, columns = (np.mgrid[:SIZE, :SIZE] - middle) * SPACING
    labels = np.zeros((PHASES, SLICES, SIZE, SIZE), np.uint8)
    swing = np.sin(np.pi * np.arange(PHASES) / PHASES) ** 2
    for phase, part in enumerate(swing):
        for place in range(FIRST, LAST + 1):
            area = 16.0**2 * (1 - ((place - FIRST) / (LAST - FIRST + 0.5)) ** 2)
            cavity = area * (1 - ef / 100 * part)
            wall = cavity + 22.0**2 - 16.0**2
            right = 9.0**2 * (1 - rv_ef / 100 * part) if place < FIRST + 5 else 0.0
            here = labels[phase, place]
            here[rows**2 + columns**2 < wall] = 2
            here[rows**2 + columns**2 < cavity] = 3
            here[rows**2 + (columns + 36.0) ** 2 < right] = 1
    return labels


def paint(volume: np.ndarray, **changes) -> Study:
    """The labels as a study of cines, from base to apex."""
    cines = []
    for place in range(volume.shape[1]):
        frames = LEVELS[volume[:, place]][:, None].copy()
        frames[:, :, :4], frames[:, :, 4:8] = LEVELS[1], LEVELS[3]
        cines.append(
            Cine(
                source=frames,
                modality="MR",
                view="SAX",
                frames=len(frames),
                height=SIZE,
                width=SIZE,
                spacing_mm=(SPACING, SPACING),
                times_ms=tuple(80.0 * phase for phase in range(len(frames))),
                slice_index=place,
                position_mm=THICKNESS * place,
                thickness_mm=THICKNESS,
            )
        )
    return Study(**{"id": "painted", "cines": tuple(cines), **changes})


def make_network(sharpness: float = 60.0) -> torch.nn.Module:
    """Logits of right ventricle, myocardium and left ventricle: where the grey level is within 42 of theirs."""
    network = create_model("unet", num_outputs=3, **OPTIONS).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.zero_()
            if ".1." in name or ".4." in name:  # batch normalisation: nothing but what is set below
                parameter.fill_(float(np.sqrt(1 + 1e-5)) if name.endswith("weight") else 0.0)
        for block in (network.first, network.up[0]):
            for place in (0, 3):
                for channel in (0, 1):
                    block[place].weight[channel, min(channel, block[place].in_channels - 1), 1, 1] = 1.0
        network.first[1].running_mean[1] = 2 / 3  # its two features: x, and what of x lies above the myocardium
        k = sharpness
        network.head.weight[:, :, 0, 0, 0] = torch.tensor([[-k, 0.0], [k, -2 * k], [k, 0.0]])
        network.head.bias[:] = torch.tensor([k / 6, k * (1 / 6 - 2 / 3), -5 * k / 6])
    return network


def save_run(folder: Path, **changes) -> Path:
    """Weights as a training writes them."""
    fields = {
        "model": "unet",
        "options": OPTIONS,
        "clip": SPEC.as_dict(),
        "training_data": {"description": "painted hearts", "synthetic": True},
        "extra": {"task": "segmentation", "structures": ["rv", "myocardium", "lv"]},
    }
    save_checkpoint(folder, make_network(), Manifest(**{**fields, **changes}))
    return folder


def save_weights(folder: Path, folds: int = 2, **index) -> Path:
    """A folder of several runs and the file that lists them."""
    names = [f"segmentation-fold{fold}" for fold in range(folds)]
    for name in names:
        save_run(folder / name)
    (folder / "cine_mri.json").write_text(json.dumps({"segmentation": names, **index}))
    return folder
