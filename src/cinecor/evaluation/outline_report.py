"""The page of outlines on which nothing is measured: how well they agree, and what they look like."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, select_autoescape
from matplotlib.figure import Figure

from cinecor import storage
from cinecor.evaluation.bootstrap import USUAL
from cinecor.evaluation.case_words import count, plural, words_of
from cinecor.evaluation.figures import learning_curves, to_svg
from cinecor.evaluation.outline_examples import OutlineExample
from cinecor.evaluation.outline_figures import dice_by_view, draw_examples
from cinecor.evaluation.report import PAGE
from cinecor.evaluation.segmentation import Overlap, figure
from cinecor.evaluation.sheets import Sheet
from cinecor.records import NOT_FOR_CLINICAL_USE
from cinecor.version import __version__

RESULTS = "outlines.json"
_NAMES = {
    "fov": "Field of view",
    "epicardium": "Left ventricle with its wall (epicardium)",
    "lv": "Left ventricle",
    "myocardium": "Myocardium",
    "rv": "Right ventricle",
}


def write_outline_report(
    folder: Path,
    split: str,
    rows: pd.DataFrame,
    overlaps: Sequence[Overlap],
    views: Sequence[Overlap],
    results: Mapping[str, Any],
    *,
    examples: Sequence[OutlineExample] = (),
    manifest: Mapping[str, Any] | None = None,
    run: Path | None = None,
) -> Path:
    """Write the page, the results as JSON and each figure into a folder.

    Args:
        folder: made where it does not exist; earlier files of the same names are replaced.
        split: which patients these are.
        rows: of each frame and structure, ``structure view dice`` among the columns.
        overlaps: of each structure, over all frames.
        views: the same of one view's frames each, whose name is the phase.
        results: what ``outlines.json`` holds; studies, frames and cross-entropy are on the page.
        examples: frames to look at.
        manifest: of the weights.
        run: the run's folder, for its learning curves.

    Returns:
        The page.

    Raises:
        StorageError: the folder cannot be written.
    """
    storage.make_folder(folder)
    drawn = {name: to_svg(found) for name, found in _draw(rows, examples, run).items()}
    for name, svg in drawn.items():
        storage.write_text(folder / f"{name}.svg", svg)
    storage.write_text(folder / RESULTS, json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
    environment = Environment(
        loader=PackageLoader("cinecor.evaluation"), autoescape=select_autoescape(), trim_blocks=True, lstrip_blocks=True
    )
    known, data = manifest or {}, dict((manifest or {}).get("training_data", {}))
    page = environment.get_template("outlines.html").render(
        split=split,
        overlaps=[(name_of(each.structure), each) for each in overlaps],
        figure=figure,
        sheet=_by_view(views),
        facts=_facts(results, known),
        pictures=[(_title(name), svg) for name, svg in drawn.items() if name.startswith("outlines")],
        figures=[(_title(name), svg) for name, svg in drawn.items() if not name.startswith("outlines")],
        manifest_text=json.dumps(known, indent=2, ensure_ascii=False),
        model=known.get("model", ""),
        trained_on=data.get("description", ""),
        synthetic=bool(data.get("synthetic")),
        cases=plural(words_of(known).case),
        level=USUAL.level,
        use=NOT_FOR_CLINICAL_USE,
        version=__version__,
    )
    storage.write_text(folder / PAGE, page)
    return folder / PAGE


def name_of(structure: str) -> str:
    """A structure in words; its own name where there are none for it."""
    return _NAMES.get(structure, structure)


def _draw(rows: pd.DataFrame, examples: Sequence[OutlineExample], run: Path | None) -> dict[str, Figure]:
    structures = list(dict.fromkeys(rows["structure"]))
    found: dict[str, Figure | None] = {}
    for name in structures:
        shown = [each for each in examples if each.structure == name]
        found[f"outlines-{name}"] = draw_examples(shown) if shown else None
    for name in structures:
        found[f"dice-{name}"] = dice_by_view(rows[rows["structure"] == name])
    history = None if run is None else run / "metrics.csv"
    if history is not None and history.is_file():
        found["learning-curves"] = learning_curves(pd.read_csv(history))
    return {name: each for name, each in found.items() if each is not None}


def _title(name: str) -> str:
    kind, _, structure = name.partition("-")
    if kind == "outlines":
        return f"{name_of(structure)}: frames with the network's outline and the true one"
    return f"{name_of(structure)}: Dice coefficient, frame by frame" if kind == "dice" else "Learning curves"


def _by_view(views: Sequence[Overlap]) -> Sheet:
    """A row for each structure and view; none where there is but one view, of which everything is said already."""
    rows: list[tuple[str, ...]] = [
        (name_of(each.structure), each.phase, str(each.patients), figure(each.dice, 3), figure(each.hd95, 2))
        for each in views
        if len({other.phase for other in views}) > 1
    ]
    headings = ("structure", "view", "patients", "Dice", "HD95 (mm)")
    return Sheet(title="View by view", headings=headings, left=(0, 1, 3, 4), rows=rows)


def _facts(results: Mapping[str, Any], manifest: Mapping[str, Any]) -> str:
    """What was tested, and the paper's one figure beside ours."""
    said = f"{count(results['frames'], 'frame')} of {words_of(manifest).count(results['studies'])}"
    entropy = f"cross-entropy {results['cross_entropy']:.4f} a pixel"
    published = dict(dict(manifest.get("extra", {})).get("recipe", {})).get("published") or {}
    if published.get("cross_entropy") is None:
        return f"{said}; {entropy}."
    theirs = f"published, on other data, {published['cross_entropy']:.4f} ({published.get('source', '')})"
    return f"{said}; {entropy}, {theirs}."
