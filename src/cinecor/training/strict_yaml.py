"""YAML without its traps: no silent last of two equal keys, ``1e-4`` is a number, ``010`` is refused.

Scalars follow the core schema of YAML 1.2 (so that ``no`` and ``on`` are words and ``1:30`` is not 90), which PyYAML,
written for 1.1, does not do by itself.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from cinecor.errors import ConfigError

MAX_BYTES = 2**20  # a recipe has two kilobytes

_CORE = {
    "tag:yaml.org,2002:null": r"~|null|Null|NULL|",
    "tag:yaml.org,2002:bool": r"true|True|TRUE|false|False|FALSE",
    "tag:yaml.org,2002:int": r"[-+]?(0|[1-9][0-9]*)",
    "tag:yaml.org,2002:float": r"[-+]?((0|[1-9][0-9]*)?\.[0-9]+|(0|[1-9][0-9]*)\.?)([eE][-+]?[0-9]+)?"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    "!ambiguous": r"[-+]?0[0-9_]+|[-+]?0[box][0-9a-fA-F_]+",
}


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that holds a mapping.

    Raises:
        ConfigError: PARSE, with the line where it can be told.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError("PARSE", f"it has more than {MAX_BYTES} bytes", where=path.name)
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("PARSE", "it is not UTF-8 text", "save it as UTF-8", where=path.name) from error
    except OSError as error:
        raise ConfigError("PARSE", f"it cannot be read ({error.strerror})", where=path.name) from error
    values = parse_yaml(text, path.name)
    if not isinstance(values, dict):
        raise ConfigError("PARSE", "it holds no mapping", "write `key: value` lines", where=path.name)
    return values


def parse_yaml(text: str, where: str) -> Any:
    """The value that ``text`` spells.

    Raises:
        ConfigError: PARSE, with the line.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = "" if error.problem_mark is None else f" in line {error.problem_mark.line + 1}"
        raise ConfigError("PARSE", f"{error.problem or error.context}{line}", where=where) from error
    except yaml.YAMLError as error:
        raise ConfigError("PARSE", "it holds characters that are not text", where=where) from error
    except (RecursionError, ValueError) as error:
        raise ConfigError("PARSE", "it cannot be made sense of", where=where) from error


def dump_yaml(values: Any) -> str:
    """Text that :func:`parse_yaml` reads back to the same values, in the order given."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=120)


class _Loader(yaml.SafeLoader):
    """The strict reading."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  as its base has it

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="an alias (*) is not allowed", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.MarkedYAMLError(problem="a key is a single word", problem_mark=key.start_mark)
            if key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"the key {key.value!r} is there twice", problem_mark=key.start_mark)
            seen.add(key.value)
        values: dict[Any, Any] = super().construct_mapping(node, deep=deep)
        if not all(isinstance(key, str) for key in values):
            raise yaml.MarkedYAMLError(problem="a key is not a word", problem_mark=node.start_mark)
        return values


class _Dumper(yaml.SafeDumper):
    """The strict writing: the same words are quoted that the strict reading would take for something else."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012  as its base has it

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _refuse_ambiguous(_loader: _Loader, node: yaml.ScalarNode) -> None:
    problem = f"{node.value} could be several numbers"
    raise yaml.MarkedYAMLError(
        problem=f"{problem}; write it without leading zeros, or in quotes", problem_mark=node.start_mark
    )


def _read_float(_loader: _Loader, node: yaml.ScalarNode) -> float:
    return float(node.value.replace(".inf", "inf").replace(".nan", "nan").lower())


def _write_float(dumper: _Dumper, value: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", repr(value))


_PLAIN = {f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")} | {None}
_Loader.yaml_constructors = {tag: make for tag, make in yaml.SafeLoader.yaml_constructors.items() if tag in _PLAIN}
for _tag, _pattern in _CORE.items():
    for _schema in (_Loader, _Dumper):
        _schema.add_implicit_resolver(_tag, re.compile(f"^(?:{_pattern})$"), None)
_Loader.add_constructor("!ambiguous", _refuse_ambiguous)
_Loader.add_constructor("tag:yaml.org,2002:float", _read_float)
_Dumper.add_representer(float, _write_float)
