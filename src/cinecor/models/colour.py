"""Grey clips for networks whose public weights were learned from colour images."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from cinecor.errors import ConfigError

COLOURS = 3


def in_colour(x: Float[Tensor, "batch channel time height width"]) -> Float[Tensor, "batch 3 time height width"]:
    """The clips as they are, or their one grey channel three times (no copy)."""
    return x.expand(-1, COLOURS, -1, -1, -1) if x.shape[1] == 1 else x


def check_channels(in_channels: int, model: str) -> None:
    """Stop unless clips of so many channels can be shown in colour.

    Raises:
        ConfigError: OUT_OF_RANGE.
    """
    if in_channels not in (1, COLOURS):
        what = f"{in_channels} channels are neither grey nor colour"
        raise ConfigError("OUT_OF_RANGE", what, "give 1 or 3", where=f"{model}.in_channels")
