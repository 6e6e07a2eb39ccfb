"""Help pages that a newcomer can read."""

import pytest
import typer

from cinecor.cli import __main__ as cli

COMMAND = typer.main.get_command(cli.app)
PAGES = [[], *([verb] for verb in COMMAND.commands)]


@pytest.mark.parametrize("words", PAGES, ids=str)
def test_flags_are_shown_without_a_type(words, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "110")
    assert cli._run([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    assert "--help" in shown
    assert "<bool>" not in shown


def test_every_option_says_what_it_is():
    silent = [
        f"{verb} {parameter.name}"
        for verb, command in COMMAND.commands.items()
        for parameter in command.params
        if len((parameter.help or "").split()) < 2
    ]
    assert silent == []
