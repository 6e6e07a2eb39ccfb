"""What a bug report says of the machine."""

import json
import re
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

from cinecor.cli import __main__ as cli
from cinecor.cli import env

PYPROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text("utf-8"))["project"]


def _names(requirements):
    return {re.split(r"[>=<\[]", line)[0] for line in requirements}


def test_every_package_that_cinecor_names_is_listed():
    assert set(env.PACKAGES[""]) == _names(PYPROJECT["dependencies"])
    extras = {name: _names(lines) for name, lines in PYPROJECT["optional-dependencies"].items() if name != "all"}
    assert set(extras) == set(env.PACKAGES) - {""}
    for extra, names in extras.items():
        assert set(env.PACKAGES[extra]) <= names, extra
    assert set().union(*extras.values()) <= {name for names in env.PACKAGES.values() for name in names}


def test_it_says_what_is_missing_and_what_the_weights_are(capsys, monkeypatch):
    real = env.version

    def version(name):
        if name == "openvino":
            raise PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(env, "version", version)
    assert cli._run(["env", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["openvino"] == "not installed (cinecor[accel])"
    assert facts["numpy"] == real("numpy")
    weights, *views = facts["weights"]
    assert [each["predicts"] for each in views] == ["view", "fov"]
    assert weights["licence"] == "Apache-2.0"
    assert "synthetic hearts" in weights["made_of"]
    assert cli._run(["env"]) == 0
    shown = capsys.readouterr().out
    assert "synthetic hearts" in shown
    assert weights["sha256"] in shown
