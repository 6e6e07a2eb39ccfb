"""Whether a training computes in bfloat16: as its recipe says; where that leaves it to the machine, where it gains."""

from __future__ import annotations

import torch

from cinecor.training.recipe_fields import Recipe

_BF16_INSTRUCTIONS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")  # x86-64, then ARM


def is_mixed(recipe: Recipe, device: torch.device) -> bool:
    """Whether the trunk of the recipe's network computes in bfloat16 on this device."""
    return recipe.precision == "bf16-mixed" or (recipe.precision == "auto" and has_bf16(device))


def has_bf16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16.

    One that has not computes the same by way of other types: a step of I3D-mini took 25 times as long as in float32 on
    a CPU with AVX2 alone.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        found = torch.cpu.get_capabilities()
        return any(bool(found.get(name)) for name in _BF16_INSTRUCTIONS)
    return False
