"""CoReEcho's two losses, with the stop-gradient where the paper has it.

Source: Maani et al., "CoReEcho: Continuous representation learning for 2D+time echocardiography analysis" (papers 001
and 002), eq. 1 and 2. Its code makes two backward passes with two optimisers; the gradients are those of the one sum,
because the encoder has none of the error and the regressor none of the contrast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from cinecor.errors import ConfigError
from cinecor.objectives.gathering import gather_across
from cinecor.objectives.rank_n_contrast import rank_n_contrast

Regressor = Callable[[Tensor], Tensor]


@dataclass(frozen=True, kw_only=True, eq=False)
class FirstStage:
    """Both parts of eq. 1, for logs, and what was predicted."""

    contrast: Float[Tensor, ""]
    """Rank-N-Contrast: its gradient reaches the encoder alone."""
    error: Float[Tensor, ""]
    """Mean absolute error, in the target's unit: its gradient reaches the regressor alone."""
    predictions: Float[Tensor, " batch"]

    @property
    def total(self) -> Float[Tensor, ""]:
        """The loss: the sum of both."""
        return self.contrast + self.error


def coreecho_first_stage(
    embeddings: Float[Tensor, "batch feature"],
    targets: Float[Tensor, " batch"],
    regressor: Regressor,
    *,
    temperature: float = 1.0,
    across: bool = False,
) -> FirstStage:
    """Eq. 1: ``rank_n_contrast(E, y) + |y - regressor(stop_gradient(E))|``, means over pairs and clips.

    Args:
        embeddings: two clips of each video, in any order.
        targets: of the same clips.
        regressor: from embeddings to one value each, ``batch`` or ``batch 1``.
        temperature: of the contrast; 1 in the paper and its code.
        across: contrast the embeddings of all processes with each other (``gather_across``); the error stays that of
            this process's clips, which ``DistributedDataParallel`` averages anyhow.

    Raises:
        ConfigError: as ``rank_n_contrast``; CONFLICT where the regressor does not give one value a clip.
    """
    paired, labels = gather_across(embeddings, targets) if across else (embeddings, targets)
    contrast = rank_n_contrast(paired, labels, temperature)
    predictions = _predict(regressor, embeddings.detach(), targets)  # SG: the error does not disturb the encoder
    return FirstStage(contrast=contrast, error=_error(predictions, targets), predictions=predictions)


def coreecho_second_stage(
    embeddings: Float[Tensor, "batch feature"], targets: Float[Tensor, " batch"], regressor: Regressor
) -> Float[Tensor, ""]:
    """Eq. 2: ``|y - regressor(stop_gradient(E))|``, mean over clips; the encoder learns nothing of it.

    Raises:
        ConfigError: CONFLICT where the regressor does not give one value a clip.
    """
    return _error(_predict(regressor, embeddings.detach(), targets), targets)


def _error(predictions: Float[Tensor, " batch"], targets: Float[Tensor, " batch"]) -> Float[Tensor, ""]:
    return (predictions.float() - targets).abs().mean()


def _predict(
    regressor: Regressor, embeddings: Float[Tensor, "batch feature"], targets: Float[Tensor, " batch"]
) -> Float[Tensor, " batch"]:
    said = regressor(embeddings)
    if said.numel() != targets.numel() or len(said) != len(targets):
        what = f"the regressor gives {tuple(said.shape)} for {tuple(targets.shape)} targets"
        raise ConfigError("CONFLICT", what, "it must give one value a clip", where="regressor")
    return said.reshape(targets.shape)
