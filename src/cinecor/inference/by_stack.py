"""From a short-axis stack of cine MRI to its report: outlines of every slice and phase, volumes, disease."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import UInt8

from cinecor import io
from cinecor.clips.labelling import label_of
from cinecor.errors import InputError
from cinecor.inference.conformal import half_width
from cinecor.inference.each import analyse_each
from cinecor.inference.ensemble import Ensemble, Outlines
from cinecor.inference.loop import summarise
from cinecor.inference.selection import with_times
from cinecor.inference.stack import FEWEST_SLICES, Stack, base_is_first, find_stack
from cinecor.inference.stack_checks import check_masks
from cinecor.inference.stack_curve import Beat, draw_curves, find_beat
from cinecor.inference.stack_pictures import draw_stack
from cinecor.inference.wording import NO_INTERVAL, synthetic_warning, trained_on
from cinecor.measures.components import largest_components
from cinecor.measures.short_axis import SURFACE, index_to_body, measure_stack
from cinecor.records import CineSummary, Diagnosis, Measurement, NotDone, Provenance, Report, Study
from cinecor.version import __version__

if TYPE_CHECKING:
    from cinecor.inference.diagnosis import Diagnoser

REPORTED: Mapping[str, str] = {
    "ef": "%",
    "edv_ml": "mL",
    "esv_ml": "mL",
    "sv_ml": "mL",
    "rvef": "%",
    "rv_edv_ml": "mL",
    "rv_esv_ml": "mL",
    "rv_sv_ml": "mL",
    "lv_mass_g": "g",
    "wall_ed_mean_mm": "mm",
    "wall_ed_max_mm": "mm",
    "thickening_mean": "%",
    "body_surface_m2": "m²",
    "edv_ml_index": "mL/m²",
    "esv_ml_index": "mL/m²",
    "sv_ml_index": "mL/m²",
    "rv_edv_ml_index": "mL/m²",
    "rv_esv_ml_index": "mL/m²",
    "rv_sv_ml_index": "mL/m²",
    "lv_mass_g_index": "g/m²",
}
"""What a report shows of all that is measured, in its order, with units."""

WALLS = ("wall_ed_mean_mm", "wall_ed_max_mm", "thickening_mean")
ON_MASKS, BY_SEGMENT = "on the same masks", "on the same masks, by segment"
_METHODS = {"m²": "Mosteller, of height and weight", "mL/m²": "over body surface", "g/m²": "over body surface"}

NO_BODY = "height and weight of the patient are not known"
NO_CLASSIFIER = "these weights bring no classifier of diseases"


@dataclass(frozen=True, kw_only=True, eq=False)
class Outlined:
    """A stack with its masks, and the two phases that are measured."""

    stack: Stack
    outlines: Outlines
    raw: Mapping[str, UInt8[np.ndarray, "slice height width"]]
    """At ED and ES, before parts that lie apart were taken away."""
    beat: Beat

    @property
    def kept(self) -> dict[str, UInt8[np.ndarray, "slice height width"]]:
        """Masks at ED and ES."""
        return {"ED": self.outlines.labels[self.beat.ed], "ES": self.outlines.labels[self.beat.es]}

    @property
    def base_first(self) -> bool:
        """Whether the stack runs from base to apex."""
        return base_is_first(self.kept["ED"])


class StackAnalyser:
    """Measures short-axis stacks with networks that outline the heart, and a classifier of diseases.

    Args:
        ensemble: the networks.
        diagnoser: the classifier; None where there is none.
    """

    def __init__(self, ensemble: Ensemble, diagnoser: Diagnoser | None = None) -> None:
        self._ensemble, self._diagnoser = ensemble, diagnoser

    def analyse(self, study: Study) -> Report:
        """The report of one study. Masks that lie beside the images are not looked at.

        Raises:
            InputError, LimitError: a slice cannot be read.
            ResourceError: the device's memory ran out.
        """
        frame_ms = self._ensemble.predictors[0].settings.frame_ms
        study = replace(study, cines=tuple(with_times(cine, frame_ms) for cine in study.cines))
        stack = find_stack(study)
        if isinstance(stack, str):
            return self._refused(study, stack)
        outlined = self._outline(study, stack)
        slices = int((outlined.kept["ED"] == label_of("lv")).any(axis=(1, 2)).sum())
        if slices < FEWEST_SLICES:
            what = f"a left ventricle was found on {slices} slices, and volumes need {FEWEST_SLICES} at the least"
            return self._refused(study, what, stack)
        return self._measured(study, outlined)

    def analyse_all(self, studies: Iterable[Study]) -> Iterator[Report | io.Failure]:
        """A report of each study, or why there is none; one failure stops nothing."""
        return analyse_each(self.analyse, studies)

    def _outline(self, study: Study, stack: Stack) -> Outlined:
        found = self._ensemble.outline(stack)
        kept = np.stack([largest_components(volume) for volume in found.labels])
        beat = find_beat(kept, stack, study.labels)
        return Outlined(
            stack=stack,
            outlines=replace(found, labels=kept),
            raw={"ED": found.labels[beat.ed], "ES": found.labels[beat.es]},
            beat=beat,
        )

    def _refused(self, study: Study, reason: str, stack: Stack | None = None) -> Report:
        cines = tuple(summarise(cine, index, cine.frames or 0) for index, cine in enumerate(study.cines))
        return Report(
            study=study.id,
            modality=study.cines[0].modality if study.cines else "MR",
            cines=cines,
            measurements=(),
            not_done=(NotDone(what="ef", reason=reason),),
            warnings=() if stack is None else stack.warnings,
            provenance=self._provenance(),
        )

    def _measured(self, study: Study, outlined: Outlined) -> Report:
        stack, beat = outlined.stack, outlined.beat
        kept, missing = outlined.kept, list(_left_out(study, stack))
        down = slice(None) if outlined.base_first else slice(None, None, -1)  # from base to apex, as regions are named
        features = measure_stack(kept["ED"][down], kept["ES"][down], stack.spacing_mm, stack.thickness_mm)
        features, without = _indexed(features, study)
        diagnosis, undiagnosed = self._diagnose(features)
        squares = [each.square for each in outlined.outlines.prepared]
        checks = check_masks(outlined.raw, kept, squares, features)
        stand_ins = () if diagnosis is None else self._stand_ins(features)
        return Report(
            study=study.id,
            modality="MR",
            cines=_summaries(study, outlined),
            measurements=tuple(self._measurements(features, outlined)),
            not_done=(*_unmeasured(features), *without, *undiagnosed, *missing),
            warnings=(*self._doubts(diagnosis), *stack.warnings, *beat.warnings, *checks, *stand_ins),
            provenance=self._provenance(),
            pictures=draw_stack(
                stack,
                outlined.outlines,
                (("End-diastole", beat.ed), ("End-systole", beat.es)),
                base_first=outlined.base_first,
            ),
            curves=draw_curves(beat, stack),
            diagnosis=diagnosis,
        )

    def _measurements(self, features: Mapping[str, float], outlined: Outlined) -> Iterator[Measurement]:
        thickness, how = outlined.stack.thickness_mm, outlined.beat.method
        method = f"{self._ensemble.name}; every slice times {thickness:.3g} mm; {how}"
        for name, unit in REPORTED.items():
            if name not in features or (unit == "%" and name.endswith("ef") and features[name] <= 0.0):
                continue
            value = Measurement(name=name, value=features[name], unit=unit, method=_METHODS.get(unit, ON_MASKS))
            if name == "ef":
                yield self._with_interval(replace(value, method=method))
            else:
                yield replace(value, method=BY_SEGMENT) if name in WALLS else value

    def _with_interval(self, ef: Measurement) -> Measurement:
        half = self._half_width()
        if half is None:
            return ef
        level, said = self._ensemble.predictors[0].settings.level, "; split conformal interval"
        return replace(
            ef,
            low=max(ef.value - half, 0.0),
            high=min(ef.value + half, 100.0),
            level=level,
            method=ef.method + said,
        )

    def _half_width(self) -> float | None:
        """By how much all networks missed on their own validation patients, at the level asked for."""
        calibrations = [each.manifest.extra.get("calibration", {}) for each in self._ensemble.predictors]
        residuals = [residual for calibration in calibrations for residual in calibration.get("residuals", [])]
        return half_width(residuals, self._ensemble.predictors[0].settings.level)

    def _doubts(self, diagnosis: Diagnosis | None) -> Iterator[str]:
        learned = [each.manifest.training_data.get("synthetic") for each in self._ensemble.predictors]
        if any(learned) or (self._diagnoser is not None and self._diagnoser.synthetic):
            interval = [] if self._half_width() is None else ["the interval of EF"]
            yield synthetic_warning(["the values", *interval, *([] if diagnosis is None else ["the group"])])
        if self._half_width() is None:
            yield NO_INTERVAL

    def _diagnose(self, features: Mapping[str, float]) -> tuple[Diagnosis | None, tuple[NotDone, ...]]:
        if self._diagnoser is None:
            return None, (NotDone(what="diagnosis", reason=NO_CLASSIFIER),)
        try:
            probabilities = self._diagnoser.probabilities(features)
        except InputError as error:
            return None, (NotDone(what="diagnosis", reason=error.what),)
        return Diagnosis(probabilities=probabilities, method=self._diagnoser.name), ()

    def _stand_ins(self, features: Mapping[str, float]) -> Iterator[str]:
        """What the classifier had to do without."""
        missing = () if self._diagnoser is None else self._diagnoser.missing(features)
        by_body = [name for name in missing if name == SURFACE or name.endswith("_index")]
        others = [name.replace("_", " ") for name in missing if name not in by_body]
        if by_body:
            yield "the group was found with a typical body surface, since this patient's is not known"
        if others:
            yield f"the group was found with typical figures for what could not be measured: {', '.join(others)}"

    def _provenance(self) -> Provenance:
        manifests = [each.manifest for each in self._ensemble.predictors]
        hashes = [manifest.weights_sha256 for manifest in manifests]
        # Of several networks the hash of their hashes, one a line, in the folder's order.
        together = hashes[0] if len(hashes) == 1 else hashlib.sha256("\n".join(hashes).encode()).hexdigest()
        return Provenance(
            version=__version__,
            model=self._ensemble.name,
            weights_sha256=together,
            trained_on="; ".join(dict.fromkeys(trained_on(manifest) for manifest in manifests)),
            diagnosis="" if self._diagnoser is None else self._diagnoser.name,
            diagnosis_sha256="" if self._diagnoser is None else self._diagnoser.sha256,
        )


def _indexed(features: Mapping[str, float], study: Study) -> tuple[dict[str, float], tuple[NotDone, ...]]:
    """The features, indexed to the body where its size is known."""
    height, weight = (study.labels.get(name) for name in ("height_cm", "weight_kg"))
    if not isinstance(height, int | float) or not isinstance(weight, int | float):
        return dict(features), (NotDone(what="indexed volumes", reason=NO_BODY),)
    try:
        return dict(index_to_body(features, height, weight)), ()
    except InputError as error:
        return dict(features), (NotDone(what="indexed volumes", reason=error.what),)


def _unmeasured(features: Mapping[str, float]) -> Iterator[NotDone]:
    """Ejection fractions that no heart has, and a right ventricle that was not found."""
    if features.get("ef", 0.0) <= 0.0:
        yield NotDone(what="ef", reason="the left ventricle is not smaller at end-systole than at end-diastole")
    if "rvef" not in features:
        yield NotDone(what="rvef", reason="no right ventricle was found")
    elif features["rvef"] <= 0.0:
        yield NotDone(what="rvef", reason="the right ventricle is not smaller at end-systole than at end-diastole")


def _left_out(study: Study, stack: Stack) -> Iterator[NotDone]:
    others = [str(index) for index in range(len(study.cines)) if index not in stack.indices]
    if others:
        yield NotDone(what=f"loop {', '.join(others)}", reason="not a slice of the short-axis stack that was measured")


def _summaries(study: Study, outlined: Outlined) -> tuple[CineSummary, ...]:
    """What the report says of each slice: its ED and ES frame, base and apex of the stack."""
    stack, beat = outlined.stack, outlined.beat
    places = {index: place for place, index in enumerate(stack.indices)}
    ends = _ends(outlined)
    made = []
    for index, cine in enumerate(study.cines):
        summary = summarise(cine, index, cine.frames or 0)
        if index in places:
            place = places[index]
            frames = [stack.frame(place, phase) for phase in (beat.ed, beat.es)]
            notes = (*summary.notes, *((ends[place],) if place in ends else ()))
            summary = replace(
                summary, view=cine.view or "SAX", ed_frames=(frames[0],), es_frames=(frames[1],), notes=notes
            )
        made.append(summary)
    return tuple(made)


def _ends(outlined: Outlined) -> dict[int, str]:
    holding = np.flatnonzero((outlined.kept["ED"] == label_of("lv")).any(axis=(1, 2))).tolist()
    base, apex = (holding[0], holding[-1]) if outlined.base_first else (holding[-1], holding[0])
    return {
        base: "base: the first slice of the left ventricle at ED",
        apex: "apex: the last slice of the left ventricle at ED",
    }
