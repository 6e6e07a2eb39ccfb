"""Which networks there are. Names, papers and summaries are data, so that listing them imports no torch."""

from __future__ import annotations

import ast
import fnmatch
import importlib
import importlib.util
import inspect
import re
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from cinecor.errors import ConfigError
from cinecor.models import choices

if TYPE_CHECKING:
    from cinecor.models.contract import Network


@dataclass(frozen=True, kw_only=True)
class ModelEntry:
    """One architecture: what it is called, where it lives and whose idea it is."""

    name: str
    module: str
    """Full name of the module that holds it."""
    cls: str
    """Name of the class in that module."""
    paper: str
    summary: str
    dense: bool = False
    """Whether it gives a map of each structure rather than values."""
    outlines: bool = False
    """Whether it can give such a map beside its values."""
    adversarial: bool = False
    """Whether it tells real clips from generated ones, too."""


@dataclass(frozen=True, kw_only=True)
class ModelOption:
    """One keyword of an architecture's constructor."""

    name: str
    type: str
    default: Any
    help: str


_ENTRIES = {
    entry.name: entry
    for entry in (
        ModelEntry(
            name="i3d",
            module="cinecor.models.i3d",
            cls="I3D",
            paper="Saranyan and Saha, LVEF architecture benchmark; Carreira and Zisserman, CVPR 2017",
            summary="Inflated 3-D Inception: stem only, mini (module 3) or deeper; four conv2, two norms, four heads",
        ),
        ModelEntry(
            name="i3d_outline",
            module="cinecor.models.i3d_outline",
            cls="I3DOutline",
            paper="our reading of the segmentation heads of Saranyan and Saha, LVEF architecture benchmark",
            summary="I3D with a second head that outlines the left ventricle",
            outlines=True,
        ),
        ModelEntry(
            name="two_stream",
            module="cinecor.models.two_stream",
            cls="TwoStream",
            paper="Saranyan and Saha, LVEF architecture benchmark",
            summary="shallow 3-D convolutions on frames and on their differences, joined by their predictions",
        ),
        ModelEntry(
            name="fusion",
            module="cinecor.models.fusion",
            cls="Fusion",
            paper="Saranyan and Saha, LVEF architecture benchmark",
            summary="I3D-mini on frames and on their differences, joined in five ways",
        ),
        ModelEntry(
            name="cnn_rnn",
            module="cinecor.models.cnn_rnn",
            cls="CnnRnn",
            paper="Saranyan and Saha, LVEF architecture benchmark",
            summary="Inception-v3 or a 2-D I3D-mini on every frame, GRU or LSTM over time",
        ),
        ModelEntry(
            name="uniformer_small",
            module="cinecor.models.uniformer",
            cls="UniFormer",
            paper="Li et al., UniFormer, ICLR 2022; Maani et al., CoReEcho, MICCAI 2024; Muhtaseb and Yaqub, EchoCoTr",
            summary="convolutions near by, attention over all of time and space: UniFormer-S, CoReEcho's encoder",
        ),
        ModelEntry(
            name="r2plus1d_18",
            module="cinecor.models.video_resnet",
            cls="R2Plus1D18",
            paper="Tran et al., CVPR 2018; Ouyang et al., Nature 2020 (EchoNet-Dynamic)",
            summary="torchvision's R(2+1)D-18, convolutions split in space and time; EchoNet-Dynamic's EF model",
        ),
        ModelEntry(
            name="r3d_18",
            module="cinecor.models.video_resnet",
            cls="R3D18",
            paper="Tran et al., CVPR 2018; Ouyang et al., Nature 2020 (EchoNet-Dynamic)",
            summary="torchvision's R3D-18, 3-D convolutions throughout",
        ),
        ModelEntry(
            name="mc3_18",
            module="cinecor.models.video_resnet",
            cls="MC318",
            paper="Tran et al., CVPR 2018; Ouyang et al., Nature 2020 (EchoNet-Dynamic)",
            summary="torchvision's MC3-18, 3-D convolutions first and 2-D ones after",
        ),
        ModelEntry(
            name="resnet50v2",
            module="cinecor.models.resnet50v2",
            cls="ResNet50V2",
            paper="He et al., ECCV 2016; Irmawati, Wahyunggoro and Soesanti (paper 003)",
            summary="Keras' ResNet-50 v2, layer for layer, frame by frame: takes Keras' ImageNet weights",
        ),
        ModelEntry(
            name="resnetv2_50",
            module="cinecor.models.timm_images",
            cls="ResNetV2",
            paper="He et al., ECCV 2016; Wightman, timm, 2019",
            summary="timm's ResNet-50 v2 (norms before convolutions), frame by frame; not Keras' network",
        ),
        ModelEntry(
            name="resnet50",
            module="cinecor.models.timm_images",
            cls="ResNet",
            paper="He et al., CVPR 2016; Wightman, timm, 2019",
            summary="timm's ResNet-50, frame by frame",
        ),
        ModelEntry(
            name="vgg16",
            module="cinecor.models.timm_images",
            cls="VGG16",
            paper="Simonyan and Zisserman, ICLR 2015; Wightman, timm, 2019; Madani et al., npj Digital Medicine 2018",
            summary="timm's VGG16 under dense layers with batch norms, frame by frame",
        ),
        ModelEntry(
            name="vgg",
            module="cinecor.models.vgg",
            cls="VGG",
            paper="Madani et al., Deep echocardiography, npj Digital Medicine 2018 (paper 004)",
            summary="paper 004's small VGG with batch norms, frame by frame, for frames of 15x20 to 240x320 pixels",
        ),
        ModelEntry(
            name="gan",
            module="cinecor.models.gan",
            cls="Discriminator",
            paper="Madani et al., Deep echocardiography, npj Digital Medicine 2018 (paper 004); Salimans et al., 2016",
            summary="paper 004's discriminator: classes, and real or generated, frame by frame",
            adversarial=True,
        ),
        ModelEntry(
            name="deeplabv3_resnet50",
            module="cinecor.models.deeplabv3",
            cls="DeepLabV3",
            paper="Chen et al., 2017; Ouyang et al., Nature 2020 (EchoNet-Dynamic)",
            summary="torchvision's DeepLabV3 with a ResNet-50, frame by frame; EchoNet-Dynamic's outlines",
            dense=True,
        ),
        ModelEntry(
            name="unet",
            module="cinecor.models.unet",
            cls="UNet",
            paper="Ronneberger, Fischer and Brox, MICCAI 2015",
            summary="2-D U-Net, frame by frame: outlines of structures; any number of sizes and widths",
            dense=True,
        ),
        ModelEntry(
            name="monai_unet",
            module="cinecor.models.monai_unet",
            cls="MonaiUNet",
            paper="Falk et al., Nature Methods 2019",
            summary="MONAI's BasicUNet, frame by frame: outlines of structures (extra monai)",
            dense=True,
        ),
    )
}


