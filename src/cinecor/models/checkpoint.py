"""Weights on disk: a folder of ``model.safetensors`` and ``manifest.json``, which says what they are.

The weights are written first and the manifest, which holds their hash, last: a torn pair is found when it is loaded.
Nothing is ever unpickled, and the memory that loading takes is bounded by the size of the weights file: the network is
laid out without memory, compared with the file's tensors, and only then filled.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TypeAlias

import safetensors
import safetensors.torch
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from cinecor import storage
from cinecor.errors import CheckpointError, ConfigError
from cinecor.models._registry import create_model
from cinecor.models.absence import check_there, is_absent, is_folder
from cinecor.models.contract import Network

FORMAT = 1  # of the manifest; a reader refuses a higher one
WEIGHTS_NAME = "model.safetensors"
MANIFEST_NAME = "manifest.json"
FILES = (MANIFEST_NAME, WEIGHTS_NAME)
MAX_MANIFEST_BYTES = 64 * 2**20
MAX_WEIGHTS_BYTES = 4 * 2**30  # the largest network of the benchmark has 0.7 GB

StorageType: TypeAlias = Literal["float32", "float16", "bfloat16"]

SHOWN = 3  # differences that a refusal names of each kind

_EXTRA = "extra."
_WEIGHTS = "weights."
_AGAIN = "train again, or fetch the folder again"


class Manifest(BaseModel):
    """What a weights file is, how its input is made and what it was trained on. Plain JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    model: str
    """Name in the register of networks."""
    options: dict[str, Any] = Field(default_factory=dict)
    num_outputs: int = Field(default=1, ge=1, le=10_000)
    clip: dict[str, Any] = Field(default_factory=dict)
    """The clip specification as a plain mapping; whoever makes the input rebuilds it."""
    target: str = "ef"
    unit: str = "%"
    training_data: dict[str, Any] = Field(default_factory=dict)
    """What the weights have seen: layout, numbers of studies and patients, and ``synthetic`` where it was simulated."""
    metrics: dict[str, Any] = Field(default_factory=dict)
    licence: str = "Apache-2.0"
    versions: dict[str, str] = Field(default_factory=dict)
    storage: StorageType = "float32"
    """How floating-point weights are stored; they are restored to float32."""
    weights_sha256: str = ""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Anything else, for example what an interval is calibrated on."""


def save_checkpoint(
    folder: Path,
    model: Network,
    manifest: Manifest,
    *,
    tensors: Mapping[str, Tensor] | None = None,
) -> Manifest:
    """Write a network and its manifest, each file whole or not at all.

    Args:
        folder: is made where it does not exist.
        model: whose state is saved, in ``manifest.storage``.
        manifest: hash, outputs and library versions are filled in.
        tensors: more tensors to keep beside the weights (floating point), in ``manifest.storage`` too.

    Returns:
        The manifest as written.

    Raises:
        CheckpointError: NONFINITE where a weight, or a number in the manifest, is not finite.
        StorageError: where the folder cannot be written.
    """
    kind = getattr(torch, manifest.storage)
    stored = {_WEIGHTS + name: _stored(name, tensor, kind) for name, tensor in model.state_dict().items()}
    stored |= {_EXTRA + name: _stored(name, tensor, kind) for name, tensor in (tensors or {}).items()}
    content = safetensors.torch.save(stored)
    full = manifest.model_copy(
        update={
            "format": FORMAT,
            "num_outputs": model.num_outputs,
            "weights_sha256": hashlib.sha256(content).hexdigest(),
            "versions": {**_versions(), **manifest.versions},
        }
    )
    try:
        text = json.dumps(full.model_dump(), indent=2, sort_keys=True, allow_nan=False)
    except ValueError as error:
        raise CheckpointError(
            "NONFINITE", "the manifest holds a number that is not finite", where=MANIFEST_NAME
        ) from error
    storage.write_bytes(folder / WEIGHTS_NAME, content)
    storage.write_text(folder / MANIFEST_NAME, text + "\n")
    return Manifest.model_validate_json(text)  # as it will be read: lists for tuples


def load_checkpoint(folder: Path) -> tuple[Network, Manifest]:
    """Read a network in evaluation mode, with float32 weights, and its manifest.

    Raises:
        CheckpointError: MISSING_FILE, UNSAFE for pickled weights, CORRUPT for a damaged or torn pair, MISMATCH for
            weights of another network, NONFINITE for a NaN or infinity, TOO_NEW for a later format.
    """
    manifest = read_manifest(folder)
    stored = _read_tensors(folder, manifest)
    weights = {name.removeprefix(_WEIGHTS): tensor for name, tensor in stored.items() if name.startswith(_WEIGHTS)}
    model = _empty_network(manifest)
    check_fit(model.state_dict(), weights, where=WEIGHTS_NAME, cure=_AGAIN)
    model.load_state_dict({name: _restored(name, tensor) for name, tensor in weights.items()}, assign=True)
    return model.eval(), manifest


def load_extra_tensors(folder: Path) -> dict[str, Tensor]:
    """The tensors that were saved beside the weights, floating point as float32.

    Raises:
        CheckpointError: as :func:`load_checkpoint`.
    """
    stored = _read_tensors(folder, read_manifest(folder))
    return {
        name.removeprefix(_EXTRA): _restored(name, tensor) for name, tensor in stored.items() if name.startswith(_EXTRA)
    }


def read_manifest(folder: Path) -> Manifest:
    """Read what the weights in ``folder`` are, without reading them.

    Raises:
        CheckpointError: MISSING_FILE, CORRUPT, UNSAFE, NONFINITE or TOO_NEW.
    """
    content = _read(folder, MANIFEST_NAME, MAX_MANIFEST_BYTES)
    try:
        values = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CheckpointError("CORRUPT", "it is not JSON", _AGAIN, where=MANIFEST_NAME) from error
    if not isinstance(values, dict):
        raise CheckpointError("CORRUPT", "it is not a JSON object", _AGAIN, where=MANIFEST_NAME)
    version = values.get("format")
    if isinstance(version, int) and version > FORMAT:
        what = f"it has format {version}, this cinecor reads up to {FORMAT}"
        raise CheckpointError("TOO_NEW", what, "update cinecor", where=MANIFEST_NAME)
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise CheckpointError("CORRUPT", what, _AGAIN, where=MANIFEST_NAME) from error


def weights_sha256(model: Network) -> str:
    """A hash of all weights of a network, to the bit: equal if and only if the networks' states are equal."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    return hashlib.sha256(safetensors.torch.save(state)).hexdigest()


