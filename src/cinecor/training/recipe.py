"""Recipes: one YAML file is one training. Reading, checking, changing and explaining them imports no torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from cinecor.errors import ConfigError
from cinecor.models import model_options
from cinecor.training.recipe_checks import check_recipe, nearest
from cinecor.training.recipe_fields import MaskPart, Recipe
from cinecor.training.semi_fields import SemiPart
from cinecor.training.strict_yaml import dump_yaml, parse_yaml, read_yaml

_APART = {"summary", "published", "licence", "workers", "device", "data_path"}  # decide on no weight
_LATER = {
    "semi": SemiPart(),
    "mask": MaskPart(),
    "optimiser.head_decay": None,
    "second.factor": 1.0,
    "clip.neighbours": 0,
    "clip.resize": "smooth",
    "clip.mask": "",
    "split.keep_test_apart": False,
    "split.like": None,
    "augmentation.swap": 0.0,
    "model.options.head_norm": False,
}
"""Fields that recipes did not have at first, with what they did without them. They count in a fingerprint where they
say something else, so that runs of earlier versions are still the runs of their recipes."""
_MAX_EXTENDS = 10  # a longer chain is a circle
_CODES = {"extra_forbidden": "UNKNOWN_KEY", "missing": "CONFLICT"}
FAILURE_NAME = "failure.txt"
"""In the folder of a run of a sweep that failed: why, with the traceback where it was no fault of the user's. The next
attempt may use the folder all the same."""

_RANGE_ERRORS = ("greater_than", "less_than", "literal_error", "finite_number", "too_short", "too_long")


def list_recipes() -> list[str]:
    """Names of the recipes that ship with cinecor, sorted; ``000/mini_b2`` is one of a benchmark.

    Files whose names begin with an underscore are what others extend.
    """
    home = _home()
    paths = sorted(path.relative_to(home) for path in home.rglob("*.yaml") if not path.name.startswith("_"))
    return sorted((path.with_suffix("").as_posix() for path in paths), key=lambda name: ("/" in name, name))


def load_recipe(name: str | Path) -> Recipe:
    """A recipe by its name (of :func:`list_recipes`) or from a YAML file.

    Raises:
        ConfigError: UNKNOWN_KEY for a name, file or field that does not exist; PARSE, WRONG_TYPE, OUT_OF_RANGE,
            CONFLICT.
    """
    return make_recipe(_read(name, None, 0))


def make_recipe(values: Mapping[str, Any]) -> Recipe:
    """A recipe from plain values, checked.

    Raises:
        ConfigError: UNKNOWN_KEY (with the nearest names), WRONG_TYPE, OUT_OF_RANGE, CONFLICT.
    """
    try:
        recipe = Recipe.model_validate(dict(values))
    except ValidationError as error:
        raise _explain(error) from error
    check_recipe(recipe)
    return recipe


def apply_overrides(recipe: Recipe, words: Sequence[str]) -> Recipe:
    """The recipe with single fields changed: ``["--optimiser.lr", "3e-4", "--batch_size=8"]``. Values are YAML.

    Another ``model.name`` starts with that network's own options, another ``augmentation.preset`` with its ranges,
    other ``start.weights`` or ``mask.weights`` without the hash of those before.

    Raises:
        ConfigError: as :func:`make_recipe`; PARSE for words that are not ``--name value``.
    """
    values = recipe.model_dump(exclude_unset=True)
    pairs = split_words(words)
    names = [name for name, _ in pairs]
    if "model.name" in names:
        values["model"] = {}
    if "augmentation.preset" in names:
        values["augmentation"] = {}
    for part in ("start", "mask"):
        if f"{part}.weights" in names:
            values.get(part, {}).pop("sha256", None)
    for name, text in pairs:
        _set(values, name.split("."), parse_yaml(text, f"--{name}"), name)
    return make_recipe(values)


def split_words(words: Sequence[str]) -> list[tuple[str, str]]:
    """``["--optimiser.lr", "3e-4", "--batch_size=8"]`` as names and texts.

    Raises:
        ConfigError: PARSE for words that are not ``--name value``.
    """
    pairs, rest = [], list(words)
    while rest:
        word = rest.pop(0)
        found = re.fullmatch(r"--([\w.]+|[\w.*?]+:[\w.]+)(?:=(.*))?", word, flags=re.DOTALL)
        if found is None:
            raise ConfigError("PARSE", f"{word!r} is not an option", "write --name value", where="options")
        name, text = found.group(1), found.group(2)
        if text is None:
            if not rest or re.match(r"--[a-zA-Z]", rest[0]):
                raise ConfigError("PARSE", "it has no value", "write --name value", where=f"--{name}")
            text = rest.pop(0)
        pairs.append((name, text))
    return pairs


def resolve(recipe: Recipe) -> Recipe:
    """The recipe with every default written out, those of the network and the augmentation too.

    Raises:
        ConfigError: CONFLICT where network and clip contradict each other.
    """
    values = recipe.model_dump()
    values["model"]["options"] = network_options(recipe)
    ranges = recipe.augmentation_ranges
    values["augmentation"] |= {name: getattr(ranges, name) for name in ranges.__dataclass_fields__}
    return make_recipe(_as_json(values))


def network_options(recipe: Recipe) -> dict[str, Any]:
    """All options of the network; input channels and size are those of the clip.

    Raises:
        ConfigError: CONFLICT where the recipe gives others.
    """
    spec = recipe.clip_spec
    follows = {"in_channels": spec.planes, "input_size": (spec.length, spec.height, spec.width)}
    options = {option.name: option.default for option in model_options(recipe.model.name)}
    for name in set(follows) & set(options):
        given = recipe.model.options.get(name, follows[name])
        if _as_json(given) != _as_json(follows[name]):
            what = f"the network is told {given}, the clips have {follows[name]}"
            raise ConfigError("CONFLICT", what, "leave it out", where=f"model.options.{name}")
        options[name] = follows[name]
    chosen = {name: value for name, value in recipe.model.options.items() if name not in follows}
    return {**options, **chosen}


def dump_recipe(recipe: Recipe) -> str:
    """The resolved recipe as YAML; :func:`load_recipe` reads it back to an equal one."""
    return dump_yaml(_as_json(resolve(recipe).model_dump()))


def fingerprint(recipe: Recipe) -> str:
    """A hash of all that decides on the trained weights; machine matters and prose are left out.

    Weights to start from, and those of a mask, count by their hash once it is known, wherever they lie. Of a
    run whose splits are taken over it counts that there is one; the data's fingerprint says who is in which split.
    """
    values = resolve(recipe).model_dump(exclude=_APART)
    for part in ("start", "mask"):
        if values[part]["sha256"]:
            del values[part]["weights"]
    if values["split"]["like"] is not None:
        values["split"]["like"] = "a run"
    for name in _LATER:
        _drop_later(values, name)
    return hashlib.sha256(json.dumps(_as_json(values), sort_keys=True).encode()).hexdigest()


def _drop_later(values: dict[str, Any], name: str) -> None:
    *path, last = name.split(".")
    for key in path:
        values = values[key]
    usual = _LATER[name]
    if last in values and values[last] == (usual.model_dump() if isinstance(usual, BaseModel) else usual):
        del values[last]


def describe_options(recipe: Recipe) -> list[dict[str, Any]]:
    """Every option of ``cinecor train`` as plain data: name, value in this recipe, default, type, help."""
    plain = make_recipe(
        {
            "model": {"name": recipe.model.name},
            "task": recipe.task,
            "loss": {"name": recipe.loss.name},
            "classes": recipe.classes,
            "monitor": recipe.monitor,
        }
    )
    values, defaults = _flat(resolve(recipe)), _flat(resolve(plain))
    helps = {**_absent_parts(Recipe), **_helps(Recipe)}
    for option in model_options(recipe.model.name):
        helps[f"model.options.{option.name}"] = (option.help, option.type)
    return [
        {"name": name, "value": value, "default": defaults.get(name), "type": helps[name][1], "help": helps[name][0]}
        for name, value in values.items()
    ]


def _read(name: str | Path, beside: Path | None, depth: int) -> dict[str, Any]:
    if depth > _MAX_EXTENDS:
        raise ConfigError("CONFLICT", "recipes extend each other in a circle", where=str(name))
    path = _find(str(name), beside)
    values = read_yaml(path)
    base = values.pop("extends", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ConfigError("WRONG_TYPE", "extends is the name of a recipe", where=path.name)
    return _merge(_read(base, path.parent, depth + 1), values)


def _home() -> Path:
    return Path(str(resources.files("cinecor.training") / "recipes"))


def _find(name: str, beside: Path | None) -> Path:
    if name in list_recipes():
        return _home() / f"{name}.yaml"
    path = Path(name) if beside is None else beside / name
    if path.is_file():
        return path
    cure = nearest(name, list_recipes()) + " Or give a YAML file."
    raise ConfigError("UNKNOWN_KEY", f"there is no recipe {path.name!r}", cure.replace("? Or", "? or"), where="recipe")


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(result.get(key), Mapping)
        result[key] = _merge(result[key], value) if both else value
    return result


def _set(values: dict[str, Any], path: list[str], value: Any, name: str) -> None:
    for key in path[:-1]:
        inner = values.get(key) or {}
        if not isinstance(inner, dict):
            raise ConfigError("UNKNOWN_KEY", f"{key} has no parts", where=name)
        values[key] = inner = dict(inner)
        values = inner
    values[path[-1]] = value


def _explain(error: ValidationError) -> ConfigError:
    """The first complaint in one line."""
    first = error.errors()[0]
    path = [str(key) for key in first["loc"]]
    where, kind = ".".join(path), first["type"]
    if kind == "extra_forbidden":
        known = [name.rpartition(".")[2] for name in _helps(Recipe) if name.split(".")[:-1] == path[:-1]]
        known += [name for name, field in Recipe.model_fields.items() if len(path) == 1 and name not in known]
        return ConfigError("UNKNOWN_KEY", "a recipe has no such field", nearest(path[-1], known), where=where)
    code = _CODES.get(kind) or ("OUT_OF_RANGE" if kind.startswith(_RANGE_ERRORS) else "WRONG_TYPE")
    text = first["msg"][0].lower() + first["msg"][1:]
    return ConfigError(code, f"{str(first['input'])[:80]!r}: {text}", where=where)


def _helps(part: type[BaseModel], prefix: str = "") -> dict[str, tuple[str, str]]:
    """Help text and type of every leaf by its dotted name."""
    found: dict[str, tuple[str, str]] = {}
    for name, field in part.model_fields.items():
        inner = _part_of(field.annotation)
        if inner is not None:
            found |= _helps(inner, f"{prefix}{name}.")
        else:
            text = " ".join((field.description or "").split())
            found[prefix + name] = (text, _type_text(field.annotation))
    return found


def _absent_parts(recipe: type[BaseModel]) -> dict[str, tuple[str, str]]:
    """Help text and type of the parts that a recipe need not have."""
    parts = {name: _part_of(field.annotation) for name, field in recipe.model_fields.items() if field.default is None}
    texts = {name: (part.__doc__ or "").splitlines()[0] for name, part in parts.items() if part is not None}
    return {name: (text, "fields of their own | None") for name, text in texts.items()}


def _part_of(annotation: Any) -> type[BaseModel] | None:
    options = [annotation, *getattr(annotation, "__args__", ())]
    return next((each for each in options if isinstance(each, type) and issubclass(each, BaseModel)), None)


def _type_text(annotation: Any) -> str:
    plain = isinstance(annotation, type) and not hasattr(annotation, "__args__")
    text = annotation.__name__ if plain else str(annotation).replace("typing.", "")
    return re.sub(r"Literal\[(.*?)\]", lambda found: found.group(1).replace("'", "").replace(", ", " | "), text)


def _flat(recipe: Recipe) -> dict[str, Any]:
    found: dict[str, Any] = {}
    whole = set(_helps(Recipe)) - {"model.options"}  # a field may be a mapping; the options have names of their own

    def walk(values: Mapping[str, Any], prefix: str) -> None:
        for key, value in values.items():
            if isinstance(value, Mapping) and prefix + key not in whole:
                walk(value, f"{prefix}{key}.")
            else:
                found[prefix + key] = value

    walk(_as_json(recipe.model_dump()), "")
    return found


def _as_json(values: Any) -> Any:
    """The same with lists for tuples, as JSON and YAML have it."""
    return json.loads(json.dumps(values))
