"""Public checkpoints as their authors publish them, with random weights and few of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor, nn
from torchvision.models import resnet
from torchvision.models import vgg as torchvision_vgg
from torchvision.models.segmentation.deeplabv3 import DeepLabHead, DeepLabV3
from torchvision.models.video import resnet as video_resnet

from cinecor.models import create_model
from cinecor.models.public_weights import PUBLIC, Public

UNIFORMER = {"depths": (1, 1, 1, 1), "widths": (4, 4, 8, 512), "head_dim": 8, "mlp_ratio": 0.5}
TINY: Mapping[str, Mapping[str, Any]] = {
    "uniformer": UNIFORMER,
    "coreecho": {**UNIFORMER, "head": "coreecho"},
    "echocotr": UNIFORMER,
    "echonet-r2plus1d": {"depths": (1, 1, 1, 1)},
    "echonet-deeplabv3": {"depths": (1, 1, 1, 1)},
    "keras-resnet50v2": {"depths": (2, 2, 2, 2), "width": 8},
    "imagenet-vgg16": {"dense": (), "width": 1 / 16},
}
"""Options that make each network small; the names of its tensors stay those that are published."""

SIDE = 32  # px


def small(kind: str) -> Public:
    """The kind with a network, and clips, small enough for a test."""
    public = PUBLIC[kind]
    return replace(public, options=TINY[kind], clip={**public.clip, "height": SIDE, "width": SIDE})


def write(kind: str, folder: Path, *, seed: int = 0) -> Path:
    """Such a file."""
    torch.manual_seed(seed)
    return _WRITERS[kind](folder)


def _uniformer(outputs: int) -> dict[str, Tensor]:
    model = create_model("uniformer_small", outputs, **UNIFORMER)
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if "running_mean" in name or name.endswith("bias"):
                tensor.normal_(std=0.1)
    if outputs == 1:
        model.set_output_bias(55.6)
    return dict(model.state_dict())


def _kinetics(folder: Path) -> Path:
    torch.save(_uniformer(400), folder / "uniformer_small_k400_16x8.pth")
    return folder / "uniformer_small_k400_16x8.pth"


def _coreecho(folder: Path) -> Path:
    """The regressor as CoReEcho's paper has it, not as our network does."""
    regressor = nn.Sequential(
        nn.BatchNorm1d(512),
        nn.Dropout(0.4),
        nn.Linear(512, 512),
        nn.BatchNorm1d(512),
        nn.GELU(),
        nn.Dropout(0.4),
        nn.Linear(512, 1),
    )
    nn.init.constant_(regressor[6].bias, 55.6)
    encoder = {f"module.{name}": tensor for name, tensor in _uniformer(1).items()}
    content = {"epoch": 24, "model": encoder, "regressor": regressor.state_dict(), "best_error": np.float64(3.9)}
    torch.save(content, folder / "best.pth")
    return folder / "best.pth"


def _echocotr(folder: Path) -> Path:
    state = {f"module.{name}": tensor for name, tensor in _uniformer(1).items()}
    torch.save({"epoch": 3, "state_dict": state, "r2": np.float64(0.8)}, folder / "best.pt")
    return folder / "best.pt"


def _r2plus1d(folder: Path) -> Path:
    made = video_resnet.VideoResNet(
        video_resnet.BasicBlock,
        [video_resnet.Conv2Plus1D] * 4,
        [1, 1, 1, 1],
        video_resnet.R2Plus1dStem,
        num_classes=1,
    )
    nn.init.constant_(made.fc.bias, 55.6)
    state = {f"module.{name}": tensor for name, tensor in made.state_dict().items()}
    torch.save({"epoch": 9, "state_dict": state, "period": 2, "frames": 32}, folder / "r2plus1d.pt")
    return folder / "r2plus1d.pt"


def _deeplabv3(folder: Path) -> Path:
    backbone = resnet.ResNet(resnet.Bottleneck, [1, 1, 1, 1], replace_stride_with_dilation=[False, True, True])
    del backbone.fc
    made = DeepLabV3(backbone, DeepLabHead(2048, 1))
    state = {f"module.{name}": tensor for name, tensor in made.state_dict().items()}
    torch.save({"epoch": 9, "state_dict": state, "best_loss": 0.1}, folder / "deeplabv3.pt")
    return folder / "deeplabv3.pt"


def _keras(folder: Path, *, top: bool = True) -> Path:
    """Layers, kernels (height, width, in, out) and groups of groups, as Keras writes them."""
    model = create_model("resnet50v2", 1000, **TINY["keras-resnet50v2"])
    path = folder / "resnet50v2.h5"
    layers = {
        "weight": "gamma:0",
        "bias": "beta:0",
        "running_mean": "moving_mean:0",
        "running_var": "moving_variance:0",
    }
    with h5py.File(path, "w") as file:
        for name, tensor in model.state_dict().items():
            module, _, weight = name.rpartition(".")
            layer = re.sub(r"\.(conv|bn)_(\d)$", r"_\2_\1", module).replace(".", "_")
            if weight == "num_batches_tracked" or (layer == "predictions" and not top):
                continue
            norm = isinstance(model.get_submodule(module), nn.BatchNorm2d)
            array = tensor.numpy()
            if not norm and weight == "weight":
                array = array.transpose(2, 3, 1, 0) if array.ndim == 4 else array.T
            theirs = layers[weight] if norm else {"weight": "kernel:0", "bias": "bias:0"}[weight]
            file[f"{layer}/{layer}/{theirs}"] = array
    return path


def _vgg16(folder: Path) -> Path:
    """torchvision's names, with its three dense layers."""
    channels, layers = 3, []
    for step in torchvision_vgg.cfgs["D"]:
        width = step if step == "M" else int(step) // 16
        layers += [nn.MaxPool2d(2)] if step == "M" else [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
        channels = channels if step == "M" else width
    made = torchvision_vgg.VGG(nn.Sequential(*layers))
    made.classifier = nn.Sequential(
        nn.Linear(channels, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 4), nn.ReLU(), nn.Dropout(), nn.Linear(4, 1000)
    )
    torch.save(made.state_dict(), folder / "vgg16.pth")
    return folder / "vgg16.pth"


def write_keras_without_top(folder: Path) -> Path:
    """Keras' file for transfer: no dense layer."""
    return _keras(folder, top=False)


_WRITERS: Mapping[str, Callable[[Path], Path]] = {
    "uniformer": _kinetics,
    "coreecho": _coreecho,
    "echocotr": _echocotr,
    "echonet-r2plus1d": _r2plus1d,
    "echonet-deeplabv3": _deeplabv3,
    "keras-resnet50v2": _keras,
    "imagenet-vgg16": _vgg16,
}
