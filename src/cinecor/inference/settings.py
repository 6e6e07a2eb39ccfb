"""What a user can choose about an analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args, get_type_hints

from cinecor.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How studies are analysed."""

    clips: int = 8
    """Clips of each loop whose values are averaged, spread evenly over it."""
    batch_size: int = 8
    """Clips computed at once; the result does not depend on it beyond rounding."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1, mps."""
    engine: Literal["auto", "torch", "openvino"] = "auto"
    """What computes: PyTorch, OpenVINO (on a CPU; the extra ``accel``), or OpenVINO where it is installed and enough
    loops are waiting for the time that compiling takes. Values are the same to 0.001 points of EF."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """fp32, or bf16 on a device that has instructions for it: faster, and EF differs in the first decimal."""
    threads: int | None = None
    """CPU threads; PyTorch's own choice where None."""
    frame_ms: float | None = None
    """Time between frames, ms, of files that do not say it."""
    level: float = 0.9
    """Confidence of the interval of EF."""
    explain: bool = False
    """Add pictures of where the network looked (Grad-CAM); about the time of one more clip a loop."""
    networks: int | None = None
    """Of a folder's networks that outline cine MRI, how many are asked, from the first; all of them where None."""
    view_certainty: float = 0.5
    """Least mean probability of a view that is told, 0 to 1; 0.5 is more than all other views together. Below it a view
    is unknown."""

    def __post_init__(self) -> None:
        for name in ("clips", "batch_size", "threads", "networks"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError("OUT_OF_RANGE", f"{value} is below 1", "give at least 1", where=name)
        for name in ("engine", "precision"):
            choices = get_args(get_type_hints(Settings)[name])
            if getattr(self, name) not in choices:
                what = f"{getattr(self, name)!r} is not a choice"
                raise ConfigError("OUT_OF_RANGE", what, f"choose of {', '.join(choices)}", where=name)
        if self.frame_ms is not None and not 0 < self.frame_ms < math.inf:
            raise ConfigError("OUT_OF_RANGE", f"{self.frame_ms} ms is no time between frames", where="frame_ms")
        if not 0 <= self.view_certainty <= 1:
            raise ConfigError("OUT_OF_RANGE", f"{self.view_certainty} is not from 0 to 1", where="view_certainty")
        if not 0 < self.level < 1:
            raise ConfigError("OUT_OF_RANGE", f"{self.level} is not between 0 and 1", where="level")
