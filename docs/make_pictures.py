"""Make the pictures of the documentation, all from synthetic hearts: python docs/make_pictures.py [NAME …].

Without a name all are made; a name is that of a file without its ending.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np

from cinecor.clips import find_sector, prepare
from cinecor.clips.preparation import square_of
from cinecor.inference import load_analyser
from cinecor.inference.motion import fullness
from cinecor.io.images import write_png
from cinecor.measures import find_beats
from cinecor.phantom import camus_study, echo_study, infarct_study, mri_study, pediatric_study, view_study, wall_study
from cinecor.phantom.mri_patient import GROUPS
from cinecor.records import Cine, ClipSpec

IMAGES = Path(__file__).parent / "images"
SPEC = ClipSpec(height=160, width=160, crop="sector")
YELLOW, CYAN, RED, GREEN = (255, 214, 0), (60, 200, 255), (255, 80, 60), (80, 220, 100)
LABELS = {1: YELLOW, 2: GREEN, 3: CYAN}  # of a mask: left ventricle, myocardium, left atrium


def echo_sheet() -> np.ndarray:
    """Twelve draws, end-diastole and end-systole side by side."""
    tiles = []
    for index in range(12):
        study = echo_study(index, 7, max_frames=70)
        frames = study.cines[0].source[:, 0]
        pair = [frames[int(study.labels[name])] for name in ("ed_frame", "es_frame")]
        tile = np.concatenate([cv2.resize(frame, (168, 168), interpolation=cv2.INTER_CUBIC) for frame in pair], axis=1)
        cv2.putText(
            tile, f"EF {study.labels['ef']:.0f} %", (6, 162), cv2.FONT_HERSHEY_SIMPLEX, 0.42, 255, 1, cv2.LINE_AA
        )
        tiles.append(tile)
    return grid(tiles, 3)


def mri_sheet() -> np.ndarray:
    """The five groups: a basal, a middle and an apical slice at end-diastole, the middle at end-systole, its mask."""
    rows = []
    for index, group in enumerate(GROUPS):
        study = mri_study(index, 1, group=group, phases=12)
        middle = len(study.cines) // 2
        shown = [(1, 0), (middle, 0), (len(study.cines) - 3, 0), (middle, int(study.labels["es_frame"]))]
        tiles = [grey(study.cines[place].source[frame, 0]) for place, frame in shown]
        mask = study.cines[middle].masks[0] * np.uint8(80)
        tiles.append(cv2.resize(mask, (190, 190), interpolation=cv2.INTER_NEAREST))
        row = np.concatenate(tiles, axis=1)
        cv2.putText(row, group, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 255, 1, cv2.LINE_AA)
        rows.append(row)
    return np.concatenate(rows)


def views_sheet() -> np.ndarray:
    """Two views and three grades of one heart with masks; an infarct; a child's short axis; walls with calipers."""
    rows = []
    for quality in ("good", "medium", "poor"):
        study = camus_study(12, 2, quality=quality, max_frames=6)
        names = ("ed_frame", "es_frame")
        pairs = [(cine, int(study.labels[f"{n}_{str(cine.view).lower()}"])) for cine in study.cines for n in names]
        rows.append([labelled(*pair, f"{pair[0].view} {quality}") for pair in pairs])
    infarct = infarct_study(21, 2, quality="good")
    numbers = " ".join(name[3:] for name, value in infarct.labels.items() if name.startswith("seg") and value)
    ends = [int(infarct.labels[name]) for name in ("ed_frame", "es_frame")]
    rows.append([labelled(cine, frame, f"infarct of {numbers}") for cine in infarct.cines for frame in ends])
    child, walls = pediatric_study(0, 2, max_frames=24, size=224, quality="good"), wall_study(1, 2, max_frames=40)
    shown = [(child.cines[1], int(child.labels[name])) for name in ("ed_frame", "es_frame")]
    shown += [(walls.cines[0], int(walls.labels[name])) for name in ("ed_frame", "es_frame")]
    rows.append([labelled(*pair, str(pair[0].view)) for pair in shown])
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def exam_sheet() -> np.ndarray:
    """The fifteen views of one patient at end-diastole, whole screens."""
    study = view_study(3, 21, frames=1, style="lyra", quality="good", dual=0)
    tiles = []
    for cine in study.cines:
        screen = cv2.resize(cine.source[0].transpose(1, 2, 0), (216, 162), interpolation=cv2.INTER_AREA)
        tile = np.zeros((180, 220, 3), np.uint8)
        tile[:162, :216] = screen
        cv2.putText(tile, str(cine.view), (4, 175), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (235, 235, 235), 1, cv2.LINE_AA)
        tiles.append(tile)
    return grid(tiles, 5)


