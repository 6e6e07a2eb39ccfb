"""From a study to clips: sector, preparation, cache, sampling, variation, batches.

Names are imported when they are first used: only ``ClipDataset`` and ``collate`` need torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cinecor.clips.cache import Cache
    from cinecor.clips.cutting import cut
    from cinecor.clips.dataset import ClipDataset, collate
    from cinecor.clips.preparation import prepare
    from cinecor.clips.sampling import Sampling
    from cinecor.clips.sector import find_sector
    from cinecor.clips.transforms import AUGMENTATIONS, Augmentation

__all__ = [
    "AUGMENTATIONS",
    "Augmentation",
    "Cache",
    "ClipDataset",
    "Sampling",
    "collate",
    "cut",
    "find_sector",
    "prepare",
]

_HOME = {
    "AUGMENTATIONS": "transforms",
    "Augmentation": "transforms",
    "Cache": "cache",
    "ClipDataset": "dataset",
    "Sampling": "sampling",
    "collate": "dataset",
    "cut": "cutting",
    "find_sector": "sector",
    "prepare": "preparation",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cinecor.clips' has no attribute {name!r}")
    return getattr(import_module(f"cinecor.clips.{_HOME[name]}"), name)
