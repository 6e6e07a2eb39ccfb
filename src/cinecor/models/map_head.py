"""What networks with a map of each structure have in common whose last map is as large as the frames."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from cinecor.models.contract import Network, global_mean
from cinecor.models.initialisation import glorot


class MapHead(Network):
    """A network whose head is one convolution, position by position."""

    dense = True

    def forward_head(
        self, features: Float[Tensor, "batch feature t h w"], *, pre_logits: bool = False
    ) -> Float[Tensor, "batch value *positions"]:
        """Logits ``batch structure time height width``, or the embedding (mean over positions)."""
        if pre_logits:
            return global_mean(features)
        logits: Tensor = self.head(features)
        return logits

    def reset_classifier(self, num_outputs: int) -> None:
        """A fresh last layer."""
        self.num_outputs = num_outputs
        head = nn.Conv3d(self.num_features, num_outputs, 1)
        glorot(head)
        self.head = head.to(next(self.parameters()).device)

    def output_layer(self) -> nn.Linear | nn.Conv2d | nn.Conv3d:
        """The last layer."""
        return self.head
