"""From a study to its report: choose the loops, ask the network, measure, and say what was not done and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from cinecor import io
from cinecor.errors import CinecorError, ConfigError, InputError
from cinecor.inference.agreement import contradiction, tolerated
from cinecor.inference.by_beats import measure_beats
from cinecor.inference.by_clips import measure_clips
from cinecor.inference.by_outline import measure_outlines
from cinecor.inference.by_stack import StackAnalyser
from cinecor.inference.cine_mri import load_weights, outlines_stacks
from cinecor.inference.each import analyse_each
from cinecor.inference.finding import Finding
from cinecor.inference.loop import summarise
from cinecor.inference.masks import has_masks, measure_masks
from cinecor.inference.predictor import Predictor, load_predictor
from cinecor.inference.selection import refusal, with_times
from cinecor.inference.settings import Settings
from cinecor.inference.wording import NO_INTERVAL, SYNTHETIC_WARNING, trained_on
from cinecor.records import (
    Cine,
    Frames,
    Measurement,
    Modality,
    NotDone,
    Provenance,
    Report,
    Study,
)
from cinecor.version import __version__

SHIPPED = Path(__file__).parent / "weights"
"""The weights in the package, trained on synthetic hearts."""

PACKAGE = "package"
"""Name of the weights in the package as a segmentation."""

NO_REFERENCE = (
    "nothing says whether these loops are like the training's, because these weights bring no embeddings of it"
)
SPREAD = 12.0  # points of EF between the clips of one study beyond which the report says that they disagree


class Analyser:
    """Measures studies with one set of weights, loaded once.

    Args:
        predictor: the network and what is known of it.
        outliner: a second network, of outlines, that finds the beats which the first one then judges.
        shipped: whether the weights are those of the package.
    """

    def __init__(self, predictor: Predictor, *, outliner: Predictor | None = None, shipped: bool = False) -> None:
        self._predictor, self._outliner, self._shipped = predictor, outliner, shipped

    def analyse(self, study: Study) -> Report:
        """The report of one study.

        Raises:
            InputError, LimitError: no loop of the study can be read.
            ResourceError: the device's memory ran out.
        """
        cines = tuple(with_times(cine, self._predictor.settings.frame_ms) for cine in study.cines)
        study = replace(study, cines=cines)
        return self._by_masks(study) if has_masks(study) else self._by_network(study)

    def analyse_all(self, studies: Iterable[Study]) -> Iterator[Report | io.Failure]:
        """A report of each study, or why there is none; one failure stops nothing."""
        return analyse_each(self.analyse, studies)

    def _by_masks(self, study: Study) -> Report:
        measurements, ed, es = measure_masks(study)
        summaries = tuple(
            replace(summarise(cine, index, cine.frames or 0), ed_frames=(ed,), es_frames=(es,))
            for index, cine in enumerate(study.cines)
        )
        provenance = Provenance(version=__version__, model="none (geometry of masks)", weights_sha256="", trained_on="")
        return Report(
            study=study.id,
            modality=study.cines[0].modality,
            cines=summaries,
            measurements=measurements,
            not_done=(),
            warnings=(),
            provenance=provenance,
        )

    def _by_network(self, study: Study) -> Report:
        findings = self._look_at_all(study.cines)
        measured = [finding for finding in findings if finding.values]
        return Report(
            study=study.id,
            modality=_modality(study),
            cines=tuple(finding.summary for finding in findings),
            measurements=tuple(self._measurements(measured)),
            not_done=tuple(_not_done(findings)),
            warnings=tuple(self._warnings(measured, findings)),
            provenance=self._provenance(),
            pictures=tuple(picture for finding in measured for picture in finding.pictures),
            curves=tuple(curve for finding in measured for curve in finding.curves),
            beats=tuple(beat for finding in measured for beat in finding.beats),
        )

    def _look_at_all(self, cines: Sequence[Cine]) -> list[Finding]:
        """What each loop shows; one that cannot be read stops no other, unless none can."""
        findings, failures = [], []
        for index, cine in enumerate(cines):
            try:
                findings.append(self._look(cine, index))
            except CinecorError as error:
                failures.append(error)
                reason = f"it could not be read ({error.code}: {error.what})"
                findings.append(Finding(summary=summarise(cine, index, cine.frames or 0), reason=reason))
        if failures and len(failures) == len(findings):
            raise failures[0]
        return findings

    def _look(self, cine: Cine, index: int) -> Finding:
        reason = refusal(cine, self._predictor.spec, self._predictor.view)
        summary = summarise(cine, index, cine.frames or 0)
        if reason:
            return Finding(summary=summary, reason=reason)
        try:
            return self._measure(cine, index, io.load(cine))
        except InputError as error:
            if error.code not in ("NOT_RECOGNISED", "UNSUPPORTED"):
                raise
            return Finding(summary=summary, reason=error.what)

    def _measure(self, cine: Cine, index: int, recorded: Frames) -> Finding:
        if self._outliner is not None:
            return measure_beats(self._predictor, self._outliner, cine, index, recorded)
        measure = measure_outlines if self._predictor.network.dense else measure_clips
        return measure(self._predictor, cine, index, recorded)

    def _measurements(self, measured: list[Finding]) -> Iterator[Measurement]:
        if not measured:
            return
        yield self._ef(measured)
        if self._outliner is not None and (outline_ef := _by_outlines(measured)) is not None:
            method = f"{self._outliner.manifest.model}, single-plane discs on its outlines, mean over beats"
            yield _ef("ef_outline", outline_ef, self._outliner, method)
        for finding in measured:
            yield from finding.details
        rates = [rate for finding in measured if (rate := finding.summary.heart_rate_bpm) is not None]
        if rates:
            method = "median interval between the beats found"
            yield Measurement(name="heart_rate", value=float(np.median(rates)), unit="1/min", method=method)

    def _ef(self, measured: list[Finding]) -> Measurement:
        """The mean over loops of each loop's mean."""
        clips = tuple((finding.summary.index, start) for finding in measured for start, _ in finding.values)
        made = _ef("ef", _by_loops(measured), self._predictor, self._method(measured))
        # the widths were made on clips spread over the loop, not on one clip a beat
        spread = ", made for evenly spread clips" if made.low is not None and self._outliner is not None else ""
        return replace(made, method=made.method + spread, clips=clips)

    def _part(self, measured: list[Finding]) -> str:
        """What a value stands for."""
        by_beats = self._predictor.network.dense or all(finding.beats for finding in measured)
        return "beat" if by_beats else "clip"

    def _method(self, measured: list[Finding]) -> str:
        name, part = self._predictor.manifest.model, self._part(measured)
        parts, loops = sum(len(finding.values) for finding in measured), len(measured)
        how = f"{name}, single-plane discs on its outlines" if self._predictor.network.dense else name
        if part == "beat" and self._outliner is not None:
            how += ", a clip around each systole"
        counted = f"{parts} {part}s" if parts > 1 else f"one {part}"
        return f"{how}, mean over {counted}" + (f" of {loops} loops" if loops > 1 else "")

    def _warnings(self, measured: list[Finding], findings: list[Finding]) -> Iterator[str]:
        if measured and self._is_synthetic():
            yield SYNTHETIC_WARNING
        yield from self._contradictions(measured)
        for finding in findings:
            yield from finding.warnings
        if measured:
            yield from self._doubts(measured)

    def _is_synthetic(self) -> bool:
        """Whether any of the weights were made of synthetic hearts."""
        used = [each for each in (self._predictor, self._outliner) if each is not None]
        return any(each.manifest.training_data.get("synthetic") for each in used)

    def _doubts(self, measured: list[Finding]) -> Iterator[str]:
        """Why what was measured may be less certain than it looks."""
        values = [value for finding in measured for _, value in finding.values]
        if np.ptp(values) > SPREAD:
            yield f"the {self._part(measured)}s disagree: EF from {min(values):.0f} to {max(values):.0f} %"
        if any(not finding.summary.beats for finding in measured):
            yield "no complete beat was found in at least one loop that was measured"
        if self._predictor.half_width is None:
            yield NO_INTERVAL
        if self._predictor.novelty is None:
            yield NO_REFERENCE

    def _contradictions(self, measured: list[Finding]) -> Iterator[str]:
        """Where clips and outlines of the same loops do not fit together."""
        both = [finding for finding in measured if finding.outline_ef is not None]
        outline_ef = _by_outlines(both)
        if self._outliner is None or outline_ef is None:
            return
        limit = tolerated(self._predictor, self._outliner)
        warning = contradiction(_by_loops(both), outline_ef, limit)
        if warning:
            yield warning

    def _provenance(self) -> Provenance:
        manifest = self._predictor.manifest
        second = None if self._outliner is None else self._outliner.manifest
        return Provenance(
            version=__version__,
            model=f"{manifest.model} (weights in the package)" if self._shipped else manifest.model,
            weights_sha256=manifest.weights_sha256,
            trained_on=trained_on(manifest),
            segmentation="" if second is None else second.model,
            segmentation_sha256="" if second is None else second.weights_sha256,
            segmentation_trained_on="" if second is None else trained_on(second),
        )


