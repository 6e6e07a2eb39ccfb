"""A running mean of a network's weights, by which it is validated and tested, while it learns with its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_LATE = 10  # steps: the mean is of few weights at first, or it would long be that of the random ones it began with


class Average:
    """The mean of a network's parameters and floating-point buffers over the steps of a training.

    Each step keeps ``keep`` of the mean, but no more than (1 + steps) / (10 + steps). Whole numbers, of which there is
    no mean, are the newest.

    Args:
        network: whose weights they are.
        keep: from 0, which is the network as it is, to below 1.
    """

    def __init__(self, network: nn.Module, keep: float) -> None:
        self._network, self._keep = network, keep
        self._own: dict[str, Tensor] | None = None
        self.tensors = _copy(network) if keep > 0 else {}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights in as they are after this step, counted from 0."""
        if not self.tensors:
            return
        keep = min(self._keep, (1 + step) / (_LATE + step))
        state = self._network.state_dict()
        for name, mean in self.tensors.items():
            if mean.is_floating_point():
                mean.lerp_(state[name], 1 - keep)
            else:
                mean.copy_(state[name])

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Go on from an earlier mean."""
        for name, mean in self.tensors.items():
            mean.copy_(tensors[name])

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The network with the mean's weights, while this lasts."""
        if not self.tensors:
            yield
            return
        self._own = own = _copy(self._network)
        self._network.load_state_dict(self.tensors)
        try:
            yield
        finally:
            self._network.load_state_dict(own)
            self._own = None

    def learned(self) -> dict[str, Tensor]:
        """The weights with which the network learns, also while the mean's are in their place."""
        return self._network.state_dict() if self._own is None else self._own


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}
