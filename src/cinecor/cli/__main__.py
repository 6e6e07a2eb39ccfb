"""`cinecor`: the verbs, and the one place where a failure becomes a line and an exit code."""

from __future__ import annotations

import signal
import sys
from typing import Annotated, Any, NoReturn

import typer

from cinecor.cli import (
    analyse,
    benchmark,
    check,
    demo,
    env,
    evaluate,
    explain,
    failure,
    import_,
    models,
    phantom,
    recipes,
    train,
)
from cinecor.cli.flags import Verb, Verbs
from cinecor.errors import INTERRUPTED, TERMINATED, CinecorError
from cinecor.version import __version__

# typer ships its own click and exports only the leaves of its usage errors.
_UsageFault: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

_GO_ON = ("train", "benchmark")
"""Verbs that take up again what they were interrupted in."""

app = typer.Typer(
    name="cinecor",
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Read cardiac cine images (echo loops, cine MRI) and measure the heart.\n\n"
    "Research software, not a medical device: **not for clinical use**.",
    epilog="Start with `cinecor demo`, or `cinecor analyse loop.dcm --html report`.",
)
for verb in (analyse.analyse, phantom.phantom, check.check, evaluate.evaluate, models.models, recipes.recipes):
    app.command(cls=Verb)(verb)
app.command(cls=Verb)(explain.explain)
app.command(cls=Verb, context_settings={"ignore_unknown_options": True})(train.train)
app.command(cls=Verb, context_settings={"ignore_unknown_options": True})(benchmark.benchmark)
app.command("import", cls=Verb)(import_.import_)
app.command(cls=Verb)(env.env)
app.command(cls=Verb)(demo.demo)


def _print_version(wanted: bool | None) -> None:
    if wanted:
        typer.echo(f"cinecor {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and stop."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the code a failure came from.")] = False,
) -> None:
    """Options of every verb; `debug` is read by ``main`` from the command line itself."""


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run one command and leave with its exit code (see :mod:`cinecor.errors`)."""
    words = sys.argv[1:] if arguments is None else arguments
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(_run(words))


def _run(words: list[str]) -> int:
    debug = "--debug" in words
    try:
        answer = app(args=[word for word in words if word != "--debug"], prog_name="cinecor", standalone_mode=False)
    except CinecorError as error:
        return failure.report(error, as_json="--json" in words, debug=debug)
    except (KeyboardInterrupt, typer.Abort):
        goes_on = next((word for word in words if not word.startswith("-")), "") in _GO_ON
        typer.echo("interrupted; the same command goes on from here" if goes_on else "interrupted", err=True)
        return INTERRUPTED
    except _UsageFault as fault:
        fault.show()
        return int(fault.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has left; Python would complain once more at exit
        return 0
    except Exception as error:
        return failure.report_unforeseen(error, as_json="--json" in words, debug=debug)
    return answer if isinstance(answer, int) else 0


def _terminated(_number: int, _frame: object) -> NoReturn:
    sys.exit(TERMINATED)


if __name__ == "__main__":
    main()
