"""Sentences that every kind of analysis says in the same words."""

from __future__ import annotations

from cinecor.models.checkpoint import Manifest

SYNTHETIC_WARNING = (
    "the weights were trained on synthetic hearts only: "
    "of a real heart, the value and its interval are no more than an illustration"
)
NO_INTERVAL = "an interval is not given, because these weights bring no calibration (enough patients) for this level"


def trained_on(manifest: Manifest) -> str:
    """What weights have seen, as a report says it."""
    return str(manifest.training_data.get("description", "unknown"))
