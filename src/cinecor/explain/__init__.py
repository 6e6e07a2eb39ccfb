"""Where a network looked, and how its embeddings lie: arrays, from networks and tensors. Nothing is drawn here."""

from cinecor.explain.grad_cam import grad_cam
from cinecor.explain.projection import project

__all__ = ["grad_cam", "project"]
