"""A device by its name."""

from __future__ import annotations

import torch

from cinecor.errors import ResourceError


def choose_device(name: str) -> torch.device:
    """The device of this name, which can be computed on: auto (a CUDA GPU, else the CPU), cpu, cuda, cuda:1, mps.

    Raises:
        ResourceError: NO_DEVICE for a name that is none, or a device that this machine does not have.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ResourceError("NO_DEVICE", f"{name!r} cannot be used", "choose --device cpu", where="device") from error
    return device