def list_models(pattern: str = "*") -> list[str]:
    """Names of the networks that match a shell-style pattern, sorted. Imports no torch."""
    return sorted(fnmatch.filter(_ENTRIES, pattern))


def model_entry(name: str) -> ModelEntry:
    """What the register says of one network. Imports no torch.

    Raises:
        ConfigError: UNKNOWN_KEY, with the nearest names.
    """
    if name not in _ENTRIES:
        raise ConfigError("UNKNOWN_KEY", f"there is no model {name!r}", _nearest(name, list_models()), where="model")
    return _ENTRIES[name]


def model_options(name: str) -> list[ModelOption]:
    """The options of one network, read from the source of its constructor. Imports no torch.

    Raises:
        ConfigError: UNKNOWN_KEY, with the nearest names.
    """
    definition, body = _constructor(model_entry(name))
    texts = _argument_texts(ast.get_docstring(definition) or "")
    return [
        ModelOption(
            name=argument.arg,
            type=_type_text(eval(ast.unparse(argument.annotation), vars(choices))),  # noqa: S307  our own source
            default=ast.literal_eval(default),
            help=texts.get(argument.arg, ""),
        )
        for argument, default in zip(body.args.kwonlyargs, body.args.kw_defaults, strict=True)
        if argument.annotation is not None and default is not None
    ]


