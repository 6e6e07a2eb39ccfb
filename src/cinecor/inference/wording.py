"""Sentences that every kind of analysis says in the same words."""

from __future__ import annotations

from collections.abc import Sequence

from cinecor.models.checkpoint import Manifest

NO_INTERVAL = "an interval is not given, because these weights bring no calibration (enough patients) for this level"


def synthetic_warning(said: Sequence[str]) -> str:
    """What weights of synthetic hearts are worth.

    Args:
        said: what the report gives by them, each with its article ("the value", "the views"); at least one.
    """
    several = len(said) > 1 or said[0].endswith("s")
    listed = " and ".join([part for part in (", ".join(said[:-1]), said[-1]) if part])
    return (
        f"the weights were trained on synthetic hearts only: of a real heart, {listed} "
        f"{'are' if several else 'is'} no more than an illustration"
    )


def trained_on(manifest: Manifest) -> str:
    """What weights have seen, as a report says it."""
    return str(manifest.training_data.get("description", "unknown"))