def load_analyser(
    folder: Path | str | None = None,
    settings: Settings | None = None,
    *,
    segmentation: Path | str | None = None,
    loops: int = 0,
) -> Analyser | StackAnalyser:
    """An analyser with the weights of a folder, or with those that come with the package.

    Args:
        folder: a run that predicts EF or outlines the heart, or a folder with a ``cine_mri.json``; None: the weights
            in the package.
        settings: what the user chose.
        segmentation: weights that outline the left ventricle: EF is then that of the clip around each systole, beat by
            beat; ``package`` are those of the package.
        loops: how many will be analysed, as far as is known; with ``engine="auto"`` it decides whether the network is
            compiled first.

    Raises:
        CheckpointError: the weights are missing, damaged, unsafe or of another model.
        ConfigError: CONFLICT for weights that do not predict EF, for an explanation of a network of outlines, and for a
            pair of weights that is not one of clips and one of outlines.
        ResourceError: NO_DEVICE.
    """
    chosen = SHIPPED if folder is None else Path(folder)
    if outlines_stacks(chosen):
        return _load_stack_analyser(chosen, settings or Settings(), segmentation, loops)
    predictor = load_predictor(chosen, settings or Settings(), loops=loops)
    if predictor.settings.explain and predictor.network.dense:
        what = f"{predictor.manifest.model} outlines: the report shows its outlines anyway"
        raise ConfigError("CONFLICT", what, "leave explain out", where="explain")
    return Analyser(predictor, outliner=_load_outliner(predictor, segmentation), shipped=folder is None)


