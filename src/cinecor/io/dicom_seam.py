"""The one place where pydicom's failures, warnings and log lines become ours."""

from __future__ import annotations

import logging
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from cinecor.errors import CinecorError, ConfigError, InputError, LimitError

_inside: ContextVar[bool] = ContextVar("inside", default=False)
_lock = threading.Lock()
_quiet: list[warnings.catch_warnings[None]] = []
_readers = 0


def library() -> Any:
    """pydicom, imported when the first DICOM file needs it.

    Raises:
        ConfigError: MISSING_EXTRA.
    """
    try:
        import pydicom
        import pydicom.encaps
        import pydicom.pixels
        import pydicom.uid
        import pylibjpeg  # noqa: F401
    except ImportError as error:
        cure = "pip install 'cinecor[dicom]'"
        raise ConfigError("MISSING_EXTRA", "DICOM needs pydicom and pylibjpeg", cure) from error
    logging.getLogger("pydicom").setLevel(logging.ERROR)
    for name in ("pydicom", "pydicom.pixels.decoders.base"):
        logger = logging.getLogger(name)
        if _silence not in logger.filters:
            logger.addFilter(_silence)
    return pydicom


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever pydicom raises about ``path`` into a typed failure, and keep its remarks out of logs.

    A damaged file makes pydicom raise nearly any built-in exception, even a bare ``StopIteration``. Its words quote
    values of the file, a patient's among them, so that only the kind of the failure is told.

    Raises:
        InputError: NOT_RECOGNISED, TRUNCATED, UNSUPPORTED, CORRUPT.
        LimitError: NESTING, BYTES.
    """
    token = _inside.set(True)
    try:
        with _no_warnings():
            yield
    except CinecorError:
        raise
    except Exception as error:
        raise _typed(error, path.name) from error
    finally:
        _inside.reset(token)


def _typed(error: Exception, name: str) -> CinecorError:
    again = "copy the file again from its source"
    kind = type(error).__name__
    if isinstance(error, RecursionError):
        return LimitError("NESTING", "sequences lie too deep inside each other", again, where=name)
    if isinstance(error, MemoryError):
        return LimitError("BYTES", "the file asks for more memory than there is", again, where=name)
    if isinstance(error, StopIteration | EOFError):
        return InputError("TRUNCATED", "the pixel data end too early", again, where=name)
    if kind == "InvalidDicomError":
        return InputError("NOT_RECOGNISED", "not a DICOM file", "give a DICOM file", where=name)
    if isinstance(error, NotImplementedError):
        return InputError("UNSUPPORTED", "an encoding that pydicom does not decode", "convert it", where=name)
    if isinstance(error, zlib.error):
        return InputError("CORRUPT", "the deflated data are damaged", again, where=name)
    return InputError("CORRUPT", f"the file breaks the rules of DICOM ({kind})", again, where=name)


def _silence(record: logging.LogRecord) -> bool:
    """Keep what pydicom logs while cinecor reads: it quotes values of the file."""
    del record
    return not _inside.get()


@contextmanager
def _no_warnings() -> Iterator[None]:
    """Ignore warnings while any thread reads; ``catch_warnings`` alone would leave threads each other's filters."""
    global _readers
    with _lock:
        if _readers == 0:
            _quiet.append(warnings.catch_warnings())
            _quiet[0].__enter__()
            warnings.simplefilter("ignore")
        _readers += 1
    try:
        yield
    finally:
        with _lock:
            _readers -= 1
            if _readers == 0:
                _quiet.pop().__exit__(None, None, None)
