"""Losses as pure functions of tensors."""

from cinecor.objectives.coreecho import FirstStage, coreecho_first_stage, coreecho_second_stage
from cinecor.objectives.cross_entropy import mean_cross_entropy, summed_cross_entropy
from cinecor.objectives.dice import dice_and_cross_entropy, dice_coefficient
from cinecor.objectives.gathering import gather_across
from cinecor.objectives.rank_n_contrast import rank_n_contrast

__all__ = [
    "FirstStage",
    "coreecho_first_stage",
    "coreecho_second_stage",
    "dice_and_cross_entropy",
    "dice_coefficient",
    "gather_across",
    "mean_cross_entropy",
    "rank_n_contrast",
    "summed_cross_entropy",
]