def _stored(name: str, tensor: Tensor, kind: torch.dtype) -> Tensor:
    tensor = tensor.detach().cpu()
    if tensor.is_floating_point():
        tensor = tensor.to(kind)
        _check_finite(name, tensor)
    # a clone, because safetensors refuses tensors that share memory
    return tensor.contiguous().clone()


def _restored(name: str, tensor: Tensor) -> Tensor:
    if not tensor.is_floating_point():
        return tensor
    _check_finite(name, tensor)
    return tensor.to(torch.float32)


def _check_finite(name: str, tensor: Tensor) -> None:
    if not bool(torch.isfinite(tensor).all()):
        raise CheckpointError("NONFINITE", f"{name} holds a NaN or an infinity", "train again", where=WEIGHTS_NAME)


def _read(folder: Path, name: str, limit: int) -> bytes:
    path = folder / name
    try:
        if path.stat().st_size > limit:
            raise CheckpointError("CORRUPT", f"it has more than {limit} bytes", _AGAIN, where=name)
        return path.read_bytes()
    except OSError as error:
        if is_absent(error):
            if is_folder(folder):
                _refuse_pickles(folder)
            check_there(folder, FILES)
        raise CheckpointError(
            "CORRUPT", f"{name} cannot be read ({error.strerror})", _AGAIN, where=folder.name
        ) from error


def _refuse_pickles(folder: Path) -> None:
    if any(folder.glob("*.pt")) or any(folder.glob("*.pth")) or any(folder.glob("*.bin")):
        cure = f"give a folder of {WEIGHTS_NAME} and {MANIFEST_NAME}"
        raise CheckpointError("UNSAFE", "pickled weights are never loaded", cure, where=folder.name)


def _read_tensors(folder: Path, manifest: Manifest) -> dict[str, Tensor]:
    content = _read(folder, WEIGHTS_NAME, MAX_WEIGHTS_BYTES)
    if content[:2] in (b"PK", b"\x80\x02", b"\x80\x04", b"\x80\x05"):  # zip and pickle, torch.save's two formats
        raise CheckpointError("UNSAFE", "these are pickled weights", "save them with cinecor", where=WEIGHTS_NAME)
    if hashlib.sha256(content).hexdigest() != manifest.weights_sha256:
        what = f"its hash is not that of {MANIFEST_NAME}: one of the two is damaged or of another run"
        raise CheckpointError("CORRUPT", what, _AGAIN, where=WEIGHTS_NAME)
    try:
        tensors: dict[str, Tensor] = safetensors.torch.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError("CORRUPT", "it is not a safetensors file", _AGAIN, where=WEIGHTS_NAME) from error
    return tensors


def _empty_network(manifest: Manifest) -> Network:
    """The network without memory; the weights it once started from are not fetched again, its own are at hand."""
    options = {name: value for name, value in manifest.options.items() if name != "pretrained"}
    try:
        with torch.device("meta"):
            return create_model(manifest.model, manifest.num_outputs, **options)
    except (ConfigError, TypeError) as error:
        what = f"this cinecor cannot make its network ({error})"
        raise CheckpointError("MISMATCH", what, "update cinecor", where=MANIFEST_NAME) from error


def check_fit(expected: Mapping[str, Tensor], found: Mapping[str, Tensor], *, where: str, cure: str) -> None:
    """Stop unless ``found`` has exactly the tensors of a network, each of its shape and kind of number.

    Raises:
        CheckpointError: MISMATCH, which names the first differences in both directions.
    """
    missing, surplus = sorted(set(expected) - set(found)), sorted(set(found) - set(expected))
    unlike = [name for name in expected if name in found and not _alike(expected[name], found[name])]
    told = [f"{name} is {_describe(found[name])}, not {_describe(expected[name])}" for name in unlike]
    said = [
        f"{len(names)} {what} ({', '.join(texts[:SHOWN])}{', …' if len(texts) > SHOWN else ''})"
        for what, names, texts in (
            ("tensors of the network are missing", missing, missing),
            ("are not the network's", surplus, surplus),
            ("have another shape", unlike, told),
        )
        if names
    ]
    if said:
        raise CheckpointError("MISMATCH", "; ".join(said), cure, where=where)


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.is_floating_point() == other.is_floating_point()


def _describe(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')}{list(tensor.shape)}"


def _refuse_constant(text: str) -> float:
    raise CheckpointError("NONFINITE", f"it holds {text}", _AGAIN, where=MANIFEST_NAME)


def _versions() -> dict[str, str]:
    return {"torch": torch.__version__, "safetensors": safetensors.__version__}
