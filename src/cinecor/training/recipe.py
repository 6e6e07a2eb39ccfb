"""Recipes: one YAML file is one training. Reading, checking, changing and explaining them imports no torch."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from cinecor.clips.transforms import AUGMENTATIONS, beyond_offsets
from cinecor.errors import ConfigError
from cinecor.models import list_models, model_entry, model_options
from cinecor.records import LV, STRUCTURES
from cinecor.training.recipe_fields import Recipe
from cinecor.training.strict_yaml import dump_yaml, parse_yaml, read_yaml

_SHIPPED = "recipes"
_APART = {"summary", "published", "licence", "workers", "device", "data_path"}  # decide on no weight
_MAX_EXTENDS = 10  # a longer chain is a circle
_CODES = {"extra_forbidden": "UNKNOWN_KEY", "missing": "CONFLICT"}
_LOSSES = {
    "regression": ("mse", "l1", "huber", "coreecho"),
    "classification": ("bce",),
    "classes": ("cross_entropy",),
    "segmentation": ("dice", "bce_sum"),
}
_MONITORS = {
    "regression": ("rmse", "mae", "loss"),
    "classification": ("loss", "auroc"),
    "classes": ("loss", "accuracy", "macro_f1"),
    "segmentation": ("loss", "dice"),
}
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
    _check(recipe)
    return recipe


def apply_overrides(recipe: Recipe, words: Sequence[str]) -> Recipe:
    """The recipe with single fields changed: ``["--optimiser.lr", "3e-4", "--batch_size=8"]``. Values are YAML.

    Another ``model.name`` starts with that network's own options, another ``augmentation.preset`` with its ranges,
    other ``start.weights`` without the hash of those before.

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
    if "start.weights" in names:
        values.get("start", {}).pop("sha256", None)
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
    follows = {"in_channels": spec.channels, "input_size": (spec.length, spec.height, spec.width)}
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

    Weights to start from count by their hash once it is known, wherever they lie.
    """
    values = resolve(recipe).model_dump(exclude=_APART)
    if recipe.start.sha256:
        del values["start"]["weights"]
    return hashlib.sha256(json.dumps(_as_json(values), sort_keys=True).encode()).hexdigest()


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
    helps = _helps(Recipe)
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
    return Path(str(resources.files("cinecor.training") / _SHIPPED))


def _find(name: str, beside: Path | None) -> Path:
    if name in list_recipes():
        return _home() / f"{name}.yaml"
    path = Path(name) if beside is None else beside / name
    if path.is_file():
        return path
    cure = _nearest(name, list_recipes()) + " Or give a YAML file."
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


def _check(recipe: Recipe) -> None:
    known = [option.name for option in model_options(recipe.model.name)]
    for key in recipe.model.options:
        if key not in known:
            what = f"{key!r} is not an option of model {recipe.model.name}"
            raise ConfigError("UNKNOWN_KEY", what, _nearest(key, known), where="model.options")
    preset = recipe.augmentation.preset
    if preset not in AUGMENTATIONS:
        cure = _nearest(preset, list(AUGMENTATIONS))
        raise ConfigError("OUT_OF_RANGE", f"{preset!r} is no preset", cure, where="augmentation.preset")
    _within("clip", lambda: recipe.clip_spec)
    _within("augmentation", lambda: recipe.augmentation_ranges)
    _check_task(recipe)
    _check_structures(recipe)
    _check_classes(recipe)
    _check_start(recipe)
    _check_sampling(recipe)
    _check_data_path(recipe)
    if recipe.loss.outline > 0 and not model_entry(recipe.model.name).outlines:
        what = f"{recipe.model.name} has no head for outlines"
        raise ConfigError("CONFLICT", what, "choose model i3d_outline, or loss.outline 0", where="loss.outline")
    if recipe.clip_spec.time != "frames" and (recipe.task == "segmentation" or recipe.loss.outline > 0):
        what = "frames between recorded ones have no outlines"
        raise ConfigError("CONFLICT", what, "choose clip.time frames", where="clip.time")
    if recipe.schedule.warmup_epochs >= recipe.epochs:
        raise ConfigError("CONFLICT", "the warm-up is as long as the training", where="schedule.warmup_epochs")
    if recipe.split.validation + recipe.split.test >= 1:
        raise ConfigError("CONFLICT", "validation and test leave no patients to train on", where="split")
    if recipe.split.by == "kfold" and recipe.split.fold >= recipe.split.folds:
        what = f"there is no fold {recipe.split.fold} of {recipe.split.folds}"
        raise ConfigError("OUT_OF_RANGE", what, "folds count from 0", where="split.fold")


def _check_task(recipe: Recipe) -> None:
    """A dense network, outlines, their loss and ejection fraction go together; so do yes or no and its loss."""
    outlines, plain = recipe.task == "segmentation", recipe.task == "regression"
    unfit = {
        "model.name": (model_entry(recipe.model.name).dense != outlines, recipe.model.name),
        "loss.name": (recipe.loss.name not in _LOSSES[recipe.kind], recipe.loss.name),
        "monitor": (recipe.monitor not in _MONITORS[recipe.kind], recipe.monitor),
        "target": (outlines and recipe.target != "ef", recipe.target),
        "standardise": (not plain and recipe.standardise, recipe.standardise),
        "structures": (not outlines and recipe.structures != (LV,), ", ".join(recipe.structures)),
    }
    dense = " or ".join(name for name in list_models() if model_entry(name).dense)
    wanted = (
        f"task segmentation goes with a dense model ({dense}), loss.name dice or bce_sum, monitor loss or dice, target"
        " ef; task"
        " classification with loss.name bce, monitor loss or auroc, or loss.name cross_entropy, monitor loss, accuracy or"
        " macro_f1"
    )
    for where, (wrong, value) in unfit.items():
        if wrong:
            raise ConfigError("CONFLICT", f"{value!r} does not go with task {recipe.task}", wanted, where=where)


def _check_structures(recipe: Recipe) -> None:
    """Each once, in the order of their labels, the left ventricle among them."""
    ordered = tuple(name for name in STRUCTURES if name in recipe.structures)
    if recipe.structures != ordered or LV not in ordered:
        what = f"{', '.join(recipe.structures) or 'nothing'} is not what a segmentation learns"
        raise ConfigError("CONFLICT", what, f"give {LV}, or {', '.join(STRUCTURES)}, in this order", where="structures")


def _check_classes(recipe: Recipe) -> None:
    """Many classes, their names and cases that are parts of a study go together."""
    many = recipe.kind == "classes"
    unfit = {
        "classes": bool(recipe.classes) and not many,
        "case": recipe.case != "study" and not many,
        "loss.class_weights": recipe.loss.class_weights != "none" and not many,
    }
    for where, wrong in unfit.items():
        if wrong:
            cure = "choose task classification and loss.name cross_entropy, or leave it out"
            raise ConfigError("CONFLICT", "only where one of many classes is learned", cure, where=where)
    if len(set(recipe.classes)) < len(recipe.classes) or len(recipe.classes) == 1:
        raise ConfigError("OUT_OF_RANGE", "classes are two different names or more", where="classes")
    if recipe.split.by == "slice" and recipe.case == "study":
        what = "slices are split, but a case is a whole study"
        raise ConfigError("CONFLICT", what, "choose case frame or loop, or split.by patient", where="split.by")


def _check_start(recipe: Recipe) -> None:
    start = recipe.start
    if start.weights is not None and recipe.model.options.get("pretrained"):
        what = "the network would start from two sets of weights"
        raise ConfigError("CONFLICT", what, "give model.options.pretrained false, or no start", where="start.weights")
    if start.freeze == "trunk" and recipe.loss.outline > 0:
        what = "outlines are learned by the trunk, which is frozen"
        raise ConfigError("CONFLICT", what, "choose loss.outline 0, or freeze none", where="start.freeze")


def _check_sampling(recipe: Recipe) -> None:
    part, second = recipe.sampling, recipe.second
    if max(part.views, second.views if second.epochs else 1) > 1 and part.train != "random":
        what = f"several views of a loop are random clips, not {part.train!r}"
        raise ConfigError("CONFLICT", what, "choose sampling.train random, or views 1", where="sampling.views")
    if recipe.loss.name == "coreecho" and recipe.loss.outline > 0:
        raise ConfigError("CONFLICT", "coreecho learns no outlines", "give loss.outline 0", where="loss.outline")
    if (part.test == "listed") != (part.test_starts is not None):
        what = "listed test clips and their table go together"
        raise ConfigError("CONFLICT", what, "give sampling.test listed and a table", where="sampling.test_starts")
    if second.epochs and (recipe.task != "regression" or recipe.loss.outline > 0):
        raise ConfigError("CONFLICT", "a second stage learns values alone", "give second.epochs 0", where="second")


def _check_data_path(recipe: Recipe) -> None:
    """What is asked to be made on the device can be made there."""
    if recipe.data_path != "resident":
        return
    others = [f"augmentation.{name}" for name in beyond_offsets(recipe.augmentation_ranges)]
    others += ["task segmentation"] if recipe.task == "segmentation" else []
    others += ["loss.outline"] if recipe.loss.outline > 0 else []
    if others:
        what = f"{', '.join(others)} cannot be made on the device"
        raise ConfigError("CONFLICT", what, "choose data_path auto or loader", where="data_path")


def _within(part: str, make: Any) -> None:
    try:
        make()
    except ConfigError as error:
        raise ConfigError(error.code, error.what, error.cure, where=f"{part}.{error.where}") from error


def _explain(error: ValidationError) -> ConfigError:
    """The first complaint in one line."""
    first = error.errors()[0]
    path = [str(key) for key in first["loc"]]
    where, kind = ".".join(path), first["type"]
    if kind == "extra_forbidden":
        known = [name.rpartition(".")[2] for name in _helps(Recipe) if name.split(".")[:-1] == path[:-1]]
        known += [name for name, field in Recipe.model_fields.items() if len(path) == 1 and name not in known]
        return ConfigError("UNKNOWN_KEY", "a recipe has no such field", _nearest(path[-1], known), where=where)
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

    walk(_as_json(recipe.model_dump(exclude_none=True)), "")
    return found


def _nearest(name: str, known: Sequence[str]) -> str:
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"choose of {', '.join(sorted(known))}"


def _as_json(values: Any) -> Any:
    """The same with lists for tuples, as JSON and YAML have it."""
    return json.loads(json.dumps(values))
