"""What the views of an echo study are called, in folders, in ``Cine.view`` and as classes."""

from __future__ import annotations

from difflib import get_close_matches

from cinecor.errors import DatasetError

VIEWS = (
    *("PLAX", "RV-inflow", "PSAX-AV", "PSAX"),  # parasternal: long axis, RV inflow, base, mid or mitral level
    *("A2C", "A3C", "A4C", "A5C"),  # apical
    *("SC-4C", "SC-IVC", "SC-Ao"),  # subcostal: four-chamber, inferior vena cava, abdominal aorta
    "SSN",  # suprasternal: aortic arch
    *("PW", "CW", "M-mode"),  # pulsed-wave and continuous-wave Doppler, M-mode
)
"""The fifteen views of paper 004."""


def find_view(name: str) -> str | None:
    """The view of that name, in any letter case; None where it is none."""
    return {view.lower(): view for view in VIEWS}.get(name.strip().lower())


def view_named(name: str, where: str = "") -> str:
    """The view of that name, in any letter case.

    Raises:
        DatasetError: BAD_LABEL, with the nearest one, for a name that is none.
    """
    found = find_view(name)
    if found is None:
        plain = {_plain(view): view for view in VIEWS}
        near = plain[get_close_matches(_plain(name), plain, n=1, cutoff=0.0)[0]]
        cure = f"did you mean {near}? Views are {', '.join(VIEWS)}"
        raise DatasetError("BAD_LABEL", f"{name[:40]!r} is no view", cure, where=where)
    return found


def _plain(name: str) -> str:
    return "".join(mark for mark in name.lower() if mark.isalnum())
