"""Lists that fit the terminal."""

import pytest

from cinecor.cli.listing import columns, option_entry, terminal

ROWS = [("a", "one"), ("a_name_of_23_characters", "two words that go on\nand a second line"), ("b", "")]


@pytest.mark.parametrize("width", [None, 200, 60, 45])
def test_columns_stay_columns(width):
    lines = columns(ROWS, width).splitlines()
    starts = {line.index(text) for line, text in zip(lines, ("one", "two"), strict=False)}
    assert starts == {len("a_name_of_23_characters") + 2}
    assert {line[: len("a_name_of_23_characters") + 1].strip() for line in lines} == {"", *(name for name, _ in ROWS)}
    assert max(map(len, lines)) <= (width or 200)
    said = " ".join(" ".join(lines).split())
    assert said == "a one a_name_of_23_characters two words that go on and a second line b"


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "null"), (True, "true"), ([1.5, 2], "[1.5, 2]"), ("", '""'), ("step", "step")]
)
def test_an_option_is_shown_as_it_is_typed(value, shown):
    assert option_entry("a.b", value, "int | None", "What it is.", 80) == (
        f"--a.b {shown}  (int | null)\n      What it is."
    )


def test_long_texts_go_on_under_themselves():
    kinds, text = " | ".join(f"kind{place}" for place in range(12)), "word " * 40
    lines = option_entry("a.b", "kind0", kinds, text, 60).splitlines()
    assert max(map(len, lines)) <= 60
    assert " ".join(" ".join(lines).split()) == f"--a.b kind0 ({kinds}) {text.strip()}"
    assert all(line.startswith("      ") for line in lines[1:])


def test_the_width_is_that_of_the_terminal_where_there_is_one(monkeypatch):
    monkeypatch.setenv("COLUMNS", "71")
    assert terminal() == 71
    monkeypatch.delenv("COLUMNS")
    monkeypatch.setattr("sys.stdout.isatty", lambda: False, raising=False)
    assert terminal() is None
