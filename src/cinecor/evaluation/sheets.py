"""A table as it is printed, the same in Markdown and HTML."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

_NOTHING = ("", "–")


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """Words and numbers, set already."""

    title: str
    headings: tuple[str, ...]
    left: tuple[int, ...]
    """Columns of words; the others hold numbers and stand to the right."""
    rows: list[tuple[str, ...]]
    note: str = ""


def without_empty(sheet: Sheet, keep: Collection[int] = ()) -> Sheet:
    """The sheet without columns in which no row has a value, but those whose places are to be kept."""
    shown = [
        place
        for place in range(len(sheet.headings))
        if place in keep or any(row[place] not in _NOTHING for row in sheet.rows)
    ]
    return replace(
        sheet,
        headings=tuple(sheet.headings[place] for place in shown),
        left=tuple(new for new, place in enumerate(shown) if place in sheet.left),
        rows=[tuple(row[place] for place in shown) for row in sheet.rows],
    )


def as_markdown(sheet: Sheet) -> Iterator[str]:
    """The sheet's lines, its title among them, an empty one last."""
    rule = ["---" if place in sheet.left else "--:" for place in range(len(sheet.headings))]
    head, *body = [f"| {' | '.join(escape(cell) for cell in row)} |" for row in (sheet.headings, *sheet.rows)]
    yield from (f"## {escape(sheet.title)}", "", *([escape(sheet.note), ""] if sheet.note else []))
    yield from (head, f"|{'|'.join(rule)}|", *body, "")


def escape(text: str) -> str:
    """One line of Markdown that ends no cell and opens no tag; underscores stay, for terminals show it too."""
    return re.sub(r"([\\|`*])", r"\\\1", " ".join(text.split())).replace("<", "&lt;")
