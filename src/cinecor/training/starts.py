"""First frames of test clips from a table, such as CoReEcho publishes three of for each test video."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from cinecor.errors import ConfigError

_WHERE = "sampling.test_starts"
_FORM = "give a CSV table of study,start,start,start under a row of names"


def read_starts(path: Path) -> dict[str, tuple[int, ...]]:
    """First frames by study.

    Raises:
        ConfigError: UNKNOWN_KEY for a file that is not there; WRONG_TYPE for one that is no such table, pickles
            (which can run anything) among them; CONFLICT for a study that is listed twice.
    """
    if path.suffix != ".csv":
        what = f"{path.name} is no CSV table; pickles are never read, because they can run anything"
        raise ConfigError("WRONG_TYPE", what, _FORM, where=_WHERE)
    try:
        rows = list(csv.reader(io.StringIO(path.read_text("utf-8"), newline=""), strict=True))[1:]
    except OSError as error:
        raise ConfigError("UNKNOWN_KEY", f"{path.name} cannot be read ({error.strerror})", where=_WHERE) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ConfigError("WRONG_TYPE", f"{path.name} is no CSV table", _FORM, where=_WHERE) from error
    starts: dict[str, tuple[int, ...]] = {}
    for line, row in enumerate(rows, start=2):
        if len(row) < 2 or not all(cell.strip().isdecimal() for cell in row[1:]):
            raise ConfigError("WRONG_TYPE", f"line {line} of {path.name} is no study with frames", _FORM, where=_WHERE)
        if row[0] in starts:
            raise ConfigError("CONFLICT", f"line {line} of {path.name} lists a study again", where=_WHERE)
        starts[row[0]] = tuple(int(cell) for cell in row[1:])
    return starts
