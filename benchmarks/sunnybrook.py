"""EDV, ESV and EF of a Sunnybrook patient from the expert's contours, by each way of adding slices up.

python benchmarks/sunnybrook.py FOLDER        (the folder that holds contourfiles and dicoms)
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pydicom

from cinecor.measures import contour_area_mm2, contour_stack_volume_ml, ejection_fraction

Areas = list[float]


def read(root: Path) -> tuple[dict[float, dict[float, np.ndarray]], tuple[float, float], float]:
    """Contours by trigger time and slice position, pixel spacing, and the slices' distance (ImagePositionPatient)."""
    (series,) = (root / "dicoms").iterdir()
    contours: dict[float, dict[float, np.ndarray]] = {}
    for file in sorted(root.glob("contourfiles/*/i-contours/IM-*-icontour-manual.txt")):
        header = pydicom.dcmread(series / f"{int(file.name.split('-')[2])}.dcm", stop_before_pixels=True)
        row, column = np.array(header.ImageOrientationPatient, float).reshape(2, 3)
        position = float(np.cross(row, column) @ np.array(header.ImagePositionPatient, float))
        contours.setdefault(float(header.TriggerTime), {})[round(position, 2)] = np.loadtxt(file)
        spacing = (float(header.PixelSpacing[0]), float(header.PixelSpacing[1]))
    positions = sorted({position for phase in contours.values() for position in phase})
    return contours, spacing, float(np.median(np.diff(positions)))


def filled_area_mm2(contour: np.ndarray, spacing: tuple[float, float]) -> float:
    """Area of the pixels that the polygon touches."""
    mask = np.zeros((512, 512), np.uint8)
    cv2.fillPoly(mask, [np.round(contour).astype(np.int32)], 1)
    return float(mask.sum()) * spacing[0] * spacing[1]


def frusta(areas: Areas) -> float:
    """Sum of truncated cones between neighbouring slices, in slice distances."""
    return sum((a + b + (a * b) ** 0.5) / 3 for a, b in pairwise(areas))


def main(root: Path) -> None:
    """Print volumes and EF of the patient by several ways of summing."""
    contours, spacing, step = read(root)
    print(f"{len(contours)} phases, slice distance {step:.2f} mm, pixel {spacing[0]} x {spacing[1]} mm")
    ways: dict[str, tuple[Callable[[np.ndarray, tuple[float, float]], float], Callable[[Areas], float]]] = {
        "polygon areas, every slice a full step": (contour_area_mm2, sum),
        "polygon areas, trapezoids between slices": (contour_area_mm2, lambda a: sum(a) - (a[0] + a[-1]) / 2),
        "polygon areas, frusta between slices": (contour_area_mm2, frusta),
        "areas of touched pixels, every slice a full step": (filled_area_mm2, sum),
    }
    for name, (area, add) in ways.items():
        stacks = [[area(phase[position], spacing) for position in sorted(phase)] for phase in contours.values()]
        report(name, [add(stack) * step / 1000 for stack in stacks])
    measured = [contour_stack_volume_ml(list(phase.values()), spacing, step) for phase in contours.values()]
    report("cinecor.measures.contour_stack_volume_ml", measured)


def report(name: str, volumes: list[float]) -> None:
    """One line of the table."""
    edv, esv = max(volumes), min(volumes)
    print(f"{name:50} EDV {edv:6.1f}  ESV {esv:6.1f} mL  EF {ejection_fraction(edv, esv):5.2f} %")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
