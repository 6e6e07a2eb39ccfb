"""Optimisers by name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cinecor.training.recipe_fields import OptimiserPart

_SECOND_BETA = 0.999  # the default of all that have one
_TORCH: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


def make_optimiser(model: nn.Module, part: OptimiserPart, head: Collection[str] = frozenset()) -> torch.optim.Optimizer:
    """The recipe's optimiser on all parameters of ``model`` that are trained.

    Weight decay spares biases and norms (one-dimensional), unless told otherwise.

    Args:
        model: whose parameters are trained.
        part: says how.
        head: names of the parameters that ``head_decay`` is for.
    """
    trained = {name: p for name, p in model.named_parameters() if p.requires_grad}
    apart = [p for name, p in trained.items() if part.head_decay is not None and name in head]
    rest = [p for name, p in trained.items() if part.head_decay is None or name not in head]
    groups: list[dict[str, Any]] = [
        {"params": _decayed(rest, part), "weight_decay": part.weight_decay},
        {"params": _spared(rest, part), "weight_decay": 0.0},
        {"params": _decayed(apart, part), "weight_decay": part.head_decay},
        {"params": _spared(apart, part), "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if part.name in ("sgd", "rmsprop", "madgrad"):
        options: dict[str, Any] = {"momentum": part.momentum}
    else:
        options = {"betas": (part.momentum, _SECOND_BETA)}
    if part.name in _TORCH:
        return _TORCH[part.name](groups, lr=part.lr, **options)
    from timm.optim import create_optimizer_v2  # seven seconds that the common ones need not wait

    made: torch.optim.Optimizer = create_optimizer_v2(groups, opt=part.name, lr=part.lr, **options)
    return made


def _decayed(parameters: Iterable[nn.Parameter], part: OptimiserPart) -> list[nn.Parameter]:
    return [p for p in parameters if p.ndim > 1 or part.decay_all]


def _spared(parameters: Iterable[nn.Parameter], part: OptimiserPart) -> list[nn.Parameter]:
    return [p for p in parameters if not (p.ndim > 1 or part.decay_all)]


def set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    """Give every group of parameters this learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = rate


def cut_gradients(model: nn.Module, limit: float, by: str) -> Float[Tensor, ""] | None:
    """Cut the gradients' norm, or each of their values, to ``limit``; 0 does nothing.

    Returns:
        The norm before, where it is what is cut.
    """
    if limit <= 0:
        return None
    if by == "value":
        nn.utils.clip_grad_value_(model.parameters(), limit)
        return None
    return nn.utils.clip_grad_norm_(model.parameters(), limit)
