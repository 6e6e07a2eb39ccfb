"""One line and one exit code for every failure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cinecor import __version__
from cinecor.cli import __main__ as cli
from cinecor.cli import failure
from cinecor.errors import CinecorError, ConfigError, InputError, ResourceError


def run(*words: str) -> int:
    return cli._run(list(words))


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def app(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli, "app", app)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"cinecor {__version__}\n"


def test_unknown_verbs_and_options_are_usage_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("analyze", "loop.avi") == 2
    assert "analyse" in capsys.readouterr().err
    assert run("models", "--jsn") == 2
    assert "--json" in capsys.readouterr().err


def test_a_failure_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(InputError("EMPTY", "the file has no bytes", "export it again", where="a.avi"), monkeypatch)
    assert run("analyse", "a.avi") == 3
    assert capsys.readouterr().err == "error: EMPTY: a.avi: the file has no bytes; export it again\n"


def test_a_folder_without_images_is_a_failure(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    assert run("analyse", str(tmp_path), "--csv", str(tmp_path / "tables")) == 3
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith(f"error: EMPTY: {tmp_path.name}: ")
    assert not (tmp_path / "tables").exists()


def test_a_failure_as_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(InputError("EMPTY", "the file has no bytes", where="a.avi"), monkeypatch)
    assert run("analyse", "a.avi", "--json") == 3
    assert json.loads(capsys.readouterr().err)["error"] == {
        "code": "EMPTY",
        "message": "the file has no bytes",
        "where": "a.avi",
        "cure": "",
    }


def test_debug_shows_the_place(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(InputError("EMPTY", "no bytes"), monkeypatch)
    run("--debug", "analyse", "a.avi")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("debug", [(), ("--debug",)])
def test_a_bug_says_that_it_is_one(
    debug: tuple[str, ...], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(ZeroDivisionError("division by zero"), monkeypatch)
    assert run(*debug, "models") == 70
    text = capsys.readouterr().err
    assert "this is a bug of cinecor" in text
    assert ("Traceback" in text) == bool(debug)


def test_memory_that_ran_out_is_no_bug(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with(MemoryError(), monkeypatch)
    assert run("models") == ResourceError.exit_code
    assert "OOM" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["check", "analyse"])
def test_a_name_too_long_for_any_file_is_no_bug(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verb, "a" * 300) == ConfigError.exit_code
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: OUT_OF_RANGE: aaaa")
    assert len(line) < 200


@pytest.mark.parametrize(("verb", "goes_on"), [("models", False), ("train", True)])
def test_an_interruption_is_130(
    verb: str, goes_on: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_with(KeyboardInterrupt(), monkeypatch)
    assert run(verb) == 130
    assert ("the same command goes on" in capsys.readouterr().err) == goes_on


def test_sigterm_is_143() -> None:
    code = (
        "import os, signal, sys; from cinecor.cli import __main__ as cli\n"
        "cli.app = lambda **_: os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.argv = ['cinecor', 'models']; cli.main()"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 143


@pytest.mark.parametrize(
    ("errors", "inputs", "code"),
    [
        ([], 3, 0),
        ([InputError("EMPTY", "x")], 1, 3),
        ([InputError("EMPTY", "x")], 2, 9),
        ([InputError("EMPTY", "x"), InputError("EMPTY", "x")], 2, 9),
    ],
)
def test_exit_code_of_a_batch(errors: list[CinecorError], inputs: int, code: int) -> None:
    assert failure.exit_code(errors, inputs) == code


def test_env_and_models_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("env", "--json") == 0
    assert json.loads(capsys.readouterr().out)["cinecor"] == __version__
    assert run("models", "--json") == 0
    cards = {card["name"]: card for card in json.loads(capsys.readouterr().out)}
    assert {"depth", "conv2", "norm", "head"} <= {option["name"] for option in cards["i3d"]["options"]}
    assert run("models", "i3d") == 0
    assert "depth" in capsys.readouterr().out


def test_recipes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("recipes") == 0
    assert "i3d_mini" in capsys.readouterr().out
    assert run("recipes", "i3d_mini") == 0
    assert "--optimiser.lr" in capsys.readouterr().out
    assert run("recipes", "i3d_mimi") == 2
    assert "i3d_mini" in capsys.readouterr().err


def test_help_imports_no_torch() -> None:
    """One process for all verbs: a module that is imported is told of the first verb that needs it and of the rest."""
    verbs = ["", *cli.typer.main.get_command(cli.app).commands]
    code = (
        "import json, sys; from cinecor.cli import __main__ as cli\n"
        "heavy, found = ('torch', 'pandas', 'lightning', 'pydicom'), {}\n"
        f"for verb in {verbs}:\n"
        "    code = cli._run([word for word in (verb, '--help') if word])\n"
        "    found[verb] = [code, *(name for name in heavy if name in sys.modules)]\n"
        "print(json.dumps(found))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout.splitlines()[-1]) == {verb: [0] for verb in verbs}


def test_no_torch_for_models_recipes_check_and_phantom(tmp_path: Path) -> None:
    commands = [["models"], ["recipes"], ["phantom", "echonet_dynamic", str(tmp_path / "d"), "--studies", "1"]]
    commands.append(["check", str(tmp_path / "d")])
    code = (
        "import sys; from cinecor.cli import __main__ as cli\n"
        f"codes = [cli._run(words) for words in {commands}]\n"
        "print(codes, 'torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines()[-1] == "[0, 0, 0, 0] False"
