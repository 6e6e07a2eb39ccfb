"""Weights that tell views, or hypertrophy, made without a training: random layers, and a head that is set or solved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tests.clips.bright import save_bright

from cinecor.clips.masking import FOLDER, identify, load_mask
from cinecor.clips.sampling import as_tested
from cinecor.clips.shown_frames import cut_shown
from cinecor.models import create_model
from cinecor.models.checkpoint import Manifest, load_checkpoint, save_checkpoint
from cinecor.records import Cine, ClipSpec, Study

SPEC = ClipSpec(length=1, height=24, width=32, resize="nearest")
OPTIONS: dict[str, Any] = {"width": 4, "dense": [32], "input_size": [1, 24, 32]}
VOTES = 3


def save_classifier(
    folder: Path,
    target: str,
    classes: Sequence[str] = (),
    *,
    structure: str = "",
    seed: int = 0,
    reference: torch.Tensor | None = None,
    spec: ClipSpec = SPEC,
    **extra: Any,
) -> Path:
    """A run's folder of random weights; behind a mask of all that is bright where a structure is named."""
    torch.manual_seed(seed)
    network = create_model("vgg", max(len(classes), 1), **OPTIONS).eval()
    if structure:
        made = save_bright(folder / FOLDER, ClipSpec(length=1, height=60, width=80), structures=(structure,))
        spec = ClipSpec.from_dict({**spec.as_dict(), "mask": identify(structure, made.weights_sha256)})
    manifest = Manifest(
        model="vgg",
        options=OPTIONS,
        clip=spec.as_dict(),
        target=target,
        unit="",
        training_data={"description": f"what {target} is told by", "synthetic": True},
        extra={"task": "classification", "classes": list(classes), "case": "loop", "clips_per_loop": VOTES, **extra},
    )
    save_checkpoint(
        folder, network, manifest, tensors=None if reference is None else {"reference_embeddings": reference}
    )
    return folder


def solve_views(folder: Path, study: Study, classes: Sequence[str], *, sure: float = 12.0) -> Path:
    """Weights whose head is solved so that every loop of this study is told by its own view; all other layers stay
    random. Their reference are the study's own embeddings."""
    network, manifest = load_checkpoint(save_classifier(folder, "view", classes, structure="fov"))
    hidden: list[torch.Tensor] = []
    head = network.output_layer()
    hook = head.register_forward_pre_hook(lambda _, inputs: hidden.append(inputs[0].flatten(1)))
    reference = torch.cat([embed(network, folder, manifest, cine) for cine in study.cines])
    hook.remove()
    shown = [cine.view for cine, said in zip(study.cines, hidden, strict=True) for _ in said]
    wanted = [[sure * (view == name) for name in classes] for view in shown]
    padded = torch.nn.functional.pad(torch.cat(hidden), (0, 1), value=1.0).double().numpy()
    solved = np.linalg.lstsq(padded, np.array(wanted), rcond=None)[0]
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(solved[:-1].T).reshape(head.weight.shape))
        head.bias.copy_(torch.from_numpy(solved[-1]))
    save_checkpoint(folder, network, manifest, tensors={"reference_embeddings": reference})
    return folder


def embed(network: Any, folder: Path, manifest: Manifest, cine: Cine) -> torch.Tensor:
    """Embeddings of the clips of a loop that vote."""
    spec = ClipSpec.from_dict(manifest.clip)
    clips, _ = cut_shown(cine.source, cine, spec, as_tested(manifest.extra), load_mask(folder, spec))
    with torch.no_grad():
        features = network.forward_features(torch.from_numpy(clips))
        network.forward_head(features)
        embedded: torch.Tensor = network.forward_head(features, pre_logits=True)
    return embedded
