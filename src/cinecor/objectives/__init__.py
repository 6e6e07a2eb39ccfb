"""Losses as pure functions of tensors."""

from cinecor.objectives.adversarial import (
    class_loss,
    discriminator_loss,
    generated_loss,
    mean_feature_difference,
    real_loss,
    squared_feature_difference,
)
from cinecor.objectives.coreecho import FirstStage, coreecho_first_stage, coreecho_second_stage
from cinecor.objectives.cross_entropy import mean_cross_entropy, summed_cross_entropy
from cinecor.objectives.dice import dice_and_cross_entropy, dice_coefficient
from cinecor.objectives.fixmatch import consistency_loss
from cinecor.objectives.gathering import gather_across
from cinecor.objectives.rank_n_contrast import rank_n_contrast

__all__ = [
    "FirstStage",
    "class_loss",
    "consistency_loss",
    "coreecho_first_stage",
    "coreecho_second_stage",
    "dice_and_cross_entropy",
    "dice_coefficient",
    "discriminator_loss",
    "gather_across",
    "generated_loss",
    "mean_cross_entropy",
    "mean_feature_difference",
    "rank_n_contrast",
    "real_loss",
    "squared_feature_difference",
    "summed_cross_entropy",
]
