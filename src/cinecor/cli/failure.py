"""How a failure looks on the command line: one line, or the same as JSON."""

from __future__ import annotations

import errno
import json
import traceback

import typer

from cinecor.errors import OUR_BUG, SOME_FAILED, CinecorError, ConfigError, ResourceError

_SHOWN = 60  # characters of a name


def report(error: CinecorError, *, as_json: bool = False, debug: bool = False) -> int:
    """Print one failure to standard error; its exit code is returned."""
    if debug:
        traceback.print_exception(error)
    line = json.dumps({"error": error.as_dict()}, ensure_ascii=False) if as_json else f"error: {error}"
    typer.echo(line, err=True)
    return error.exit_code


def report_unforeseen(error: Exception, *, as_json: bool = False, debug: bool = False) -> int:
    """Print a failure that no one foresaw: memory that ran out, a name too long for any file, or a bug of ours."""
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        what = f"{str(error.filename or 'a name')[:_SHOWN]}… is longer than the name of a file can be"
        return report(ConfigError("OUT_OF_RANGE", what, "check the paths"), as_json=as_json, debug=debug)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        cure = "use a smaller --batch-size, fewer workers or a smaller clip"
        return report(ResourceError("OOM", "memory ran out", cure), as_json=as_json, debug=debug)
    if debug:
        traceback.print_exception(error)
    what = f"{type(error).__name__}: {error}"
    cure = "this is a bug of cinecor; run again with --debug and report what it prints"
    line = json.dumps({"error": {"code": "BUG", "message": what, "where": "", "cure": cure}})
    typer.echo(line if as_json else f"error: BUG: {what}; {cure}", err=True)
    return OUR_BUG


def exit_code(errors: list[CinecorError], inputs: int) -> int:
    """0 where nothing failed, the failure's own code where it was the only input, else "some failed"."""
    if not errors:
        return 0
    return errors[0].exit_code if inputs == 1 else SOME_FAILED
