"""A pydantic model with the fields of a dataclass, so that each field is defined and explained in one place."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import textwrap
from collections.abc import Container
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model


class Part(BaseModel):
    """A part of a recipe: unknown keys are refused, values are fixed, the text under a field is its help."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


def mirror(source: type[Any], *, optional: bool = False, without: Container[str] = ()) -> type[Part]:
    """A recipe part with the fields, defaults and texts of the dataclass ``source``.

    Args:
        source: a dataclass whose fields may have a docstring under them.
        optional: every field may be left out (None) whatever its default.
        without: fields that a recipe does not say itself.
    """
    texts, hints = field_texts(source), get_type_hints(source)
    fields: dict[str, Any] = {}
    for field in (each for each in dataclasses.fields(source) if each.name not in without):
        kind = hints[field.name] | None if optional else hints[field.name]
        default = None if optional else field.default
        fields[field.name] = (kind, Field(default=default, description=texts.get(field.name, _words(field.name))))
    part: type[Part] = create_model(f"{source.__name__}Part", __base__=Part, **fields)
    part.__doc__ = source.__doc__
    return part


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize() + "."


def field_texts(source: type[Any]) -> dict[str, str]:
    """The docstring under each field of a class, in one line."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(source))).body[0]
    assert isinstance(definition, ast.ClassDef)
    texts: dict[str, str] = {}
    for field, text in zip(definition.body, definition.body[1:], strict=False):
        is_text = isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and is_text:
            texts[field.target.id] = " ".join(str(ast.literal_eval(text.value)).replace("``", "`").split())  # type: ignore[attr-defined]
    return texts
