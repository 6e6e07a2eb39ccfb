"""Cinecor reads cardiac cine images and measures the heart: from a file to a report.

    import cinecor

    studies, failures = cinecor.discover(["loop.dcm"])
    report = cinecor.load_analyser().analyse(studies[0])
    print(report.measurement("ef"))

Research software, not a medical device: not for clinical use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cinecor.version import __version__

if TYPE_CHECKING:
    from cinecor.errors import CinecorError
    from cinecor.inference import load_analyser
    from cinecor.io import discover, load
    from cinecor.models import create_model, list_models
    from cinecor.records import Cine, ClipSpec, Measurement, Report, Study

__all__ = [
    "Cine",
    "CinecorError",
    "ClipSpec",
    "Measurement",
    "Report",
    "Study",
    "__version__",
    "create_model",
    "discover",
    "list_models",
    "load",
    "load_analyser",
]

_HOME = {
    "Cine": "records",
    "CinecorError": "errors",
    "ClipSpec": "records",
    "Measurement": "records",
    "Report": "records",
    "Study": "records",
    "create_model": "models",
    "discover": "io",
    "list_models": "models",
    "load": "io",
    "load_analyser": "inference",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: torch alone takes seconds, and naming a study needs none of it."""
    if name not in _HOME:
        raise AttributeError(f"module 'cinecor' has no attribute {name!r}")
    return getattr(import_module(f"cinecor.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return list(__all__)
