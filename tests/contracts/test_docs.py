"""Documentation runs: commands exist with the options that are shown, Python blocks work, every verb is described."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer

from cinecor.cli.__main__ import app
from cinecor.errors import CinecorError

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
COMMAND = typer.main.get_command(app)
VERBS = COMMAND.commands  # type: ignore[attr-defined]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)


def shown_commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in [*blocks(page, ""), *blocks(page, "bash")]:
            lines = [line.split("#")[0].strip() for line in block.replace("\\\n", " ").splitlines()]
            found += [(str(page.relative_to(ROOT)), line) for line in lines if line.startswith("cinecor ")]
    return found


def options_of(verb: str) -> set[str]:
    return {name for parameter in VERBS[verb].params for name in parameter.opts if name.startswith("--")} | {"--help"}


@pytest.mark.parametrize(("page", "line"), shown_commands())
def test_shown_commands_exist(page: str, line: str) -> None:
    words = shlex.split(line)[1:]
    verb = next(word for word in words if not word.startswith("-"))
    assert verb in VERBS, f"{page}: {line}"
    options = {word.split("=")[0] for word in words if word.startswith("--")} - {"--debug", "--version"}
    if verb not in ("train", "benchmark"):
        assert options <= options_of(verb), f"{page}: {line}"


@pytest.mark.parametrize(
    ("page", "line"), [shown for shown in shown_commands() if shown[1].startswith("cinecor train ")]
)
def test_shown_trainings_have_the_options_that_are_shown(page: str, line: str) -> None:
    from cinecor.training.recipe import apply_overrides, list_recipes, load_recipe

    name, *rest = shlex.split(line)[2:]
    if name not in list_recipes():
        return
    known = options_of("train")
    pairs = list(zip(rest[::2], rest[1::2], strict=False)) if len(rest) % 2 == 0 else []
    words = [word for pair in pairs if pair[0] not in known for word in pair]
    assert apply_overrides(load_recipe(name), words)


@pytest.mark.parametrize(
    ("page", "line"), [shown for shown in shown_commands() if shown[1].startswith("cinecor benchmark 004 ")]
)
def test_shown_benchmarks_of_views_have_rows_that_take_the_options_that_are_shown(page: str, line: str) -> None:
    from cinecor.training.benchmarks import list_rows, plan, select_rows

    asked = VERBS["benchmark"].make_context("benchmark", shlex.split(line)[2:]).params
    rows = select_rows(asked["name"], asked["table"] or [], asked["only"] or [])
    changes = asked["changes"] or []
    assert plan(rows, asked["seeds"], changes, Path("out"), known=list_rows(asked["name"]))


def test_shown_recipes_are_recipes(tmp_path: Path) -> None:
    from cinecor.training.recipe import load_recipe

    texts = [text for page in PAGES for text in blocks(page, "yaml")]
    assert texts
    for place, text in enumerate(texts):
        path = tmp_path / f"{place}.yaml"
        path.write_text(text)
        assert load_recipe(path)


def test_every_verb_and_option_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")
    missing = [verb for verb in VERBS if f"## cinecor {verb}" not in text]
    missing += [f"{verb} {option}" for verb in VERBS for option in options_of(verb) if f"`{option}" not in text]
    assert not missing


def test_every_recipe_is_in_the_reference() -> None:
    from cinecor.training.recipe import list_recipes

    text = (ROOT / "docs" / "reference" / "recipes.md").read_text("utf-8")
    assert [name for name in list_recipes() if f"`{name}`" not in text] == []


def test_every_error_code_is_in_the_reference() -> None:
    text = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    missing = [code for family in CinecorError.__subclasses__() for code in family.codes if code not in text]
    assert not missing


def test_relative_links_lead_somewhere() -> None:
    broken = []
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text("utf-8")):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert not broken


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file that the pages call loop.dcm."""
    from cinecor import datasets
    from cinecor.phantom import population

    folder = tmp_path_factory.mktemp("docs")
    heart = next(iter(population("dicom_folder", studies=1, seed=3, max_frames=80)))
    datasets.get("dicom_folder").write([heart], folder / "study")
    return next((folder / "study").rglob("*.dcm"))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_python_blocks_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    shown = blocks(page, "python")
    if any("loop.dcm" in block for block in shown):
        shutil.copy(request.getfixturevalue("loop"), tmp_path / "loop.dcm")
    monkeypatch.chdir(tmp_path)
    for block in shown:
        exec(compile(block, str(page), "exec"), {"__name__": "__docs__"})
