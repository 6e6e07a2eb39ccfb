"""What a short-axis stack's masks at end-diastole and end-systole say of a heart: volumes, walls, motion, shape."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Integer

from cinecor.errors import InputError
from cinecor.measures.ejection_fraction import ejection_fraction
from cinecor.measures.short_axis_shape import Shape, measure_shape
from cinecor.measures.short_axis_walls import (
    LEFT,
    MYOCARDIUM,
    RIGHT,
    SECTORS,
    Walls,
    regions,
    septal_angle,
    trace_walls,
)
from cinecor.measures.volume import myocardial_mass_g, stack_volume_ml

LAZY = 20.0  # %, a segment that thickens less hardly does (normal is 30 and more; Sechtem et al. 1987)
SURFACE = "body_surface_m2"
INDEXED = ("edv_ml", "esv_ml", "sv_ml", "rv_edv_ml", "rv_esv_ml", "rv_sv_ml", "lv_mass_g")
"""What is also given per square metre of body surface, as ``…_index``."""


def measure_stack(
    ed: Integer[np.ndarray, "slice height width"],
    es: Integer[np.ndarray, "_ _ _"],
    spacing_mm: tuple[float, float],
    thickness_mm: float,
) -> dict[str, float]:
    """Volumes, walls, motion and shape of a heart from its masks at ED and ES.

    Volumes count every slice for its full thickness, as ``stack_volume_ml`` does; ejection fractions, unlike
    ``ejection_fraction``, are not refused where a ventricle of a poor mask is larger at ES than at ED: they are
    negative then. What cannot be measured (no wall closed around a cavity, no right ventricle) is left out.

    Args:
        ed: labels at end-diastole: 1 right ventricle, 2 myocardium, 3 left ventricle; slices in order of position.
        es: the same slices at end-systole.
        spacing_mm: height and width of a pixel.
        thickness_mm: distance from slice to slice.

    Returns:
        * ``ef edv_ml esv_ml sv_ml lv_mass_g`` and ``rvef rv_edv_ml rv_esv_ml rv_sv_ml`` (%, mL, g);
        * ``myocardium_ed_ml myocardium_es_ml``; ``rv_lv_ed``, ``rv_lv_es``, ``mass_edv_g_per_ml``: ratios;
        * ``wall_ed_…_mm`` and ``wall_es_…_mm``: ``mean max min`` over regions, ``sd`` over all segments, ``sd_around``
          (mean over slices of the SD in a slice) and ``sd_along`` (SD over slices of their means);
        * ``thickening_…`` (% of the thickness at ED) and ``motion_…`` (% of the inner radius at ED that the inner
          surface moves inwards): ``mean min sd`` over regions; ``thickening_lazy`` and ``motion_lazy``: % of the
          segments that do so by less than 20 %;
        * ``lv_circularity_ed``, ``…_es``, ``rv_eccentricity_ed``, ``…_es``, ``lv_length_mm``, ``lv_sphericity``.

    Raises:
        InputError: INCONSISTENT where the two volumes differ in shape, the spacing is not above 0, or there is no left
            ventricle at ED.
    """
    if ed.shape != es.shape:
        raise InputError("INCONSISTENT", f"the masks have shapes {ed.shape} and {es.shape}", "give the same slices")
    found = _volumes(ed, es, spacing_mm, thickness_mm)
    start = septal_angle(ed, spacing_mm) - math.pi / SECTORS  # the first sector is the middle of the septum
    walls = {"ed": trace_walls(ed, spacing_mm, start), "es": trace_walls(es, spacing_mm, start)}
    for phase, wall in walls.items():
        found |= {f"wall_{phase}_{name}_mm": value for name, value in _thickness(wall.thickness).items()}
    found |= _motion(walls["ed"], walls["es"])
    found |= _shapes(ed, es, spacing_mm, thickness_mm)
    return {name: float(value) for name, value in found.items() if math.isfinite(value)}


def body_surface_m2(height_cm: float, weight_kg: float) -> float:
    """Body surface by Mosteller's formula, √(height · weight / 3600), m².

    Raises:
        InputError: INCONSISTENT where a size is not above 0.

    Source: Mosteller, N Engl J Med 317, 1098, 1987.
    """
    if not (0 < height_cm < math.inf and 0 < weight_kg < math.inf):
        raise InputError("INCONSISTENT", f"nobody measures {height_cm:g} cm and {weight_kg:g} kg")
    return math.sqrt(height_cm * weight_kg / 3600.0)


def index_to_body(features: Mapping[str, float], height_cm: float, weight_kg: float) -> dict[str, float]:
    """The features, body surface (Mosteller), and volumes and mass per square metre of it as ``…_index``.

    Raises:
        InputError: INCONSISTENT where a size is not above 0.
    """
    return index_to_surface(features, body_surface_m2(height_cm, weight_kg))


def index_to_surface(features: Mapping[str, float], surface_m2: float) -> dict[str, float]:
    """As ``index_to_body`` for a body surface that is known, m²."""
    indexed = {f"{name}_index": features[name] / surface_m2 for name in INDEXED if name in features}
    return {**features, SURFACE: surface_m2, **indexed}


def _volumes(ed: np.ndarray, es: np.ndarray, spacing_mm: tuple[float, float], thickness_mm: float) -> dict[str, float]:
    full, empty = (
        {label: stack_volume_ml(masks, label, spacing_mm, thickness_mm) for label in (RIGHT, MYOCARDIUM, LEFT)}
        for masks in (ed, es)
    )
    if full[LEFT] <= 0:
        raise InputError("INCONSISTENT", "there is no left ventricle at end-diastole", "check the masks")
    found = {
        "ef": _ejected(full[LEFT], empty[LEFT]),
        "edv_ml": full[LEFT],
        "esv_ml": empty[LEFT],
        "sv_ml": full[LEFT] - empty[LEFT],
        "lv_mass_g": myocardial_mass_g(full[MYOCARDIUM]),
        "myocardium_ed_ml": full[MYOCARDIUM],
        "myocardium_es_ml": empty[MYOCARDIUM],
        "mass_edv_g_per_ml": myocardial_mass_g(full[MYOCARDIUM]) / full[LEFT],
    }
    if full[RIGHT] <= 0:
        return found
    found |= {
        "rvef": _ejected(full[RIGHT], empty[RIGHT]),
        "rv_edv_ml": full[RIGHT],
        "rv_esv_ml": empty[RIGHT],
        "rv_sv_ml": full[RIGHT] - empty[RIGHT],
        "rv_lv_ed": full[RIGHT] / full[LEFT],
    }
    return found | ({"rv_lv_es": empty[RIGHT] / empty[LEFT]} if empty[LEFT] > 0 else {})


def _ejected(full: float, empty: float) -> float:
    return ejection_fraction(full, empty) if empty <= full else 100.0 * (full - empty) / full


def _thickness(thickness: Float[np.ndarray, "slice segment"]) -> dict[str, float]:
    """Figures of a wall's thickness, mm; NaN where there is no wall."""
    if not np.isfinite(thickness).any():
        return {}
    by_region = regions(thickness)
    slices = thickness[np.isfinite(thickness).any(axis=1)]
    return {
        "mean": float(np.nanmean(by_region)),
        "max": float(np.nanmax(by_region)),
        "min": float(np.nanmin(by_region)),
        "sd": float(np.nanstd(slices)),
        "sd_around": float(np.nanstd(slices, axis=1).mean()),
        "sd_along": float(np.nanstd(np.nanmean(slices, axis=1))),
    }


