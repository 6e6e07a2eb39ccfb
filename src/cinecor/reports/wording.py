"""How a report speaks of quantities to a clinician: names, figures with units, ranges of EF."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from cinecor.records import PRESERVED_EF, REDUCED_EF, CineSummary, Diagnosis, Measurement, Report, ToldView, UsedNetwork

EF = "ef"

_NAMES = {
    EF: "Left ventricular ejection fraction",
    "edv_ml": "End-diastolic volume",
    "esv_ml": "End-systolic volume",
    "sv_ml": "Stroke volume",
    "ef_beat": "Ejection fraction of one beat",
    "ef_outline": "Ejection fraction by outlines",
    "ef_outline_beat": "Ejection fraction of one beat by outlines",
    "rvef": "Right ventricular ejection fraction",
    "rv_edv_ml": "Right ventricular end-diastolic volume",
    "rv_esv_ml": "Right ventricular end-systolic volume",
    "heart_rate": "Heart rate",
    "heart_rate_bpm": "Heart rate",
    "lv_mass_g": "LV mass",
    "rv_sv_ml": "Right ventricular stroke volume",
    "wall_ed_mean_mm": "Wall thickness at end-diastole, mean",
    "wall_ed_max_mm": "Wall thickness at end-diastole, thickest region",
    "thickening_mean": "Wall thickening from end-diastole to end-systole",
    "body_surface_m2": "Body surface",
    "lvh": "Left ventricular hypertrophy, probability",
}

_INDEXED = "_index"
"""Ending of quantities over body surface."""

_GROUPS = {
    "DCM": "dilated cardiomyopathy",
    "HCM": "hypertrophic cardiomyopathy",
    "MINF": "previous myocardial infarction",
    "NOR": "normal",
    "RV": "abnormal right ventricle",
}

_BEATS = ("1/min", "bpm")
"""Units of a heart rate; UCUM writes /min."""

_MODALITIES = {"US": "Echocardiography", "MR": "Cardiac MRI"}

_STEERING = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of control characters, lone surrogates, and separators of lines and paragraphs."""

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates of reading order (Unicode Standard Annex 9)."""

_SHOWN_VIEWS = 3
_WORTH_A_WORD = 0.01
_EXACT = 1e-9  # percent; 0.29 is 28.999999999999996 %

REDUCED, MILDLY_REDUCED, PRESERVED = "reduced", "mildly reduced", "preserved"

_RANGES = {
    REDUCED: f"< {REDUCED_EF:g} %",
    MILDLY_REDUCED: f"{REDUCED_EF:g} – {PRESERVED_EF - 1:g} %",
    PRESERVED: f"≥ {PRESERVED_EF:g} %",
}


def name_of(quantity: str) -> str:
    """The quantity in words; its own name with spaces where there are none for it."""
    if quantity.endswith(_INDEXED) and quantity.removesuffix(_INDEXED) in _NAMES:
        return f"{_NAMES[quantity.removesuffix(_INDEXED)]} index"
    return _NAMES.get(quantity, quantity.replace("_", " "))


def group_name(group: str) -> str:
    """A group of patients in words; its own name where there are none for it."""
    return _GROUPS.get(group, group)


def ranked(diagnosis: Diagnosis) -> list[tuple[str, str, float]]:
    """Name, words and probability (%) of each group, the most probable first."""
    found = sorted(diagnosis.probabilities.items(), key=lambda each: -each[1])
    return [(name, group_name(name), 100.0 * value) for name, value in found]


def beside_ef(report: Report) -> list[Measurement]:
    """Measurements to list: all but EF itself and what the table of beats shows."""
    shown = {("ef_beat", beat.ef) for beat in report.beats}
    shown |= {("ef_outline_beat", beat.ef_outline) for beat in report.beats if beat.ef_outline is not None}
    return [each for each in report.measurements if each.name != EF and (each.name, each.value) not in shown]


def is_synthetic(report: Report) -> bool:
    """Whether any weights that made the report were trained on synthetic hearts."""
    made = report.provenance
    learned = (made.trained_on, made.segmentation_trained_on, *(used.trained_on for used in made.networks))
    return any("synthetic" in text.lower() for text in learned)


def view_of(cine: CineSummary) -> str:
    """The view of a loop, and how it is known where that is not from its file."""
    if cine.told is None:
        return cine.view or "view unknown"
    shares = [f"{view} {percent(value)}" for view, value in cine.told.ranked[:_SHOWN_VIEWS]]
    if cine.view is not None:
        return f"{cine.view} (told, {percent(cine.told.ranked[0][1])})"
    return f"view unknown ({'; '.join([cine.told.doubt, *([', '.join(shares)] if shares else [])])})"


def next_views(told: ToldView) -> str:
    """The views that come after the most probable one, as far as they are worth a word."""
    later = [f"{view} {percent(value)}" for view, value in told.ranked[1:_SHOWN_VIEWS] if value >= _WORTH_A_WORD]
    return ", ".join(later)


def percent(share: float) -> str:
    """A share as whole percent, rounded down: what is not certain, or below a limit, is not shown as if it were."""
    return f"{math.floor(100 * share + _EXACT):d} %"


def used_network(used: UsedNetwork) -> str:
    """What a further network was asked for, in words."""
    return {"views": "views told", "hypertrophy": "hypertrophy"}.get(used.role, used.role)


def modality_of(report: Report) -> str:
    """The kind of examination in words."""
    return _MODALITIES[report.modality]


def figure(value: float, unit: str) -> str:
    """A figure with its unit, one decimal; whole beats per minute."""
    beats = unit in _BEATS
    shown = f"{value:.0f}" if beats else f"{value:.1f}"
    return f"{shown.replace('-', '−')} {'beats/min' if beats else unit}".rstrip()


def interval(measurement: Measurement) -> str:
    """The interval as ``51.2 – 63.4 %``; empty where there is none."""
    if measurement.low is None or measurement.high is None:
        return ""
    low = figure(measurement.low, "") if measurement.unit not in _BEATS else f"{measurement.low:.0f}"
    return f"{low} – {figure(measurement.high, measurement.unit)}"


def interval_name(measurement: Measurement) -> str:
    """``90 % interval``, or ``interval`` where its level is not known."""
    return "interval" if measurement.level is None else f"{100 * measurement.level:g} % interval"


def band_of(ef: float) -> str:
    """In which of the three ranges of the ESC (2021) an EF in % lies."""
    if ef < REDUCED_EF:
        return REDUCED
    return MILDLY_REDUCED if ef < PRESERVED_EF else PRESERVED


def band_range(band: str) -> str:
    """The range as it is printed."""
    return _RANGES[band]


def band_reach(measurement: Measurement) -> str:
    """A sentence where the interval of an EF reaches into another range than its value; empty where it does not."""
    if measurement.low is None or measurement.high is None:
        return ""
    low, high = band_of(measurement.low), band_of(measurement.high)
    return "" if low == high else f"The interval reaches from {low} to {high}: this EF alone does not settle the range."


def count_of(number: int, what: str) -> str:
    """``1 frame``, ``3 frames``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def loop_name(index: int, loops: int) -> str:
    """``loop 0``, counted as in the JSON; just ``loop`` where the study has one."""
    return "loop" if loops == 1 else f"loop {index}"


def loops_name(indices: Sequence[int], loops: int) -> str:
    """``loops 0–9`` for loops that follow one another; as ``loop_name`` where there is one of them."""
    return loop_name(indices[0], loops) if len(indices) == 1 else f"loops {indices[0]}–{indices[-1]}"


def printable(text: str) -> str:
    """Text from elsewhere for one line of a terminal: what would steer it, or turn its reading order, is escaped."""
    return "".join(char if _is_plain(char) else char.encode("unicode_escape").decode("ascii") for char in text)


def encodable(text: str) -> str:
    """Text that UTF-8 can hold: bytes of a file name that were none (lone surrogates) are escaped."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _is_plain(char: str) -> bool:
    return unicodedata.category(char) not in _STEERING and char not in _TURNING
