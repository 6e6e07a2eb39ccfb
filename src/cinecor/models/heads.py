"""The four regression heads of the LVEF architecture benchmark (paper 000, head study)."""

from __future__ import annotations

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from cinecor.errors import ConfigError
from cinecor.models.choices import HeadKind
from cinecor.models.contract import global_mean


class GlobalMean(nn.Module):
    """Global average pooling as a layer."""

    def forward(self, x: Float[Tensor, "batch feature *positions"]) -> Float[Tensor, "batch feature"]:
        """Mean over all positions."""
        return global_mean(x)


class Head(nn.Module):
    """From a feature map to values.

    Args:
        kind: ``OG`` dropout, flatten, dense; ``A`` mean over positions, dropout, dense; ``B`` dropout, 1x1x1
            convolution, mean over positions; ``C`` mean over positions, dense, ReLU, dropout, dense.
        features: channels of the feature map.
        num_outputs: values.
        positions: of the feature map; only ``OG`` needs to know.
        dropout: probability.
        hidden: width of the hidden layer of ``C``.
        dims: of the feature map, 2 or 3.

    Raises:
        ConfigError: OUT_OF_RANGE for a dropout outside 0 to 1, or fewer than one output or hidden unit.
    """

    def __init__(
        self,
        kind: HeadKind,
        features: int,
        num_outputs: int,
        *,
        positions: int,
        dropout: float,
        hidden: int,
        dims: Literal[2, 3] = 3,
    ) -> None:
        super().__init__()
        if not 0 <= dropout < 1:
            raise ConfigError("OUT_OF_RANGE", f"{dropout} is not a dropout", "give 0 to below 1", where="dropout")
        if hidden < 1 or num_outputs < 1:
            raise ConfigError("OUT_OF_RANGE", "a layer has at least one unit", where="head")
        drop = nn.Dropout(dropout)
        layers: list[nn.Module]
        if kind == "OG":
            layers = [drop, nn.Flatten(), nn.Linear(features * positions, num_outputs)]
        elif kind == "A":
            layers = [GlobalMean(), drop, nn.Linear(features, num_outputs)]
        elif kind == "B":
            conv = nn.Conv3d if dims == 3 else nn.Conv2d
            layers = [drop, conv(features, num_outputs, 1), GlobalMean()]
        else:
            hidden_layer = nn.Linear(features, hidden)
            layers = [GlobalMean(), hidden_layer, nn.ReLU(), drop, nn.Linear(hidden, num_outputs)]
        self.layers = nn.Sequential(*layers)

    @property
    def last(self) -> nn.Linear | nn.Conv2d | nn.Conv3d:
        """The layer whose bias is that of the output."""
        found = [layer for layer in self.layers if isinstance(layer, nn.Linear | nn.Conv2d | nn.Conv3d)][-1]
        assert isinstance(found, nn.Linear | nn.Conv2d | nn.Conv3d)
        return found

    def forward(self, x: Float[Tensor, "batch feature *positions"]) -> Float[Tensor, "batch output"]:
        """Values of each element."""
        values: Tensor = self.layers(x)
        return values
