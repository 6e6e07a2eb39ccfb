"""Which streams the two-stream and fusion networks of paper 000 look at: three readings of one paper."""

from __future__ import annotations

from collections.abc import Mapping

from cinecor.errors import ConfigError
from cinecor.models.choices import Reading

STREAMS: Mapping[Reading, tuple[str, str]] = {
    "full": ("rgb", "difference"),
    "halves": ("rgb_left", "difference_right"),
    "half_resolution": ("rgb_half", "difference_half"),
}
"""Spatial and temporal stream of each reading."""


def stream_size(name: str, input_size: tuple[int, int, int]) -> tuple[int, int, int]:
    """Frames, height and width of a stream of clips of that size.

    Raises:
        ConfigError: OUT_OF_RANGE where nothing is left of the clip.
    """
    frames, height, width = input_size
    if "difference" in name:
        frames -= 1
    if name.endswith(("_left", "_right")):
        width //= 2
    elif name.endswith("_half"):
        height, width = height // 2, width // 2
    if min(frames, height, width) < 1:
        raise ConfigError("OUT_OF_RANGE", f"{input_size} leaves nothing of stream {name}", where="input_size")
    return frames, height, width
