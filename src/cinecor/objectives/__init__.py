"""Losses as pure functions of tensors."""

from cinecor.objectives.dice import dice_and_cross_entropy, dice_coefficient

__all__ = ["dice_and_cross_entropy", "dice_coefficient"]