def labelled(cine: Cine, frame: int, title: str) -> np.ndarray:
    """A frame cut to its sector with its mask's edges, or its outline, and its calipers."""
    picture = np.ascontiguousarray(np.broadcast_to(cine.source[frame].transpose(1, 2, 0), (cine.height, cine.width, 3)))
    mask = cine.masks.get(frame)
    if mask is None:
        if frame in cine.contours:
            cv2.polylines(picture, [cine.contours[frame].round().astype(np.int32)], False, YELLOW, 1, cv2.LINE_AA)
    else:
        colours = LABELS if mask.max() > 1 else {1: GREEN}
        for label, colour in colours.items():
            edges, _ = cv2.findContours((mask == label).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(picture, edges, -1, colour, 1, cv2.LINE_AA)
    for name, colour in (("ivs", GREEN), ("lvid", RED), ("lvpw", CYAN)):
        for caliper in (cine.calipers[name + phase] for phase in "ds" if name + phase in cine.calipers):
            if caliper.frame == frame:
                ends = [tuple(round(value) for value in end) for end in (caliper.start, caliper.end)]
                cv2.line(picture, *ends, colour, 2, cv2.LINE_AA)
    left, top, right, bottom = cine.region or (0, 0, cine.width, cine.height)
    cut = picture[top:bottom, left:right]
    scale = min(204 / cut.shape[1], 178 / cut.shape[0])
    small = cv2.resize(cut, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.zeros((182, 208, 3), np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small
    cv2.putText(tile, title, (4, 177), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (235, 235, 235), 1, cv2.LINE_AA)
    return tile


def steps_sheet() -> np.ndarray:
    """A scanner's screen, what moves on it, the sector and its square, and what the network gets."""
    (cine,) = echo_study(8, 5, overlays=True, max_frames=60).cines
    frames = cine.source
    sector = find_sector(frames)
    screen = np.ascontiguousarray(frames[30].transpose(1, 2, 0))
    change = np.clip(frames.mean(axis=1).std(axis=0) * 6, 0, 255).astype(np.uint8)
    outlined = screen.copy()
    edges, _ = cv2.findContours(sector.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(outlined, edges, -1, YELLOW, 3)
    left, top, right, bottom = square_of(sector, cine)
    cv2.rectangle(outlined, (left, top), (right, bottom), CYAN, 2)
    prepared = prepare(frames, cine, SPEC)[30, 0]
    tiles = [screen, np.repeat(change[..., None], 3, axis=2), outlined]
    small = [cv2.resize(tile, (400, 300), interpolation=cv2.INTER_AREA) for tile in tiles]
    last = np.repeat(cv2.resize(prepared, (300, 300), interpolation=cv2.INTER_NEAREST)[..., None], 3, axis=2)
    return np.concatenate([*small, last], axis=1)


def beats_sheet() -> np.ndarray:
    """The curve of fullness by motion of one loop, its ED and ES marked."""
    (cine,) = echo_study(8, 5, max_frames=150).cines
    curve = fullness(prepare(cine.source, cine, SPEC), cine.frame_ms or 0.0)
    beats = find_beats(curve, np.asarray(cine.times_ms))
    canvas = np.full((220, 900, 3), 255, np.uint8)
    x = 20 + np.arange(len(curve)) * 860 / (len(curve) - 1)
    y = 190 - curve * 160
    line = np.stack([x, y], axis=1).round().astype(np.int32)
    cv2.polylines(canvas, [line], False, (20, 83, 143), 2, cv2.LINE_AA)
    for label, marks, colour in (("ED", beats.ed, (0, 110, 180)), ("ES", beats.es, (200, 80, 0))):
        for frame in marks:
            cv2.circle(canvas, tuple(int(value) for value in line[frame]), 6, colour, -1, cv2.LINE_AA)
            place = (int(line[frame][0]) - 10, int(line[frame][1]) + (24 if label == "ES" else -12))
            cv2.putText(canvas, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return canvas


def outlines_sheet() -> np.ndarray:
    """ED and ES of an unseen heart with the outlines of the weights in the package, and the volume curve."""
    report = load_analyser().analyse(echo_study(4, 990_017, max_frames=150))
    (curve,) = report.curves
    canvas = np.full((360, 620, 3), 255, np.uint8)
    x = 20 + curve.times_ms * 580 / curve.times_ms[-1]
    y = 340 - (curve.values - curve.values.min()) * 290 / np.ptp(curve.values)
    line = np.stack([x, y], axis=1).round().astype(np.int32)
    cv2.polylines(canvas, [line], False, (20, 83, 143), 2, cv2.LINE_AA)
    for label, colour in (("ED", (0, 110, 180)), ("ES", (200, 80, 0))):
        for frame in curve.marks[label]:
            cv2.circle(canvas, tuple(int(value) for value in line[frame]), 6, colour, -1, cv2.LINE_AA)
            place = (int(line[frame][0]) - 10, int(line[frame][1]) + (-12 if label == "ED" else -16))
            cv2.putText(canvas, label, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, colour, 1, cv2.LINE_AA)
    return np.concatenate([*(picture.pixels for picture in report.pictures), canvas], axis=1)


def grid(tiles: list[np.ndarray], columns: int) -> np.ndarray:
    """Tiles in rows."""
    rows = [np.concatenate(tiles[start : start + columns], axis=1) for start in range(0, len(tiles), columns)]
    return np.concatenate(rows)


def grey(image: np.ndarray) -> np.ndarray:
    """A magnitude image as grey levels."""
    scaled = np.clip(image / np.percentile(image, 99.5) * 255, 0, 255).astype(np.uint8)
    return cv2.resize(scaled, (190, 190), interpolation=cv2.INTER_AREA)


def main() -> None:
    """Write every picture, or those that are named."""
    sheets = {
        "phantom-echo": echo_sheet,
        "phantom-mri": mri_sheet,
        "phantom-views": views_sheet,
        "phantom-exam": exam_sheet,
        "loop-to-input": steps_sheet,
        "beats": beats_sheet,
        "outlines": outlines_sheet,
    }
    for name in sys.argv[1:] or sheets:
        sheet = sheets[name]()
        write_png(IMAGES / f"{name}.png", sheet if sheet.ndim == 3 else sheet[..., None])
        print(IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
