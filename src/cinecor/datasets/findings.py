"""What is in a data folder, and everything that is wrong with it at once; patients shared by splits come first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any, Literal, TypeAlias

from cinecor.errors import CinecorError, DatasetError, InputError, LimitError
from cinecor.records import SPLITS, Study

SHOWN = 10  # problems of one code that the text lists; the JSON holds all

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is wrong. An error stops ``read``; a warning does not, but whoever trains should know it."""

    severity: Literal["error", "warning"] = "error"
    code: str
    what: str
    where: str = ""
    cure: str = ""

    @classmethod
    def of(cls, error: CinecorError, where: str = "") -> Problem:
        """The problem that an exception reports."""
        return cls(code=error.code, what=error.what, where=where or error.where, cure=error.cure)

    def as_error(self) -> CinecorError:
        """The exception that reports this problem."""
        families: tuple[type[CinecorError], ...] = (DatasetError, InputError, LimitError)
        family = next(family for family in families if self.code in family.codes)
        return family(self.code, self.what, self.cure, where=self.where)


@dataclass(frozen=True, kw_only=True)
class Findings:
    """A folder's contents as a table, a row for each split and one for all, and its problems."""

    layout: str
    table: tuple[Mapping[str, Cell], ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    @property
    def errors(self) -> int:
        """How many problems would stop ``read`` or spoil what is trained."""
        return sum(problem.severity == "error" for problem in self.problems)

    @property
    def exit_code(self) -> int:
        """0 where there is no error, else that of DatasetError."""
        return DatasetError.exit_code if self.errors else 0

    def as_dict(self) -> dict[str, Any]:
        """All of it, JSON-ready."""
        return {
            "layout": self.layout,
            "table": [dict(row) for row in self.table],
            "errors": self.errors,
            "warnings": len(self.problems) - self.errors,
            "problems": [asdict(problem) for problem in self.problems],
            "notes": list(self.notes),
        }

    def as_text(self) -> str:
        """The table, the notes and the problems for a reader, at most ten problems of a kind."""
        counts = f"{self.errors} errors, {len(self.problems) - self.errors} warnings"
        parts = ["\n".join(_aligned(self.table)), *self.notes, counts if self.problems else "no problems found"]
        by_kind: dict[tuple[str, str], list[Problem]] = defaultdict(list)
        for problem in self.problems:
            by_kind[problem.severity, problem.code].append(problem)
        for (severity, code), problems in by_kind.items():
            lines = [f"{severity} {code} ({len(problems)})", *map(_line, problems[:SHOWN])]
            if len(problems) > SHOWN:
                lines.append(f"  … and {len(problems) - SHOWN} more")
            parts.append("\n".join(lines))
        return "\n\n".join(part for part in parts if part)


def find(layout: str, studies: Sequence[Study], problems: Iterable[Problem], notes: Sequence[str] = ()) -> Findings:
    """Put findings together: the table, and the problems with leakage first, then errors, then warnings."""
    ranked = sorted(problems, key=lambda problem: (problem.code != "LEAKAGE", problem.severity != "error"))
    return Findings(layout=layout, table=tabulate(studies), problems=tuple(ranked), notes=tuple(notes))


def raise_first(problems: Iterable[Problem]) -> None:
    """Raise the first error among the problems, saying how many there are.

    Raises:
        DatasetError, InputError, LimitError: the first error.
    """
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        first = errors[0].as_error()
        if len(errors) > 1:
            more = f"{len(errors) - 1} more such problems: check the folder to see all"
            cure = f"{first.cure} ({more})" if first.cure else more
            raise type(first)(first.code, first.what, cure, where=first.where)
        raise first


def find_leaks(studies: Iterable[Study]) -> list[Problem]:
    """Patients whose studies are in more than one split: what is measured on them is not on unseen hearts.

    The same for folds, which take turns at being the test split. The patients are not named; they are counted.
    """
    splits: dict[str, set[str]] = defaultdict(set)
    folds: dict[str, set[float | str]] = defaultdict(set)
    for study in studies:
        if study.split is not None:
            splits[study.patient_id].add(study.split)
        if "fold" in study.labels:
            folds[study.patient_id].add(study.labels["fold"])
    kinds: dict[tuple[str, ...], int] = defaultdict(int)
    for found in splits.values():
        kinds[tuple(split for split in SPLITS if split in found)] += len(found) > 1
    kinds["several", "folds"] = sum(len(found) > 1 for found in folds.values())
    return [
        Problem(
            code="LEAKAGE",
            what=f"{count} patient{'s have' if count > 1 else ' has'} studies in "
            + ("several folds" if names[-1] == "folds" else " and ".join(names)),
            cure="keep all studies of a patient in one split",
        )
        for names, count in kinds.items()
        if count
    ]


def tabulate(studies: Sequence[Study]) -> tuple[dict[str, Cell], ...]:
    """A row for each split that occurs (``-`` for studies without one), and a last row for all."""
    rows = []
    for split in (*SPLITS, None):
        chosen = [study for study in studies if study.split == split]
        if chosen:
            rows.append(_row(split or "-", chosen))
    return (*rows, _row("all", studies))


def _row(name: str, studies: Sequence[Study]) -> dict[str, Cell]:
    cines = [cine for study in studies for cine in study.cines]
    frames = [cine.frames for cine in cines if cine.frames is not None]
    ef = [float(study.labels["ef"]) for study in studies if "ef" in study.labels]
    return {
        "split": name,
        "studies": len(studies),
        "patients": len({study.patient_id for study in studies}),
        "loops": len(cines),
        "outlined": sum(bool(cine.contours or cine.masks or cine.outlines) for cine in cines),
        "frames": sum(frames),
        "frames_least": min(frames, default=None),
        "frames_most": max(frames, default=None),
        "ef_mean": round(fmean(ef), 2) if ef else None,
        "ef_sd": round(stdev(ef), 2) if len(ef) > 1 else None,
    }


def _aligned(table: Sequence[Mapping[str, Cell]]) -> list[str]:
    """The table's lines with columns of equal width."""
    names = list(table[0])
    lines = [names, *[["" if row[name] is None else str(row[name]) for name in names] for row in table]]
    widths = [max(len(line[place]) for line in lines) for place in range(len(names))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]


def _line(problem: Problem) -> str:
    place = f"{problem.where}: " if problem.where else ""
    cure = f"; {problem.cure}" if problem.cure else ""
    return f"  {place}{problem.what}{cure}"
