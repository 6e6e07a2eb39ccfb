"""A figure with its interval, or the reason why there is none. NaN never leaves this room."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One figure of an evaluation.

    ``value`` is None where the figure does not exist (one class, constant truth, too few studies), ``low`` and ``high``
    where no interval does; ``reason`` then says why in words.
    """

    name: str
    value: float | None
    low: float | None = None
    high: float | None = None
    unit: str = ""
    method: str = ""
    """How the interval was made."""
    reason: str = ""

    def __post_init__(self) -> None:
        numbers = [number for number in (self.value, self.low, self.high) if number is not None]
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError(f"{self.name}: an estimate is finite or absent, not {numbers}")
        if (self.value is None or self.low is None or self.high is None) and not self.reason:
            raise ValueError(f"{self.name}: what is absent needs a reason")

    def as_dict(self) -> dict[str, Any]:
        """The estimate as plain values for JSON."""
        return {
            "name": self.name,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "unit": self.unit,
            "method": self.method,
            "reason": self.reason,
        }


def absent(name: str, reason: str, unit: str = "") -> Estimate:
    """A figure that does not exist, and why."""
    return Estimate(name=name, value=None, unit=unit, reason=reason)
