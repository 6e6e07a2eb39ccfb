"""Geometry to clinical quantities: volumes in mL, EF in percent, ED and ES frames, beats."""

from cinecor.measures.cardiac_cycle import Beats, beat_ejection_fractions, find_beats
from cinecor.measures.ejection_fraction import EfClass, classify_ef, ejection_fraction, stroke_volume_ml
from cinecor.measures.outline import LongAxis, chords, long_axis, outline, polygon_from_chords
from cinecor.measures.short_axis import body_surface_m2, index_to_body, index_to_surface, measure_stack
from cinecor.measures.systole import beat_clips, cavity_areas, find_systoles
from cinecor.measures.volume import (
    area_length_volume_ml,
    biplane_volume_ml,
    chords_volume_ml,
    contour_area_mm2,
    contour_stack_volume_ml,
    disc_volume_ml,
    mask_disc_volume_ml,
    myocardial_mass_g,
    stack_volume_ml,
)
from cinecor.measures.volume_curve import VolumeCurve, volume_curve

__all__ = [
    "Beats",
    "EfClass",
    "LongAxis",
    "VolumeCurve",
    "area_length_volume_ml",
    "beat_clips",
    "beat_ejection_fractions",
    "biplane_volume_ml",
    "body_surface_m2",
    "cavity_areas",
    "chords",
    "chords_volume_ml",
    "classify_ef",
    "contour_area_mm2",
    "contour_stack_volume_ml",
    "disc_volume_ml",
    "ejection_fraction",
    "find_beats",
    "find_systoles",
    "index_to_body",
    "index_to_surface",
    "long_axis",
    "mask_disc_volume_ml",
    "measure_stack",
    "myocardial_mass_g",
    "outline",
    "polygon_from_chords",
    "stack_volume_ml",
    "stroke_volume_ml",
    "volume_curve",
]
