"""Weights that torchvision's hub offers: fetched once, kept in torch's cache, and missed plainly."""

from __future__ import annotations

from http.client import HTTPException

from torch import Tensor
from torchvision.models import get_weight

from cinecor.errors import ResourceError


def fetch_weights(name: str, model: str) -> dict[str, Tensor]:
    """The state dict of one of torchvision's weights, such as ``R3D_18_Weights.KINETICS400_V1``; its hash is checked.

    Args:
        name: as torchvision spells it.
        model: our name of the network that wants them.

    Raises:
        ResourceError: OFFLINE where they can neither be found in the cache nor fetched.
    """
    try:
        state: dict[str, Tensor] = get_weight(name).get_state_dict(progress=False, check_hash=True)
    except (OSError, HTTPException, RuntimeError) as error:  # no route, cut off, another hash
        what = f"{name} cannot be fetched ({type(error).__name__})"
        cure = "connect once, set TORCH_HOME to a filled cache, or give pretrained=false"
        raise ResourceError("OFFLINE", what, cure, where=f"{model}.pretrained") from error
    return state
