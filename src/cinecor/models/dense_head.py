"""What networks with a head of dense layers have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from cinecor.models.contract import Network, global_mean
from cinecor.models.initialisation import glorot


class DenseHead(Network):
    """A network whose head is one dense layer, or a sequence that ends in one, on what it makes of its last map."""

    head_name: ClassVar[str] = "head"
    """Attribute that holds the head, and so the beginning of its tensors' names in a checkpoint."""
    head_dropout: float = 0.0
    """Probability of dropout before the head, of heads that have none within."""

    @abstractmethod
    def make_head(self, num_outputs: int) -> nn.Module:
        """A fresh head."""

    def gather(self, features: Float[Tensor, "batch feature t h w"]) -> Float[Tensor, "batch feature"]:
        """What the head is given of a map: the embedding."""
        return global_mean(features)

    def answer(self, gathered: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch output"]:
        """What the head says of it."""
        values: Tensor = self.get_submodule(self.head_name)(gathered)
        return values

    def forward_head(
        self, features: Float[Tensor, "batch feature t h w"], *, pre_logits: bool = False
    ) -> Float[Tensor, "batch value"]:
        """The outputs, or the embedding (mean over all positions)."""
        if pre_logits:
            return global_mean(features)
        return self.answer(functional.dropout(self.gather(features), self.head_dropout, self.training))

    def reset_classifier(self, num_outputs: int) -> None:
        """A fresh head of the same kind."""
        self.num_outputs = num_outputs
        device = next(self.parameters()).device
        self.add_module(self.head_name, self.make_head(num_outputs).to(device))

    def output_layer(self) -> nn.Linear | nn.Conv2d | nn.Conv3d:
        """The last dense layer."""
        head = self.get_submodule(self.head_name)
        last = head[-1] if isinstance(head, nn.Sequential) else head
        assert isinstance(last, nn.Linear)
        return last


def normal_linear(features: int, num_outputs: int) -> nn.Linear:
    """A dense layer as torchvision and timm start theirs: small normal weights, zero bias."""
    layer = nn.Linear(features, num_outputs)
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(layer.bias)
    return layer


class DenseNorm(nn.BatchNorm1d):
    """Batch norm of vectors. A batch of one, which has no variance, is normed by what was seen before."""

    def forward(self, x: Float[Tensor, "batch feature"]) -> Float[Tensor, "batch feature"]:
        """The vectors, normed."""
        if self.training and len(x) == 1:
            return functional.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        normed: Tensor = super().forward(x)
        return normed


def dense_layers(features: int, hidden: Sequence[int], num_outputs: int, dropout: float) -> nn.Sequential:
    """Hidden dense layers, each with batch norm, ReLU and dropout after it, and the last one; Glorot's weights."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(features, width, bias=False), DenseNorm(width), nn.ReLU(), nn.Dropout(dropout)]
        features = width
    made = nn.Sequential(*layers, nn.Linear(features, num_outputs))
    glorot(made)
    return made
