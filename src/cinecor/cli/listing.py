"""Lists on the command line: on a terminal lines are broken to fit its width; elsewhere they are left whole."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from collections.abc import Sequence
from typing import Any

_GAP = 2  # blanks between columns
_NARROWEST = 20  # characters: below this a column of text is not worth reading
_INDENT = 6  # blanks before the text under a heading


def columns(rows: Sequence[tuple[str, str]], width: int | None = None) -> str:
    """Names and what is said of each; the names' column is as wide as the longest, text goes on under itself.

    Args:
        rows: name and text; a text may have several lines.
        width: characters of a line; None: the terminal's, or no limit where there is none.
    """
    wide = max((len(name) for name, _ in rows), default=0) + _GAP
    lines: list[str] = []
    for name, text in rows:
        wrapped = [each for line in text.splitlines() or [""] for each in _wrap(line, width or terminal(), wide)]
        lines += [f"{name if place == 0 else '':<{wide}}{line}".rstrip() for place, line in enumerate(wrapped)]
    return "\n".join(lines)


def option_entry(name: str, value: Any, kind: str, text: str, width: int | None = None) -> str:
    """An option as it is typed, with its value and kind, and indented under it what it means.

    Args:
        name: dotted, without dashes.
        value: shown as it is written on the command line and in YAML: null, true, [1, 2]; words as they are.
        kind: what may be given.
        text: what it means.
        width: as in :func:`columns`.
    """
    limit = width or terminal()
    shown = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    first, *rest = _wrap(f"--{name} {shown}  ({kind.replace('None', 'null')})", limit, 2 * _INDENT)
    under = _wrap(text, limit, _INDENT) if text else []
    return "\n".join([first, *(" " * 2 * _INDENT + line for line in rest), *(" " * _INDENT + line for line in under)])


def terminal() -> int | None:
    """Characters of a line of the terminal; None where standard output is none and COLUMNS says nothing."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return None


def _wrap(text: str, width: int | None, taken: int) -> list[str]:
    if width is None:
        return [text]
    return textwrap.wrap(text, max(width - taken, _NARROWEST), break_long_words=False, break_on_hyphens=False) or [""]
