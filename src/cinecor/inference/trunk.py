"""What computes a network's feature map: PyTorch, or on a CPU a program that OpenVINO compiles once in a process.

The head and the embedding stay with PyTorch in float32, whatever the precision: bfloat16 has 8 bits, which between 32
and 64 % is a step of 0.25 % of ejection fraction.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from cinecor.errors import ConfigError, ResourceError
from cinecor.inference.settings import Settings
from cinecor.models.bfloat16 import has_bf16
from cinecor.models.contract import Network

Trunk: TypeAlias = Callable[..., Tensor]
"""Streams ``batch channel _time _height _width`` in, feature map ``batch feature t h w`` out."""

Shape: TypeAlias = tuple[int, ...]
Key: TypeAlias = tuple[str, tuple[Shape, ...], str, int | None]
"""Which network, shapes of one clip's streams, precision, threads."""

WORTH = 16
"""Loops from which on ``auto`` compiles: compiling UniFormer-S takes about as long as it then saves on a dozen."""

_TELEMETRY = "openvino_telemetry"
_HINTS = {"fp32": "f32", "bf16": "bf16"}
_PROGRAMS: dict[Key, Any] = {}


def choose_engine(settings: Settings, device: torch.device, loops: int) -> str:
    """``torch`` or ``openvino``.

    Args:
        settings: what is asked for; ``auto`` compiles on a CPU for many loops where OpenVINO is installed.
        device: where to compute.
        loops: how many will be analysed, as far as is known; 0 where it is not.

    Raises:
        ConfigError: MISSING_EXTRA where OpenVINO is asked for and not installed; CONFLICT on a device other than a CPU.
        ResourceError: NO_DEVICE for bfloat16 on a device without instructions for it.
    """
    if settings.precision == "bf16" and not has_bf16(device):
        what = f"this {device.type} has no instructions for bfloat16"
        raise ResourceError("NO_DEVICE", what, "choose --precision fp32", where="precision")
    installed = find_spec("openvino") is not None
    if settings.engine == "auto":
        return "openvino" if installed and device.type == "cpu" and loops >= WORTH else "torch"
    if settings.engine == "openvino" and not installed:
        cure = "pip install 'cinecor[accel]', or choose --engine torch"
        raise ConfigError("MISSING_EXTRA", "openvino is not installed", cure, where="engine")
    if settings.engine == "openvino" and device.type != "cpu":
        what = f"OpenVINO computes on the CPU, not on {device}"
        raise ConfigError("CONFLICT", what, "choose --device cpu, or --engine torch", where="engine")
    return settings.engine


def torch_trunk(network: Network, precision: str, device: torch.device) -> Trunk:
    """The network itself, in bfloat16 where that is the precision."""
    if precision == "fp32":
        return network.forward_features

    def trunk(*streams: Float[Tensor, "batch channel _time _height _width"]) -> Float[Tensor, "batch feature t h w"]:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            return network.forward_features(*streams).float()

    return trunk


class OpenVinoTrunk:
    """The network as a program for this CPU, clip by clip: side by side they gain nothing there, and one shape will do.

    Args:
        network: in evaluation mode, on the CPU.
        shapes: of each stream of one clip, ``channel time height width``.
        identity: the network's options and the hash of its weights; a program is made once for each identity, shape,
            precision and number of threads in a process.
        precision: fp32 or bf16.
        threads: CPU threads; OpenVINO's own choice where None.

    Raises:
        ConfigError: CONFLICT for a network that OpenVINO cannot take over.
    """

    def __init__(
        self, network: Network, shapes: Sequence[Shape], identity: str, *, precision: str, threads: int | None
    ) -> None:
        key = (identity, tuple(shapes), precision, threads)
        if key not in _PROGRAMS:
            _PROGRAMS[key] = _compile(network, shapes, precision, threads)
        self._request = _PROGRAMS[key].create_infer_request()

    def __call__(
        self, *streams: Float[Tensor, "batch channel _time _height _width"]
    ) -> Float[Tensor, "batch feature t h w"]:
        """The feature map of each clip."""
        clips = ([stream[place : place + 1] for stream in streams] for place in range(len(streams[0])))
        made = [self._request.infer([np.ascontiguousarray(each.numpy()) for each in clip])[0] for clip in clips]
        return torch.from_numpy(np.concatenate(made))


class _Features(nn.Module):
    """The part of a network that is handed over."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, *streams: Tensor) -> Tensor:
        """The feature map."""
        return self.network.forward_features(*streams)


def _compile(network: Network, shapes: Sequence[Shape], precision: str, threads: int | None) -> Any:
    openvino = _import_openvino()
    examples = tuple(torch.zeros(1, *shape) for shape in shapes)
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says of its own layers as it exports them
            program = openvino.convert_model(torch.export.export(_Features(network), examples))
        options: dict[str, Any] = {"INFERENCE_PRECISION_HINT": _HINTS[precision], "PERFORMANCE_HINT": "LATENCY"}
        if threads is not None:
            options["INFERENCE_NUM_THREADS"] = threads
        return openvino.Core().compile_model(program, "CPU", options)
    except (RuntimeError, ValueError, NotImplementedError) as error:
        what = f"OpenVINO cannot take this network over ({str(error).splitlines()[0][:80]})"
        raise ConfigError("CONFLICT", what, "choose --engine torch", where="engine") from error


def _import_openvino() -> Any:
    """OpenVINO without its telemetry, which from its import on would tell its makers over the network what is done."""
    kept = sys.modules.get(_TELEMETRY)
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]  # as if it were not installed: OpenVINO has a stub for that
    try:
        return import_module("openvino")
    finally:
        del sys.modules[_TELEMETRY]
        if kept is not None:
            sys.modules[_TELEMETRY] = kept
