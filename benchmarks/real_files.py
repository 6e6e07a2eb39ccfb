"""Read every file below a folder to its last pixel, and say what was read, what was refused and why.

python benchmarks/real_files.py FOLDER
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from cinecor import io
from cinecor.errors import CinecorError
from cinecor.io.kinds import kind_of
from cinecor.io.loading import reader


def read(path: Path) -> tuple[str, str]:
    """Kind and outcome of one file."""
    try:
        kind = kind_of(path)
        cines = reader(kind).slice_cines(path)[:1] if kind == "nifti" else (io.describe(path),)
        for cine in cines:
            io.load(cine)
    except CinecorError as error:
        return "refused", f"{error.code}: {error.what}"
    return kind, "read"


def main() -> None:
    """Print a table of outcomes, and every refusal that is not of a text file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    outcomes: Counter[tuple[str, str, str]] = Counter()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        kind, outcome = read(path)
        outcomes[path.suffix or "(none)", kind, outcome] += 1
    for (suffix, kind, outcome), count in sorted(outcomes.items()):
        print(f"{count:>5}  {suffix:<8} {kind:<8} {outcome}")


if __name__ == "__main__":
    main()
