"""From a study to a report, light: no Lightning, no matplotlib, no dataset. Loading weights is what imports torch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cinecor.inference.analyser import Analyser
    from cinecor.inference.explaining import explain_all
    from cinecor.inference.opening import SHIPPED, SHIPPED_VIEWS, load_analyser
    from cinecor.inference.predictor import load_predictor
    from cinecor.inference.settings import Settings

__all__ = ["SHIPPED", "SHIPPED_VIEWS", "Analyser", "Settings", "explain_all", "load_analyser", "load_predictor"]

_HOME = {
    "SHIPPED": "opening",
    "SHIPPED_VIEWS": "opening",
    "Analyser": "analyser",
    "Settings": "settings",
    "explain_all": "explaining",
    "load_analyser": "opening",
    "load_predictor": "predictor",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cinecor.inference' has no attribute {name!r}")
    return getattr(import_module(f"cinecor.inference.{_HOME[name]}"), name)
