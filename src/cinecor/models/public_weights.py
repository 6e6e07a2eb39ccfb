"""Public checkpoints of the echo and cardiac MRI literature, and how each becomes a folder of ours.

Sources: the papers named in the register of networks and the codes published with them, for input and heads;
the public files themselves, for names.
The clip of each is plain here, as in every manifest: whoever makes the input rebuilds it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor

from cinecor.errors import CheckpointError, ConfigError
from cinecor.models._registry import create_model
from cinecor.models.checkpoint import MANIFEST_NAME, Manifest, check_fit, save_checkpoint
from cinecor.models.foreign import read_weights
from cinecor.version import __version__

Tensors: TypeAlias = dict[str, Tensor]

_MEAN = tuple(255.0 * part for part in (0.12741163, 0.1279413, 0.12912785))
_STD = tuple(255.0 * part for part in (0.19557191, 0.19562256, 0.1965878))
"""Grey levels of EchoNet-Dynamic's training videos: CoReEcho's constants."""
_ECHO: Mapping[str, Any] = {
    "height": 112, "width": 112, "channels": 3, "crop": "sector", "mean": _MEAN, "std": _STD,
}  # fmt: skip
_ESTIMATED = (
    "mean and SD were estimated from 128 random videos when these weights were trained, and are not stored with them: "
    "CoReEcho's figures for the same data stand in unless others are given"
)
_WRAPPERS = ("state_dict", "model")
_DROPPED = {"head.weight": (1, 512), "head.bias": (1,)}  # of CoReEcho's encoder, which no forward pass uses
_KERAS = {
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
    "kernel": "weight",
    "bias": "bias",
}
_POSITIONS = 7 * 7  # of VGG16's last map, of frames of 224x224
_OTHER = "give the file that --as names, as it was published"


@dataclass(frozen=True, kw_only=True)
class Public:
    """One kind of public checkpoint."""

    model: str
    """Name in the register of networks."""
    trained_on: str
    clip: Mapping[str, Any]
    """Its input, as a plain mapping."""
    extract: Callable[[Any, str], Tensors]
    """From what the file holds, and its name, to tensors with our names."""
    last: str
    """The tensor whose first side is the number of outputs."""
    options: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[int, ...] = (1,)
    """Numbers of outputs that are published."""
    target: str = "ef"
    unit: str = "%"
    task: str = "regression"
    clips_per_loop: int = 1
    note: str = ""
    """What the user should know of these weights."""


def public_weights(kind: str) -> Public:
    """What is known of one kind of public checkpoint.

    Raises:
        ConfigError: UNKNOWN_KEY, with the kinds there are.
    """
    if kind not in PUBLIC:
        raise ConfigError("UNKNOWN_KEY", f"{kind!r} is no kind", f"choose of {', '.join(PUBLIC)}", where="as")
    return PUBLIC[kind]


def check_import(folder: Path, *, source: str, licence: str) -> None:
    """Stop where weights could not be kept, before anything is fetched or read.

    Raises:
        ConfigError: OUT_OF_RANGE without source or licence; CONFLICT where the folder holds weights.
    """
    for name, text in (("source", source), ("licence", licence)):
        if not text.strip():
            cure = f"say it: --{name} TEXT; docs/how-to/use-public-weights.md lists those that are known"
            raise ConfigError("OUT_OF_RANGE", f"no {name} of the weights is given", cure, where=name)
    if (folder / MANIFEST_NAME).exists():
        raise ConfigError("CONFLICT", "the folder holds weights already", "give another", where=folder.name)


def import_weights(
    path: Path, kind: str, folder: Path, *, source: str, licence: str, clip: Mapping[str, Any] | None = None
) -> Manifest:
    """Write a public checkpoint as a folder of weights and manifest. Nothing is changed but names and order of axes.

    Args:
        path: the file as published.
        kind: see :data:`PUBLIC`.
        folder: for the result; it may hold no weights yet.
        source: where the file comes from, an address or a reference; kept.
        licence: of the weights, as their authors name it; kept.
        clip: the whole input specification, where it is not the published one.

    Raises:
        ConfigError: UNKNOWN_KEY for another kind; OUT_OF_RANGE without source or licence; CONFLICT where the folder
            holds weights; MISSING_EXTRA where h5py is needed and not installed.
        CheckpointError: UNSAFE, CORRUPT, MISMATCH (with the first differences), NONFINITE.
        LimitError: BYTES, RATIO.
        StorageError: the folder cannot be written.
    """
    check_import(folder, source=source, licence=licence)
    public = public_weights(kind)
    tensors = public.extract(read_weights(path), path.name)
    outputs = _outputs(public, tensors)
    with torch.device("meta"):
        network = create_model(public.model, outputs, **public.options)
    check_fit(network.state_dict(), tensors, where=path.name, cure=_OTHER)
    network.load_state_dict({name: _plain(name, tensor, path.name) for name, tensor in tensors.items()}, assign=True)
    manifest = _manifest(public, kind, path, source.strip(), licence.strip(), clip or public.clip)
    return save_checkpoint(folder, network, manifest)


def _manifest(public: Public, kind: str, path: Path, source: str, licence: str, clip: Mapping[str, Any]) -> Manifest:
    imported = {"as": kind, "source": source, "sha256": _sha256(path)}
    return Manifest(
        model=public.model,
        options=dict(public.options),
        clip=dict(clip),
        target=public.target,
        unit=public.unit,
        training_data={"description": f"{public.trained_on}, by others ({source}; licence: {licence})"},
        licence=licence,
        versions={"cinecor": __version__},
        extra={
            "task": public.task,
            "clips_per_loop": public.clips_per_loop,
            "calibration": {"line": {"slope": 1.0, "intercept": 0.0}},  # as they are, and without residuals
            "imported": {**imported, **({"note": public.note} if public.note else {})},
        },
    )


def _outputs(public: Public, tensors: Tensors) -> int:
    """As many as the file has, where that is published; else what it should have, which will not fit."""
    last = tensors.get(public.last)
    found = last.shape[0] if last is not None and last.ndim else 0
    return found if found in public.outputs else public.outputs[0]


def _plain(name: str, tensor: Tensor, where: str) -> Tensor:
    """The tensor in memory of its own, floating point as float32."""
    if not tensor.is_floating_point():
        return tensor.clone()
    tensor = tensor.to(torch.float32).contiguous().clone()
    if not bool(torch.isfinite(tensor).all()):
        raise CheckpointError("NONFINITE", f"{name} holds a NaN or an infinity", "fetch the file again", where=where)
    return tensor


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _state_dict(content: Any, where: str) -> Tensors:
    """Tensors by name, out of the wrappers that are in use and without the prefix of DataParallel."""
    for wrapper in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
            break
    if not isinstance(content, Mapping) or not content:
        raise CheckpointError("MISMATCH", "it holds no tensors by name", _OTHER, where=where)
    strange = [str(name) for name, value in content.items() if not isinstance(value, Tensor)]
    if strange:
        what = f"it holds things that are no tensors ({', '.join(sorted(strange)[:3])})"
        raise CheckpointError("MISMATCH", what, _OTHER, where=where)
    prefix = "module." if all(str(name).startswith("module.") for name in content) else ""
    return {str(name).removeprefix(prefix): tensor for name, tensor in content.items()}


def _coreecho(content: Any, where: str) -> Tensors:
    """Encoder and regressor as one network. The encoder's own one-unit head was never used, and is left out."""
    parts = content if isinstance(content, Mapping) else {}
    if not all(isinstance(parts.get(part), Mapping) for part in ("model", "regressor")):
        what = "it has no parts `model` and `regressor`, which CoReEcho's checkpoints have"
        raise CheckpointError("MISMATCH", what, _OTHER, where=where)
    encoder, regressor = (_state_dict({"model": parts[part]}, where) for part in ("model", "regressor"))
    for name, shape in _DROPPED.items():
        if name in encoder and encoder[name].shape == shape:
            del encoder[name]
        elif name in encoder:
            what = f"{name} is {list(encoder[name].shape)}, not {list(shape)}"
            raise CheckpointError("MISMATCH", what, _OTHER, where=where)
    return {**encoder, **{f"head.{name}": tensor for name, tensor in regressor.items()}}


