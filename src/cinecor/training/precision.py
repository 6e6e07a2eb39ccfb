"""Whether a training computes in bfloat16: as its recipe says; where that leaves it to the machine, where it gains."""

from __future__ import annotations

import torch

from cinecor.models.bfloat16 import has_bf16
from cinecor.training.recipe_fields import Recipe


def is_mixed(recipe: Recipe, device: torch.device) -> bool:
    """Whether the trunk of the recipe's network computes in bfloat16 on this device."""
    return recipe.precision == "bf16-mixed" or (recipe.precision == "auto" and has_bf16(device))
