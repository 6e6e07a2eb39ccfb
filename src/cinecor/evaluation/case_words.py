"""What a row of a table is called: a study, or the loop or frame that a training took for one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_CASES = {"loop": "loop", "frame": "frame", "masked": "frame"}


@dataclass(frozen=True, kw_only=True)
class CaseWords:
    """Words for what the tables call studies and clips.

    Attributes:
        case: study, loop or frame.
        part: clip; frame where a clip is one.
    """

    case: str = "study"
    part: str = "clip"

    def count(self, number: int) -> str:
        """``1 study``, ``30 loops``."""
        return count(number, self.case)

    def level(self, name: str, most: int) -> str:
        """What a row of a level is.

        Args:
            name: clips, studies or patients.
            most: clips that a row of it is the mean of, where it is of most.
        """
        if name == "clips":
            return f"each {self.part}"
        if name == "patients":
            return f"each patient, the mean over their {plural(self.part)}"
        if self.case == self.part:
            return f"each {self.case}"
        return f"each {self.case}, " + (f"the mean over its {plural(self.part)}" if most > 1 else f"one {self.part}")

    def rows(self, name: str, number: int) -> str:
        """So many rows of a level."""
        return count(number, {"clips": self.part, "studies": self.case}.get(name, "patient"))


STUDIES = CaseWords()


def words_of(manifest: Mapping[str, Any]) -> CaseWords:
    """The words for a run, from what its manifest says of its cases and clips."""
    still = dict(manifest.get("clip", {})).get("length") == 1
    case = case_word(str(dict(manifest.get("extra", {})).get("case")))
    return CaseWords(case=case, part="frame" if still else "clip")


def case_word(case: str) -> str:
    """Of what a recipe calls its case."""
    return _CASES.get(case, "study")


def plural(word: str) -> str:
    """Of a word that is counted."""
    return f"{word[:-1]}ies" if word.endswith("study") else f"{word}s"


def count(number: int, word: str) -> str:
    """``1 frame``, ``3 frames``, ``2 studies``."""
    return f"{number} {word if number == 1 else plural(word)}"
