"""Weights as others publish them (PyTorch, safetensors, HDF5), read without running anything that they hold.

PyTorch's files are pickles. They are read by torch's own restricted reader alone, which makes tensors, plain
containers and, for the metrics that lie beside published weights, single NumPy numbers; anything else is refused.
"""

from __future__ import annotations

import argparse
import pickle
import re
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from cinecor.errors import CheckpointError, ConfigError, LimitError
from cinecor.models.checkpoint import MAX_WEIGHTS_BYTES

RATIO = 4  # bytes out of a file for each of its own: floating-point weights do not shrink more than that
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
_PICKLES = (b"PK", b"\x80")  # zip, and the pickles that torch wrote before it
_AGAIN = "fetch the file again"
_REFUSED = (
    "on a machine that may run its code, load it and save its tensors alone, as safetensors or with torch.save of the "
    "state dict; then import that"
)
_BROKEN = (
    RuntimeError,
    EOFError,
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    AssertionError,
    struct.error,
    zipfile.BadZipFile,
    safetensors.SafetensorError,
)  # what the three readers raise of damaged files


def read_weights(path: Path) -> Any:
    """What the file holds: tensors by name, or a mapping around such mappings. An HDF5 file gives ``layer/weight``.

    Raises:
        CheckpointError: UNSAFE for a pickle that holds more than tensors and plain values; MISSING_FILE; CORRUPT for a
            file that is damaged or of another kind.
        LimitError: BYTES, RATIO for a file that is, or would unpack to, more than weights are.
        ConfigError: MISSING_EXTRA where h5py is needed and not installed.
    """
    read = _reader(_head(path))
    if read is None:
        what = "it is neither a PyTorch, a safetensors nor an HDF5 file"
        raise CheckpointError("CORRUPT", what, _AGAIN, where=path.name)
    try:
        return read(path)
    except pickle.UnpicklingError as error:
        raise _refusal(path, str(error)) from error
    except _BROKEN as error:
        what = f"it cannot be read as weights ({type(error).__name__})"
        raise CheckpointError("CORRUPT", what, _AGAIN, where=path.name) from error


def _head(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_WEIGHTS_BYTES:
            what = f"it has more than {MAX_WEIGHTS_BYTES} bytes, which no network here has"
            raise LimitError("BYTES", what, where=path.name)
        with path.open("rb") as stream:
            return stream.read(16)
    except FileNotFoundError as error:
        raise CheckpointError("MISSING_FILE", "there is no such file", "check the path", where=path.name) from error
    except OSError as error:
        what = f"it cannot be read ({error.strerror})"
        raise CheckpointError("CORRUPT", what, "check the path", where=path.name) from error


def _reader(head: bytes) -> Callable[[Path], Any] | None:
    if head.startswith(HDF5_MAGIC):
        return _read_hdf5
    if head.startswith(_PICKLES):
        return _read_torch
    return _read_safetensors if head[8:9] == b"{" else None


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = safetensors.torch.load_file(path)
    return tensors


def _read_torch(path: Path) -> Any:
    with path.open("rb") as stream:
        zipped = stream.read(2) == b"PK"
    if zipped:
        with zipfile.ZipFile(path) as archive:
            _check_ratio(path, sum(part.file_size for part in archive.infolist()))
    with torch.serialization.safe_globals(_numbers()), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of unusual pickles: what cannot be read is refused, what can is compared
        return torch.load(path, map_location="cpu", weights_only=True)


def _numbers() -> list[Any]:
    """What makes single NumPy numbers, under the names of both generations of NumPy, and argparse's bag of options.

    They only hold values: published checkpoints keep their best error and their options beside the weights.
    """
    scalar = np.float64(0).__reduce__()[0]
    names = [f"numpy.{core}.multiarray.scalar" for core in ("core", "_core")]
    kinds = [type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "u1", "?")]
    return [*((scalar, name) for name in names), np.dtype, *kinds, argparse.Namespace]


def _read_hdf5(path: Path) -> dict[str, Tensor]:
    try:
        import h5py
    except ImportError as error:
        cure = "pip install 'cinecor[keras]'"
        raise ConfigError("MISSING_EXTRA", "h5py is not installed", cure, where=path.name) from error
    with h5py.File(path, "r") as file:
        found = dict(_datasets(file, h5py.Dataset))
        _check_ratio(path, sum(dataset.nbytes for dataset in found.values()))
        return {name: torch.from_numpy(np.asarray(dataset)) for name, dataset in found.items()}


def _datasets(file: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """The numbers in the file by ``layer/weight``, however deep they lie; links to other files are not followed."""
    found: list[tuple[str, Any]] = []
    file.visititems(lambda name, item: found.append((name, item)) if isinstance(item, kind) else None)
    for name, dataset in found:
        if dataset.dtype.kind == "f":
            yield "/".join(name.split(":")[0].split("/")[-2:]), dataset


def _check_ratio(path: Path, unpacked: int) -> None:
    if unpacked > RATIO * path.stat().st_size:
        what = f"it would unpack to {unpacked} bytes, more than {RATIO} times its size"
        raise LimitError("RATIO", what, "weights do not shrink like that; do not trust the file", where=path.name)


def _refusal(path: Path, text: str) -> CheckpointError:
    """The restricted reader's complaint: it was asked to run something, or the file is no pickle at all."""
    asked = re.search(r"GLOBAL (\S+)", text)
    if asked or "Unsupported" in text or "Can only" in text:
        what = f"it would run code when read{f' ({asked.group(1)})' if asked else ''}"
        return CheckpointError("UNSAFE", what, _REFUSED, where=path.name)
    return CheckpointError("CORRUPT", "it is a damaged pickle", _AGAIN, where=path.name)
