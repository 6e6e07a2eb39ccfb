"""A network as it is trained: its trunk in the precision of the recipe, its head always in float32."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cinecor.models.contract import Network, OutliningNetwork
from cinecor.models.gan import Discriminator
from cinecor.models.layout import channels_last as lay_out
from cinecor.models.starting import freeze
from cinecor.records import Batch

Outputs: TypeAlias = (
    Float[Tensor, "batch output *positions"]
    | tuple[Float[Tensor, "batch output"], Float[Tensor, "batch 1 time height width"]]
    | tuple[Float[Tensor, "batch _feature"], Float[Tensor, "batch _output"]]
    | tuple[Float[Tensor, "batch _feature"], Float[Tensor, "batch _output"], Float[Tensor, " batch"]]
)
"""Values (or maps); values and the logits of outlines; embeddings and values; or these and logits to be real."""
Frozen: TypeAlias = Literal["none", "trunk", "head"]


class Task(nn.Module):
    """Clips in, float32 values (or maps of logits, where the network is dense) out; in training also both.

    The head stays in float32 under ``bf16-mixed``: bfloat16 has 8 bits, which between 32 and 64 % is a step of 0.25 %
    of ejection fraction.

    Args:
        network: what is trained.
        mean: added to the network's outputs.
        scale: multiplies them before; ``fold`` moves both into the network.
        mixed: compute the trunk in bfloat16.
        channels_last: lay out weights and clips by position.
        outlines: give the network's outlines beside its values, in training mode.
        contrast: give the embeddings, and the values as the head makes them of features that have no gradient, in
            training mode.
        frozen: ``trunk`` or ``head``, which has no gradient and is in evaluation mode whatever the other is in.
        adversarial: give embeddings, values and the logits of each clip to be real, in training mode.
    """

    def __init__(
        self,
        network: Network,
        *,
        outlines: bool = False,
        mean: float = 0.0,
        scale: float = 1.0,
        mixed: bool = False,
        channels_last: bool = True,
        frozen: Frozen = "none",
        contrast: bool = False,
        adversarial: bool = False,
    ) -> None:
        super().__init__()
        self.mean, self.scale = mean, scale
        self.mixed, self.outlines, self.frozen = mixed, outlines, frozen
        self.contrast, self.adversarial = contrast, adversarial
        self.layout = torch.channels_last_3d if channels_last else torch.contiguous_format
        self.network = network
        if channels_last:
            lay_out(network)
        if frozen != "none":
            freeze(network, frozen)

    def forward(self, *streams: Float[Tensor, "batch channel _time _height _width"]) -> Outputs:
        """Outputs of each clip; with them, in training, what else the loss wants."""
        if self.outlines and self.training:
            assert isinstance(self.network, OutliningNetwork)
            with self._precision(streams):
                features, logits = self.network.forward_maps(*self._laid_out(streams))
            return self._values(features), logits.float()
        seen = self._look(streams)
        if self.contrast and self.training:
            return self._embedding(seen), self._values(seen.detach())
        if self.adversarial and self.training:
            assert isinstance(self.network, Discriminator)
            return self._embedding(seen), self._values(seen), self.network.forward_real(seen.float())
        return self._values(seen)

    def fold(self) -> None:
        """Let the network itself predict what this task predicts."""
        self.network.scale_output(self.scale, self.mean)
        self.mean, self.scale = 0.0, 1.0

    @torch.no_grad()
    def embed(self, *streams: Float[Tensor, "batch channel _time _height _width"]) -> Float[Tensor, "batch feature"]:
        """The embedding of each clip, by which it is compared with the training data."""
        return self._embedding(self.network.forward_features(*self._laid_out(streams)))

    def pick(self, batch: Batch) -> tuple[Tensor, ...]:
        """The streams of a batch that the network takes, in its order."""
        return tuple(batch.inputs[name] for name in self.network.streams)

    def _look(self, streams: Sequence[Tensor]) -> Float[Tensor, "batch feature t h w"]:
        if self.frozen == "trunk" and self.training:
            return self._look_still(streams)
        with self._precision(streams):
            return self.network.forward_features(*self._laid_out(streams))

    @torch.no_grad()
    def _look_still(self, streams: Sequence[Tensor]) -> Float[Tensor, "batch feature t h w"]:
        """A frozen trunk's map. Which modules the head alone uses, only the calls of trunk and head tell apart."""
        self.network.eval()
        with self._precision(streams):
            features = self.network.forward_features(*self._laid_out(streams))
        self.network.train()
        return features

    def _embedding(self, features: Tensor) -> Float[Tensor, "batch feature"]:
        return self.network.forward_head(features.float(), pre_logits=True)

    def _values(self, features: Tensor) -> Float[Tensor, "batch output *positions"]:
        still = self.frozen == "head" and self.training
        if still:
            self.network.eval()
        values = self.network.forward_head(features.float()) * self.scale + self.mean
        if still:
            self.network.train()
        return values

    def _precision(self, streams: Sequence[Tensor]) -> torch.autocast:
        return torch.autocast(streams[0].device.type, dtype=torch.bfloat16, enabled=self.mixed)

    def _laid_out(self, streams: Sequence[Tensor]) -> tuple[Tensor, ...]:
        return tuple(stream.contiguous(memory_format=self.layout) for stream in streams)


def seed_step(seed: int, epoch: int, step: int, part: int = 0) -> None:
    """Fix all of torch's random numbers (dropout) of one step, so that a run can go on from any step.

    Processes that share a batch draw other numbers for each ``part`` of it.
    """
    key = hashlib.sha256(f"{seed}/{epoch}/{step}{f'/{part}' if part else ''}".encode()).digest()
    torch.manual_seed(int.from_bytes(key[:8], "little", signed=True))