def describe_model(name: str) -> dict[str, Any]:
    """One network as plain data for a table or JSON: name, summary, paper, options. Imports no torch.

    Raises:
        ConfigError: UNKNOWN_KEY, with the nearest names.
    """
    entry = model_entry(name)
    options = [asdict(option) for option in model_options(name)]
    return {"name": entry.name, "summary": entry.summary, "paper": entry.paper, "options": options}


def create_model(name: str, num_outputs: int = 1, **options: Any) -> Network:
    """Make a network with fresh weights.

    Args:
        name: one of :func:`list_models`.
        num_outputs: how many values it predicts of each clip.
        options: of that network's constructor; :func:`model_options` lists them.

    Raises:
        ConfigError: UNKNOWN_KEY for a name or an option that does not exist (with the nearest ones), WRONG_TYPE or
            OUT_OF_RANGE for a value that does not fit, CONFLICT for values that contradict each other.
    """
    cls = _load(model_entry(name))
    if isinstance(num_outputs, bool) or not isinstance(num_outputs, int) or num_outputs < 1:
        raise ConfigError("OUT_OF_RANGE", f"{num_outputs!r} is not a number of outputs", "give at least 1", where=name)
    hints, known = get_type_hints(cls.__init__), _keywords(cls)
    for key in options:
        if key not in known:
            cure = _nearest(key, list(known))
            raise ConfigError("UNKNOWN_KEY", f"{key!r} is not an option of model {name}", cure, where="model.options")
    values = {key: _validated(key, value, hints[key]) for key, value in options.items()}
    return cls(num_outputs, **values)


def _load(entry: ModelEntry) -> type[Network]:
    cls: type[Network] = getattr(importlib.import_module(entry.module), entry.cls)
    return cls


def _constructor(entry: ModelEntry) -> tuple[ast.ClassDef, ast.FunctionDef]:
    """The source of a network's constructor, and of the class that has it: its own, or its base in the same module."""
    spec = importlib.util.find_spec(entry.module)
    assert spec is not None
    assert spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    classes = {part.name: part for part in tree.body if isinstance(part, ast.ClassDef)}
    definition = classes[entry.cls]
    while True:
        for part in definition.body:
            if isinstance(part, ast.FunctionDef) and part.name == "__init__":
                return definition, part
        definition = classes[ast.unparse(definition.bases[0])]


def _keywords(cls: type[Network]) -> dict[str, inspect.Parameter]:
    parameters = inspect.signature(cls.__init__).parameters
    return {key: value for key, value in parameters.items() if value.kind is inspect.Parameter.KEYWORD_ONLY}


def _validated(key: str, value: Any, hint: Any) -> Any:
    """``value`` as ``hint`` says; a number stands for a choice of the same spelling (YAML reads ``depth: 3`` as 3)."""
    where = f"model.options.{key}"
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        match = [choice for choice in choices if str(choice) == str(value)]
        if not match:
            raise ConfigError("OUT_OF_RANGE", f"{value!r} is not a choice", f"choose of {_spell(choices)}", where=where)
        return match[0]
    try:
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        text = error.errors()[0]["msg"]
        raise ConfigError("WRONG_TYPE", f"{value!r}: {text}", f"give {_type_text(hint)}", where=where) from error


def _nearest(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=3, cutoff=0.6)
    return f"did you mean {' or '.join(close)}?" if close else f"choose of {_spell(known)}"


def _spell(values: Any) -> str:
    return ", ".join(str(value) for value in values)


def _type_text(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " | ".join(str(choice) for choice in get_args(hint))
    if isinstance(hint, type) and get_origin(hint) is None:
        return hint.__name__
    return str(hint)


def _argument_texts(docstring: str) -> dict[str, str]:
    """The texts of a Google-style ``Args:`` section by argument."""
    section = re.search(r"^Args:\n((?: +.*\n?|\n)+)", docstring, flags=re.MULTILINE)
    if section is None:
        return {}
    items = re.findall(r"^ {4}(\w+): ((?:.*\n?)(?: {8}.*\n?)*)", section.group(1), flags=re.MULTILINE)
    return {name: _plain(" ".join(text.split())) for name, text in items}


def _plain(text: str) -> str:
    """A docstring's text without Sphinx's markup."""
    return re.sub(r":\w+:`", "`", text).replace("``", "`")
