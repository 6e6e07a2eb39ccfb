"""Names from a table that become paths: only plain ones may, so that no row reaches outside its folder."""

from __future__ import annotations

from cinecor.errors import DatasetError

_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(1, 10))}
LONGEST_NAME = 200  # characters; file systems allow 255 bytes, and suffixes follow


def plain_name(text: str, where: str = "") -> str:
    """The name itself, if it is a plain file name on every system.

    Raises:
        DatasetError: UNSAFE_PATH for an empty or very long name, a path, a reserved or a hidden name, or one with a
            character that file systems forbid.
    """
    stem = text.partition(".")[0].lower()
    bad = not text or len(text) > LONGEST_NAME or text.startswith(".") or text != text.strip() or text.endswith(".")
    if bad or stem in _DEVICES or any(mark in '<>:"/\\|?*' or ord(mark) < 32 or ord(mark) == 127 for mark in text):
        what = f"{text[:40]!r} is not a plain file name"
        raise DatasetError("UNSAFE_PATH", what, "use letters, digits, - and _", where=where)
    return text
