"""Weights for short-axis cine MRI: the folder of a benchmark, or the run of one segmentation.

::

    OUT/cine_mri.json        {"segmentation": ["segmentation-fold0", …], "diagnosis": "diagnosis"}
    OUT/segmentation-fold0/  a run: model.safetensors and manifest.json
    OUT/diagnosis/           a classifier of diseases; may be absent
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from cinecor.errors import CheckpointError, ConfigError
from cinecor.inference.ensemble import Ensemble, join
from cinecor.inference.predictor import load_predictor
from cinecor.inference.settings import Settings
from cinecor.models.absence import is_file, is_folder
from cinecor.models.checkpoint import MANIFEST_NAME, read_manifest
from cinecor.records import STRUCTURES

if TYPE_CHECKING:
    from cinecor.inference.diagnosis import Diagnoser

INDEX = "cine_mri.json"
MOST_BYTES = 64 * 1024
_AGAIN = "make the folder again"


@dataclass(frozen=True)
class Index:
    """What a folder of weights holds."""

    segmentation: tuple[Path, ...]
    diagnosis: Path | None = None


def outlines_stacks(folder: Path) -> bool:
    """Whether a folder holds weights for short-axis stacks; its network is not read."""
    if is_file(folder / INDEX):
        return True
    if not is_file(folder / MANIFEST_NAME):
        return False
    named = read_manifest(folder).extra.get("structures")
    return isinstance(named, list) and set(STRUCTURES) <= {str(name) for name in named}


def load_weights(folder: Path, settings: Settings, *, loops: int = 0) -> tuple[Ensemble, Diagnoser | None]:
    """The networks of a folder as one, and its classifier where it has one.

    Args:
        folder: with a ``cine_mri.json``, or of one run.
        settings: what the user chose; ``networks`` says how many of them are loaded.
        loops: how many slices will be analysed, as far as is known.

    Raises:
        CheckpointError: the folder, a network or the classifier is damaged or unsafe, or the networks differ.
        ConfigError: CONFLICT where a network's target is no ejection fraction; OUT_OF_RANGE where fewer networks are
            there than asked for.
        ResourceError: NO_DEVICE.
    """
    index = read_index(folder) if is_file(folder / INDEX) else Index(segmentation=(folder,))
    count = len(index.segmentation) if settings.networks is None else settings.networks
    if count > len(index.segmentation):
        what = f"{count} networks are asked for, the folder holds {len(index.segmentation)}"
        raise ConfigError("OUT_OF_RANGE", what, "ask for fewer", where="networks")
    alone = replace(settings, explain=False)
    ensemble = join([load_predictor(each, alone, loops=loops) for each in index.segmentation[:count]])
    if index.diagnosis is None:
        return ensemble, None
    from cinecor.inference.diagnosis import load_diagnoser

    return ensemble, load_diagnoser(index.diagnosis)


def read_index(folder: Path) -> Index:
    """What ``cine_mri.json`` says.

    Raises:
        CheckpointError: CORRUPT where it is no such file; MISSING_FILE where it names what is not there; UNSAFE for a
            path that leads out of the folder.
    """
    content = _parsed(folder / INDEX)
    runs, classifier = content.get("segmentation"), content.get("diagnosis")
    named = isinstance(runs, list) and runs and all(isinstance(each, str) for each in runs)
    if not named or not isinstance(classifier, str | None):
        what = "it does not list the runs under 'segmentation' and at most one folder under 'diagnosis'"
        raise CheckpointError("CORRUPT", what, _AGAIN, where=INDEX)
    return Index(
        segmentation=tuple(_inside(folder, each) for each in runs or ()),
        diagnosis=None if classifier is None else _inside(folder, classifier),
    )


def _parsed(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        parsed = json.loads(content) if len(content) <= MOST_BYTES else None
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError("CORRUPT", "it is no JSON that can be read", _AGAIN, where=INDEX) from error
    if not isinstance(parsed, dict):
        raise CheckpointError("CORRUPT", "it holds no JSON object of a usual size", _AGAIN, where=INDEX)
    return parsed


def _inside(folder: Path, name: str) -> Path:
    parts = PurePosixPath(name.replace("\\", "/"))
    if parts.is_absolute() or ".." in parts.parts or ":" in name:
        raise CheckpointError("UNSAFE", f"{name[:60]!r} leads out of the folder", _AGAIN, where=INDEX)
    path = folder / parts
    if not is_folder(path):
        raise CheckpointError("MISSING_FILE", f"{name[:60]!r} is not there", "copy the whole folder", where=INDEX)
    return path
