"""Mappings that nobody changes, as fields of the nouns."""

from __future__ import annotations

import copyreg
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


def empty() -> Mapping[Any, Any]:
    """Nothing, by any name."""
    return read_only({})


def read_only(content: dict[Any, Any]) -> Mapping[Any, Any]:
    """A view that cannot be written to."""
    return MappingProxyType(content)


def _reduce(view: MappingProxyType[Any, Any]) -> tuple[Any, ...]:
    return read_only, (dict(view),)


# Studies go to other processes (decoding, loading, bulk analysis); Python does not pickle read-only mappings by itself.
copyreg.pickle(MappingProxyType, _reduce)