def _motion(ed: Walls, es: Walls) -> dict[str, float]:
    """How much the wall thickens and moves inwards, on slices that have a wall at both phases."""
    with np.errstate(divide="ignore", invalid="ignore"):  # a wall of nothing, or about nothing, is left out below
        changes = {
            "thickening": 100.0 * (es.thickness - ed.thickness) / ed.thickness,
            "motion": 100.0 * (ed.inner - es.inner) / ed.inner,
        }
    found: dict[str, float] = {}
    for name, change in changes.items():
        known = np.isfinite(change)
        if not known.any():
            continue
        by_region = regions(change)
        found |= {
            f"{name}_mean": float(np.nanmean(by_region)),
            f"{name}_min": float(np.nanmin(by_region)),
            f"{name}_sd": float(np.nanstd(by_region)),
            f"{name}_lazy": float(100.0 * (change[known] < LAZY).mean()),
        }
    return found


def _shapes(ed: np.ndarray, es: np.ndarray, spacing_mm: tuple[float, float], thickness_mm: float) -> dict[str, float]:
    """Roundness of the cavity, eccentricity of the right ventricle, length and sphericity of the left."""
    found: dict[str, float] = {}
    for phase, volume in (("ed", ed), ("es", es)):
        left, right = (_each_slice(volume == label, spacing_mm) for label in (LEFT, RIGHT))
        found[f"lv_circularity_{phase}"] = _weighted(left, [shape.circularity for shape in left])
        found[f"rv_eccentricity_{phase}"] = _weighted(right, [shape.eccentricity for shape in right])
    filled = (ed == LEFT).any(axis=(1, 2))
    length = float(np.count_nonzero(filled)) * thickness_mm
    volume_mm3 = np.count_nonzero(ed == LEFT) * spacing_mm[0] * spacing_mm[1] * thickness_mm
    return found | {"lv_length_mm": length, "lv_sphericity": volume_mm3 / (math.pi / 6 * length**3)}


def _each_slice(region: np.ndarray, spacing_mm: tuple[float, float]) -> list[Shape]:
    shapes = [measure_shape(each, spacing_mm) for each in region]
    return [shape for shape in shapes if shape is not None]


def _weighted(shapes: list[Shape], values: list[float]) -> float:
    """Mean over slices, each as its area counts, so that a handful of pixels at the apex says little."""
    areas = [shape.area_mm2 for shape in shapes]
    return float(np.average(values, weights=areas)) if areas else math.nan
