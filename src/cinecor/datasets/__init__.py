"""Published folder layouts to studies and back: one module a layout, with ``read``, ``write`` and ``check``."""

from cinecor.datasets.findings import Findings, Problem
from cinecor.datasets.layouts import get, layouts, recognise

__all__ = ["Findings", "Problem", "get", "layouts", "recognise"]
