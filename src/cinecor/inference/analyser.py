"""From a study to its report: choose the loops, ask the network, measure, and say what was not done and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from cinecor import io
from cinecor.inference import hypertrophy
from cinecor.inference.agreement import contradiction, tolerated
from cinecor.inference.each import analyse_each
from cinecor.inference.finding import EF, Finding
from cinecor.inference.instruments import Instruments
from cinecor.inference.looking import look_at_all
from cinecor.inference.loop import summarise
from cinecor.inference.masks import has_masks, measure_masks
from cinecor.inference.predictor import Predictor
from cinecor.inference.selection import with_times
from cinecor.inference.wording import NO_INTERVAL, synthetic_warning
from cinecor.records import Measurement, Modality, NotDone, Provenance, Report, Study
from cinecor.version import __version__

NO_REFERENCE = (
    "nothing says whether these loops are like the training's, because these weights bring no embeddings of it"
)
NO_VIEW_REFERENCE = (
    "a loop of a view that was not learned may be told to be another: the weights that tell views bring no embeddings "
    "to know it by"
)
SPREAD = 12.0  # points of EF between the clips of one study beyond which the report says that they disagree


class Analyser:
    """Measures studies with one set of weights, loaded once.

    Args:
        instruments: the networks and what is known of them.
    """

    def __init__(self, instruments: Instruments) -> None:
        self._instruments, self._predictor, self._outliner = instruments, instruments.ef, instruments.outliner

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
        findings = look_at_all(self._instruments, study.cines)
        told = any(finding.summary.told is not None for finding in findings)
        measured = [finding for finding in findings if finding.values]
        return Report(
            study=study.id,
            modality=_modality(study),
            cines=tuple(finding.summary for finding in findings),
            measurements=(*self._measurements(measured), *self._hypertrophy(findings)),
            not_done=(*_not_done(findings), *self._not_judged(findings)),
            warnings=tuple(dict.fromkeys(self._warnings(measured, findings))),
            provenance=self._instruments.provenance(told=told),
            pictures=tuple(picture for finding in measured for picture in finding.pictures),
            curves=tuple(curve for finding in measured for curve in finding.curves),
            beats=tuple(beat for finding in measured for beat in finding.beats),
        )

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

    def _hypertrophy(self, findings: list[Finding]) -> Iterator[Measurement]:
        """How probable it is, where any loop was asked about."""
        said = [(finding.summary.index, finding.hypertrophy) for finding in findings if finding.hypertrophy.clips]
        if said and self._instruments.hypertrophy is not None:
            yield hypertrophy.measurement(self._instruments.hypertrophy, said)

    def _not_judged(self, findings: list[Finding]) -> Iterator[NotDone]:
        """Why hypertrophy was asked for and of no loop could be told."""
        if self._instruments.hypertrophy is None or any(finding.hypertrophy.clips for finding in findings):
            return
        reasons = dict.fromkeys(finding.hypertrophy.reason for finding in findings if finding.hypertrophy.reason)
        yield NotDone(what=hypertrophy.TARGET, reason="; ".join(reasons) or "no loop was fit for it")

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
        told = any(finding.summary.told is not None for finding in findings)
        suspected = any(finding.hypertrophy.clips for finding in findings)
        if (measured or told or suspected) and self._instruments.synthetic(told=told):
            yield synthetic_warning([*self._said(measured, findings)])
        yield from self._contradictions(measured)
        for finding in findings:
            yield from (warning for warning in (*finding.warnings, finding.hypertrophy.warning) if warning)
        if measured:
            yield from self._doubts(measured)
        yield from self._blindness(told=told, suspected=suspected)

    def _said(self, measured: list[Finding], findings: list[Finding]) -> Iterator[str]:
        """What the report gives by networks."""
        if measured:
            yield "the value"
        if measured and self._predictor.half_width is not None:
            yield "its interval"
        told = [finding.summary.told for finding in findings if finding.summary.told is not None]
        views = sum(each.view is not None for each in told)
        if views:
            yield "the view" if views == 1 else "the views"
        elif told:
            yield "the probabilities of views"
        if any(finding.hypertrophy.clips for finding in findings):
            yield "the probability of hypertrophy"

    def _blindness(self, *, told: bool, suspected: bool) -> Iterator[str]:
        """Which networks beside that of EF cannot say whether a loop is like what they learned from."""
        judge, teller = self._instruments.hypertrophy, self._instruments.teller
        if suspected and judge is not None and judge.novelty is None:
            yield NO_REFERENCE
        if told and teller is not None and teller.blind:
            yield NO_VIEW_REFERENCE

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
    """One line for EF where it was measured in no loop, else one for the loops that were left out for each reason; and
    one for the loops of each view in which nothing is measured."""
    refused = [finding for finding in findings if finding.reason]
    tried = [finding for finding in refused if finding.lacks == EF]
    if len(refused) == len(findings):
        nothing = "no loop shows a view in which it is measured" if refused else "the study has no loops"
        yield NotDone(what=EF, reason="; ".join(dict.fromkeys(finding.reason for finding in tried)) or nothing)
        refused = [finding for finding in refused if finding.lacks != EF]
    yield from _by_reason(refused)
    for what, reason in dict.fromkeys(each for finding in findings for each in finding.missing):
        yield NotDone(what=what, reason=reason)


def _by_reason(refused: list[Finding]) -> Iterator[NotDone]:
    """One line for the loops that lack the same for the same reason."""
    loops: dict[tuple[str, str], list[str]] = {}
    for finding in refused:
        loops.setdefault((finding.lacks, finding.reason), []).append(str(finding.summary.index))
    for (what, reason), which in loops.items():
        yield NotDone(what=f"{what} of loop {', '.join(which)}", reason=reason)


def _modality(study: Study) -> Modality:
    return study.cines[0].modality if study.cines else "US"
