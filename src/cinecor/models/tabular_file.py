"""A classifier of tables on disk: a folder of one JSON file, plain numbers with what they were learned from.

Nothing is unpickled. What is read is checked before it is used: its size, its form, that every number is finite and
that every tree can be walked to an end.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cinecor import storage
from cinecor.errors import CheckpointError
from cinecor.models.absence import check_there
from cinecor.models.tabular import TabularClassifier

FORMAT = 1  # a reader refuses a higher one
CLASSIFIER_NAME = "classifier.json"
MAX_BYTES = 64 * 2**20

_AGAIN = "train again, or fetch the folder again"


class SavedClassifier(BaseModel):
    """A classifier and what it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = FORMAT
    name: str
    """What a report calls it."""
    training_data: dict[str, Any] = Field(default_factory=dict)
    """What it has seen: layout, number of patients, and ``synthetic`` where they were simulated."""
    metrics: dict[str, Any] = Field(default_factory=dict)
    licence: str = "Apache-2.0"
    classifier: TabularClassifier


def save_classifier(folder: Path, saved: SavedClassifier) -> str:
    """Write a classifier, whole or not at all.

    Returns:
        The hash of the file, SHA-256.

    Raises:
        CheckpointError: NONFINITE where a number in its description is not finite.
        StorageError: the folder cannot be written.
    """
    try:
        text = json.dumps(saved.model_dump(), allow_nan=False, separators=(",", ":"), sort_keys=True)
    except ValueError as error:
        raise CheckpointError(
            "NONFINITE", "the classifier's description holds a number that is not finite", where=CLASSIFIER_NAME
        ) from error
    content = (text + "\n").encode("utf-8")
    storage.write_bytes(folder / CLASSIFIER_NAME, content)
    return hashlib.sha256(content).hexdigest()


def load_classifier(folder: Path) -> tuple[SavedClassifier, str]:
    """A classifier and the hash of its file.

    Raises:
        CheckpointError: MISSING_FILE; CORRUPT where it is damaged, too large or cannot be walked; UNSAFE for a pickle;
            NONFINITE for a NaN or an infinity; TOO_NEW for a later format.
    """
    content = _read(folder)
    try:
        values = json.loads(content, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise CheckpointError("CORRUPT", "it is not JSON", _AGAIN, where=CLASSIFIER_NAME) from error
    version = values.get("format") if isinstance(values, dict) else None
    if isinstance(version, int) and version > FORMAT:
        what = f"it has format {version}, this cinecor reads up to {FORMAT}"
        raise CheckpointError("TOO_NEW", what, "update cinecor", where=CLASSIFIER_NAME)
    try:
        saved = SavedClassifier.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc'][:4]))}: {first['msg']}"
        raise CheckpointError("CORRUPT", what, _AGAIN, where=CLASSIFIER_NAME) from error
    return saved, hashlib.sha256(content).hexdigest()


def _read(folder: Path) -> bytes:
    path = folder / CLASSIFIER_NAME
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        if any(folder.glob("*.pkl")) or any(folder.glob("*.joblib")):
            cure = f"give a folder with {CLASSIFIER_NAME}"
            raise CheckpointError("UNSAFE", "pickled classifiers are never loaded", cure, where=folder.name) from error
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            check_there(folder, (CLASSIFIER_NAME,))
        what = f"{CLASSIFIER_NAME} cannot be read ({error.strerror})"
        raise CheckpointError("CORRUPT", what, _AGAIN, where=folder.name) from error
    if len(content) > MAX_BYTES:
        raise CheckpointError("CORRUPT", f"it has more than {MAX_BYTES} bytes", _AGAIN, where=CLASSIFIER_NAME)
    return content


def _refuse_constant(text: str) -> NoReturn:
    raise CheckpointError("NONFINITE", f"it holds {text}", _AGAIN, where=CLASSIFIER_NAME)
