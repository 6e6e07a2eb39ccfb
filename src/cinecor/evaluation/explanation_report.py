"""What a network made of loops, as files: a page, the table of embeddings, the continuity score, the pictures."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8
from jinja2 import Environment, PackageLoader, select_autoescape
from PIL import Image

from cinecor import storage
from cinecor.evaluation.continuity import Continuity, continuity
from cinecor.evaluation.explanation_figures import plane
from cinecor.evaluation.figures import to_svg
from cinecor.records import NOT_FOR_CLINICAL_USE, Explanation
from cinecor.version import __version__

PAGE, TABLE, SCORE, PLANE = "explanation.html", "embeddings.csv", "continuity.json", "umap.svg"
_FRAME_MS = 60.0  # of a loop whose times are not known


def score(explained: Sequence[Explanation]) -> Continuity:
    """How continuous the embeddings are in EF, of the loops whose EF is known."""
    known = [each for each in explained if each.true is not None]
    embeddings = np.stack([each.embedding for each in known]) if known else np.zeros((0, 1))
    ef = np.array([each.true for each in known], dtype=np.float64)
    return continuity(embeddings, ef, [each.patient for each in known])


def write_explanation(
    folder: Path,
    explained: Sequence[Explanation],
    *,
    points: Float[np.ndarray, "loops 2"] | None = None,
    manifest: Mapping[str, Any] | None = None,
) -> Path:
    """Write all of it, each file whole or not at all.

    ``embeddings.csv`` (a row a loop), ``continuity.json``, ``explanation.html``, for each loop that was shown a strip
    (PNG) and a moving picture (GIF), and ``umap.svg`` where there are points.

    Args:
        folder: made where it does not exist; earlier files of the same names are replaced.
        explained: loops, those with pictures among them.
        points: of each loop in a plane.
        manifest: of the weights, for what they were trained on.

    Returns:
        The page.

    Raises:
        StorageError: the folder cannot be written.
    """
    storage.make_folder(folder)
    found = score(explained)
    storage.write_text(folder / TABLE, _table(explained, points))
    storage.write_text(folder / SCORE, json.dumps(found.as_dict(), indent=2, allow_nan=False) + "\n")
    figure = None
    if points is not None:
        ef = np.array([np.nan if each.true is None else each.true for each in explained])
        figure = to_svg(plane(points, ef))
        storage.write_text(folder / PLANE, figure)
    shown = [_write_pictures(folder, place, each) for place, each in enumerate(explained) if each.picture is not None]
    storage.write_text(folder / PAGE, _page(explained, found, figure, shown, manifest or {}))
    return folder / PAGE


def _table(explained: Sequence[Explanation], points: Float[np.ndarray, "loops 2"] | None) -> str:
    features = len(explained[0].embedding) if explained else 0
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    plane_names = [] if points is None else ["umap_1", "umap_2"]
    names = [f"feature_{place}" for place in range(features)]
    writer.writerow(["study", "patient", "cine", "predicted", "true", "novelty", *plane_names, *names])
    for place, each in enumerate(explained):
        start = [each.study, each.patient, each.cine, f"{each.predicted:.6g}", _text(each.true), _text(each.novelty)]
        where = [] if points is None else [f"{value:.6g}" for value in points[place]]
        writer.writerow([*start, *where, *(f"{value:.6g}" for value in each.embedding)])
    return stream.getvalue()


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _write_pictures(folder: Path, place: int, each: Explanation) -> dict[str, Any]:
    """The strip and the moving picture of one loop as files; and as the page wants them."""
    assert each.picture is not None
    name = re.sub(r"[^A-Za-z0-9]+", "_", each.study).strip("_")[:40] or "study"
    stem = f"{place + 1:03d}_{name}_loop{each.cine}"
    strip = _png(each.picture.pixels)
    storage.write_bytes(folder / f"{stem}.png", strip)
    moving = None
    if each.frames is not None:
        moving = _gif(each.frames, each.frame_ms or _FRAME_MS)
        storage.write_bytes(folder / f"{stem}.gif", moving)
    return {
        "loop": each,
        "title": each.picture.title,
        "strip": f"data:image/png;base64,{base64.b64encode(strip).decode('ascii')}",
        "moving": moving and f"data:image/gif;base64,{base64.b64encode(moving).decode('ascii')}",
    }


def _png(pixels: UInt8[np.ndarray, "height width 3"]) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _gif(frames: UInt8[np.ndarray, "time 3 height width"], frame_ms: float) -> bytes:
    """A loop that plays for ever, in the time of the heart."""
    pictures = [Image.fromarray(np.ascontiguousarray(frame.transpose(1, 2, 0))) for frame in frames]
    stream = io.BytesIO()
    pictures[0].save(
        stream, "GIF", save_all=True, append_images=pictures[1:], duration=max(20, round(frame_ms)), loop=0
    )
    return stream.getvalue()


def _page(
    explained: Sequence[Explanation],
    found: Continuity,
    figure: str | None,
    shown: Sequence[Mapping[str, Any]],
    manifest: Mapping[str, Any],
) -> str:
    environment = Environment(
        loader=PackageLoader("cinecor.evaluation"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    data = manifest.get("training_data", {})
    return environment.get_template("explanation.html").render(
        loops=explained,
        score=found,
        rows=[
            ("Order: Spearman's correlation of distance and difference in EF", found.order),
            ("Error of the nearest loops' mean", found.neighbour_error),
            ("Error of the mean of all other loops", found.mean_error),
            ("Skill of the neighbours", found.skill),
        ],
        figure=figure,
        shown=shown,
        model=manifest.get("model", ""),
        trained_on=data.get("description", ""),
        synthetic=bool(data.get("synthetic")),
        use=NOT_FOR_CLINICAL_USE,
        version=__version__,
    )
