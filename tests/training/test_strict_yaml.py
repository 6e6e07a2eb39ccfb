"""YAML without its traps."""

import math

import pytest
import yaml

from cinecor.errors import ConfigError
from cinecor.training.strict_yaml import dump_yaml, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("-.5", -0.5),
        ("3.", 3.0),
        ("-7", -7),
        ("0", 0),
        ("0.5", 0.5),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("-.inf", -math.inf),
        ("3+4", "3+4"),
        ("1x1x1", "1x1x1"),
        ("[1, 2.5]", [1, 2.5]),
        ("{a: {b: c}}", {"a": {"b": "c"}}),
    ],
)
def test_scalars_follow_yaml_1_2(text, value):
    parsed = parse_yaml(text, "here")
    assert parsed == value
    assert type(parsed) is type(value)


def test_nan_is_read_as_such():
    assert math.isnan(parse_yaml(".nan", "here"))


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a: 1\nb: 2\na: 3", "'a' is there twice in line 3"),
        ("x:\n  a: 1\n  a: 2", "twice in line 3"),
        ("a: 010", "010 could be several numbers"),
        ("a: 0x1F", "several numbers"),
        ("a: 0b1", "several numbers"),
        ("a: [1", "line 1"),
        ("a: &x 1\nb: *x", "an alias (*) is not allowed in line 2"),
        ("? [1, 2]\n: 3", "a key is a single word"),
        ("a: !!python/object/apply:os.system [ls]", "line 1"),
        ("a: !!binary aGk=", "line 1"),
        ("a: \x00", "characters that are not text"),
        ("[" * 5000, "cannot be made sense of"),
        ("!!int abc", "cannot be made sense of"),
        ("a: b: c", "line 1"),
        ("a: 1\n---\nb: 2", "line"),
    ],
)
def test_traps_are_refused_with_their_line(text, part):
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "r.yaml")
    assert caught.value.code == "PARSE"
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {"a": "010", "b": "1e-4", "c": "no", "d": "true", "e": "~", "f": "", "g": "1:30"},
        {"x": [1, 2.0, 1e-7, 1e300, -0.5], "y": {"z": None, "t": True}},
        {"text": "colon: and # hash\nand a line", "é": "ü"},
    ],
)
def test_what_is_written_is_read_back(values):
    assert parse_yaml(dump_yaml(values), "here") == values


def test_shared_lists_are_written_out():
    shared = [1.0, 2.0]
    assert parse_yaml(dump_yaml({"a": shared, "b": shared}), "here") == {"a": shared, "b": shared}


def test_other_readers_agree_on_what_is_written():
    values = {"lr": 1e-3, "name": "adam", "scale": [0.5, 1.5], "none": None}
    assert yaml.safe_load(dump_yaml(values)) == values


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"- 1\n- 2", "no mapping"),
        (b"", "no mapping"),
        (b"a: 1\n" * 2**18, "more than"),
    ],
)
def test_files_that_are_no_recipe(tmp_path, content, part):
    (tmp_path / "r.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match="PARSE") as caught:
        read_yaml(tmp_path / "r.yaml")
    assert part in str(caught.value)


def test_a_missing_file(tmp_path):
    with pytest.raises(ConfigError, match=r"PARSE: r\.yaml: it cannot be read"):
        read_yaml(tmp_path / "r.yaml")