def _load_stack_analyser(
    folder: Path, settings: Settings, segmentation: Path | str | None, loops: int
) -> StackAnalyser:
    for name, given in (("segmentation", segmentation is not None), ("explain", settings.explain)):
        if given:
            what = "these weights outline cine MRI: they find their own phases, and the report shows the outlines"
            raise ConfigError("CONFLICT", what, f"leave {name} out", where=name)
    return StackAnalyser(*load_weights(folder, settings, loops=loops))


def _load_outliner(predictor: Predictor, folder: Path | str | None) -> Predictor | None:
    if folder is None:
        return None
    where = "segmentation"
    if predictor.network.dense:
        what = f"{predictor.manifest.model} outlines the ventricle itself: it finds its own beats"
        raise ConfigError("CONFLICT", what, "give --weights of a run that learned EF from clips", where=where)
    chosen = SHIPPED if str(folder) == PACKAGE and not Path(folder).exists() else Path(folder)
    outliner = load_predictor(chosen, replace(predictor.settings, explain=False))
    if not outliner.network.dense:
        what = f"{outliner.manifest.model} predicts values, not outlines"
        raise ConfigError("CONFLICT", what, "give the folder of a run of task segmentation", where=where)
    return outliner


def _ef(name: str, value: float, predictor: Predictor, method: str) -> Measurement:
    """An ejection fraction with the interval of the weights that made it."""
    half = predictor.half_width
    return Measurement(
        name=name,
        value=value,
        unit="%",
        low=None if half is None else max(value - half, 0.0),
        high=None if half is None else min(value + half, 100.0),
        level=None if half is None else predictor.settings.level,
        method=method + ("" if half is None else "; split conformal interval"),
    )


def _by_loops(measured: list[Finding]) -> float:
    """The mean over loops of each loop's mean."""
    return float(np.mean([np.mean([value for _, value in finding.values]) for finding in measured]))


def _by_outlines(measured: list[Finding]) -> float | None:
    """The same of outlines that stand beside clips; None where there are none."""
    found = [finding.outline_ef for finding in measured if finding.outline_ef is not None]
    return float(np.mean(found)) if found else None


def _not_done(findings: list[Finding]) -> Iterator[NotDone]:
    """One line for the study where nothing was measured, else one for each loop that was left out."""
    refused = [finding for finding in findings if finding.reason]
    measured = len(findings) - len(refused)
    reasons = dict.fromkeys(finding.reason for finding in refused)
    if not measured:
        yield NotDone(what="ef", reason="; ".join(reasons) or "the study has no loops")
    elif refused:
        for reason in reasons:
            which = [str(finding.summary.index) for finding in refused if finding.reason == reason]
            yield NotDone(what=f"ef of loop {', '.join(which)}", reason=reason)
    for what, reason in dict.fromkeys(each for finding in findings for each in finding.missing):
        yield NotDone(what=what, reason=reason)


def _modality(study: Study) -> Modality:
    return study.cines[0].modality if study.cines else "US"