def _keras(content: Any, where: str) -> Tensors:
    """Keras' layers under our names. A file without a top gets one output that is zero, to be trained."""
    tensors: Tensors = {}
    for name, tensor in _state_dict(content, where).items():
        layer, _, weight = name.rpartition("/")
        ours = re.sub(r"^(conv\d_block\d)_(?:(\d)_(conv|bn)|(preact_bn))$", _block_layer, layer)
        tensors[f"{ours}.{_KERAS.get(weight, weight)}"] = _channels_first(tensor) if weight == "kernel" else tensor
        if weight == "moving_mean":
            tensors[f"{ours}.num_batches_tracked"] = torch.tensor(0)
    if not any(name.startswith("predictions.") for name in tensors):
        features = tensors.get("post_bn.weight", torch.zeros(2048)).numel()
        tensors |= {"predictions.weight": torch.zeros(1, features), "predictions.bias": torch.zeros(1)}
    return tensors


def _block_layer(match: re.Match[str]) -> str:
    block, number, kind, first = match.groups()
    return f"{block}.{first or f'{kind}_{number}'}"


def _channels_first(kernel: Tensor) -> Tensor:
    """From (height, width, in, out), or (in, out), to torch's order."""
    return kernel.permute(3, 2, 0, 1) if kernel.ndim == 4 else kernel.T


