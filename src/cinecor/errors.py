"""Every failure that cinecor reports, as one tree.

CinecorError
├── ConfigError        2   UNKNOWN_KEY WRONG_TYPE OUT_OF_RANGE CONFLICT PARSE MISSING_EXTRA
├── InputError         3   NOT_RECOGNISED EMPTY TRUNCATED CORRUPT UNSUPPORTED INCONSISTENT NO_PIXELS NO_TIMING
│                          WRONG_MODALITY NOT_REGULAR_FILE
├── LimitError         4   BYTES PIXELS FRAMES RATIO NESTING TIME FILES CONCURRENCY
├── DatasetError       5   MISSING_COLUMN DUPLICATE_ID BAD_LABEL BAD_SPLIT LEAKAGE MISSING_FILE UNSAFE_PATH ENCODING
├── CheckpointError    6   MISSING_FILE UNSAFE CORRUPT MISMATCH NONFINITE TOO_NEW
├── StorageError       7   NO_SPACE READ_ONLY PERMISSION LOCKED
└── ResourceError      8   OOM NO_DEVICE NO_COMPILER OFFLINE

The number is the exit code of the command line. Some of a batch failed: 9. Interrupted: 130 or 143. A bug of ours: 70.
"""

from __future__ import annotations

from typing import ClassVar

SOME_FAILED = 9
INTERRUPTED = 130
TERMINATED = 143
OUR_BUG = 70


class CinecorError(Exception):
    """Something a user can act on: a stable code, what is wrong, and what to do.

    Args:
        code: one of the family's ``codes``; scripts may rely on it.
        what: what is wrong, in one line without a full stop.
        cure: what to do about it, in one line; empty where nothing can be done.
        where: the file, column or option it is about; empty where there is none. Never a patient's name or id.
    """

    exit_code: ClassVar[int]
    http_status: ClassVar[int]
    codes: ClassVar[frozenset[str]]

    def __init__(self, code: str, what: str, cure: str = "", *, where: str = "") -> None:
        if code not in self.codes:
            raise ValueError(f"{type(self).__name__} has no code {code!r}; it has {sorted(self.codes)}")
        self.code, self.what, self.cure, self.where = code, what, cure, where
        super().__init__(code, what, cure, where)

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.code, self.what, self.cure, self.where)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        cure = f"; {self.cure}" if self.cure else ""
        return f"{self.code}: {place}{self.what}{cure}"

    def as_dict(self) -> dict[str, str]:
        """The failure as JSON-ready text: code, message, where, cure."""
        return {"code": self.code, "message": self.what, "where": self.where, "cure": self.cure}


def _rebuild(family: type[CinecorError], code: str, what: str, cure: str, where: str) -> CinecorError:
    return family(code, what, cure, where=where)


class ConfigError(CinecorError):
    """A recipe, an option or an installation that cannot be used as it is."""

    exit_code, http_status = 2, 422
    codes = frozenset({"UNKNOWN_KEY", "WRONG_TYPE", "OUT_OF_RANGE", "CONFLICT", "PARSE", "MISSING_EXTRA"})


class InputError(CinecorError):
    """One file whose content cannot be read or measured."""

    exit_code, http_status = 3, 422
    codes = frozenset(
        {
            "NOT_RECOGNISED",
            "EMPTY",
            "TRUNCATED",
            "CORRUPT",
            "UNSUPPORTED",
            "INCONSISTENT",
            "NO_PIXELS",
            "NO_TIMING",
            "WRONG_MODALITY",
            "NOT_REGULAR_FILE",
        }
    )


class LimitError(CinecorError):
    """Input that asks for more than the limits allow; found before anything is allocated."""

    exit_code, http_status = 4, 413
    codes = frozenset({"BYTES", "PIXELS", "FRAMES", "RATIO", "NESTING", "TIME", "FILES", "CONCURRENCY"})


class DatasetError(CinecorError):
    """A folder that is not what its layout promises."""

    exit_code, http_status = 5, 422
    codes = frozenset(
        {
            "MISSING_COLUMN",
            "DUPLICATE_ID",
            "BAD_LABEL",
            "BAD_SPLIT",
            "LEAKAGE",
            "MISSING_FILE",
            "UNSAFE_PATH",
            "ENCODING",
        }
    )


class CheckpointError(CinecorError):
    """Weights that are not there, unsafe to load, damaged, or of another model."""

    exit_code, http_status = 6, 500
    codes = frozenset({"MISSING_FILE", "UNSAFE", "CORRUPT", "MISMATCH", "NONFINITE", "TOO_NEW"})


class StorageError(CinecorError):
    """A result that could not be written; what was there before is untouched."""

    exit_code, http_status = 7, 507
    codes = frozenset({"NO_SPACE", "READ_ONLY", "PERMISSION", "LOCKED"})


class ResourceError(CinecorError):
    """The machine lacks what was asked for."""

    exit_code, http_status = 8, 503
    codes = frozenset({"OOM", "NO_DEVICE", "NO_COMPILER", "OFFLINE"})