def _vgg16(content: Any, where: str) -> Tensors:
    """The convolutions of torchvision's or timm's file. Its dense layers, which no transfer keeps, are left out for one
    output that is zero, to be trained."""
    tensors = _state_dict(content, where)
    kept = {f"trunk.{name}": tensor for name, tensor in tensors.items() if name.startswith("features.")}
    strange = [name for name in tensors if not name.startswith(("features.", "classifier.", "pre_logits.", "head."))]
    if strange or not kept:
        what = f"it is no VGG16 ({', '.join(sorted(strange or tensors)[:3])})"
        raise CheckpointError("MISMATCH", what, _OTHER, where=where)
    positions = _POSITIONS * kept[max(kept, key=_layer)].shape[0]
    return {**kept, "head.0.weight": torch.zeros(1, positions), "head.0.bias": torch.zeros(1)}


def _layer(name: str) -> int:
    return int(re.sub(r"\D", "", name) or 0)


PUBLIC: Mapping[str, Public] = {
    "uniformer": Public(
        model="uniformer_small",
        trained_on="Kinetics, videos of human actions",
        clip={"length": 16, "period": 8, "height": 224, "width": 224, "channels": 3},
        extract=_state_dict,
        last="head.weight",
        outputs=(400, 600),
        target="action class",
        unit="logit",
        task="classification",
        note="weights to start a training from: they know nothing of hearts, and how their input was normalised is not "
        "stored with them",
    ),
    "coreecho": Public(
        model="uniformer_small",
        options={"head": "coreecho"},
        trained_on="EchoNet-Dynamic",
        clip={**_ECHO, "length": 36, "period": 4, "padding": "before"},
        extract=_coreecho,
        last="head.6.weight",
        clips_per_loop=3,
        note="the encoder's own head of one unit, which CoReEcho never uses, is left out",
    ),
    "echocotr": Public(
        model="uniformer_small",
        trained_on="EchoNet-Dynamic",
        clip={**_ECHO, "length": 36, "period": 4, "padding": "after"},
        extract=_state_dict,
        last="head.weight",
        note=_ESTIMATED,
    ),
    "echonet-r2plus1d": Public(
        model="r2plus1d_18",
        trained_on="EchoNet-Dynamic, from Kinetics-400",
        clip={**_ECHO, "length": 32, "period": 2, "padding": "after"},
        extract=_state_dict,
        last="fc.weight",
        note=_ESTIMATED,
    ),
    "echonet-deeplabv3": Public(
        model="deeplabv3_resnet50",
        trained_on="EchoNet-Dynamic's tracings, from ImageNet",
        clip={**_ECHO, "length": 1, "period": 1, "padding": "after"},
        extract=_state_dict,
        last="classifier.4.weight",
        task="segmentation",
        note=_ESTIMATED,
    ),
    "keras-resnet50v2": Public(
        model="resnet50v2",
        trained_on="ImageNet, photographs of everyday things",
        clip={"length": 1, "height": 224, "width": 224, "channels": 3, "mean": (127.5,), "std": (127.5,)},
        extract=_keras,
        last="predictions.weight",
        outputs=(1000, 1),
        target="object class",
        unit="logit",
        task="classification",
        note="weights to start a training from: they know nothing of hearts",
    ),
    "imagenet-vgg16": Public(
        model="vgg16",
        options={"dense": ()},
        trained_on="ImageNet, photographs of everyday things",
        clip={
            "length": 1,
            "height": 224,
            "width": 224,
            "channels": 3,
            "mean": (123.675, 116.28, 103.53),
            "std": (58.395, 57.12, 57.375),
        },
        extract=_vgg16,
        last="head.0.weight",
        target="object class",
        unit="logit",
        task="classification",
        note="weights to start a training from: they know nothing of hearts, and the dense layers are left out",
    ),
}
"""All kinds, by the name that ``cinecor import --as`` takes."""
