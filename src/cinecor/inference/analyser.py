"""From a study to its report: choose the loops, ask the network, measure, and say what was not done and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from cinecor import io
from cinecor.errors import CinecorError, ConfigError, InputError
from cinecor.inference.by_clips import measure_clips
from cinecor.inference.by_outline import measure_outlines
from cinecor.inference.finding import Finding
from cinecor.inference.loop import summarise
from cinecor.inference.masks import has_masks, measure_masks
from cinecor.inference.predictor import Predictor, load_predictor
from cinecor.inference.selection import path_of, refusal, with_times
from cinecor.inference.settings import Settings
from cinecor.records import (
    Cine,
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

SYNTHETIC_WARNING = (
    "the weights were trained on synthetic hearts only: "
    "of a real heart, the value and its interval are no more than an illustration"
)
NO_INTERVAL = "an interval is not given, because these weights bring no calibration (enough patients) for this level"
NO_REFERENCE = (
    "nothing says whether these loops are like the training's, because these weights bring no embeddings of it"
)
SPREAD = 12.0  # points of EF between the clips of one study beyond which the report says that they disagree


class Analyser:
    """Measures studies with one set of weights, loaded once.

    Args:
        predictor: the network and what is known of it.
        shipped: whether the weights are those of the package.
    """

    def __init__(self, predictor: Predictor, *, shipped: bool = False) -> None:
        self._predictor, self._shipped = predictor, shipped

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
        for study in studies:
            try:
                yield self.analyse(study)
            except CinecorError as error:
                yield io.Failure(path_of(study), error)

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
        findings, failures = [], []
        for index, cine in enumerate(study.cines):
            try:
                findings.append(self._look(cine, index))
            except CinecorError as error:
                failures.append(error)
                reason = f"it could not be read ({error.code}: {error.what})"
                findings.append(Finding(summary=summarise(cine, index, cine.frames or 0), reason=reason))
        if failures and len(failures) == len(findings):
            raise failures[0]
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
        )

    def _look(self, cine: Cine, index: int) -> Finding:
        reason = refusal(cine, self._predictor.spec, self._predictor.view)
        summary = summarise(cine, index, cine.frames or 0)
        if reason:
            return Finding(summary=summary, reason=reason)
        measure = measure_outlines if self._predictor.network.dense else measure_clips
        try:
            return measure(self._predictor, cine, index, io.load(cine))
        except InputError as error:
            if error.code not in ("NOT_RECOGNISED", "UNSUPPORTED"):
                raise
            return Finding(summary=summary, reason=error.what)

    def _measurements(self, measured: list[Finding]) -> Iterator[Measurement]:
        if not measured:
            return
        yield self._ef(measured)
        for finding in measured:
            yield from finding.details
        rates = [rate for finding in measured if (rate := finding.summary.heart_rate_bpm) is not None]
        if rates:
            method = "median interval between the beats found"
            yield Measurement(name="heart_rate", value=float(np.median(rates)), unit="1/min", method=method)

    def _ef(self, measured: list[Finding]) -> Measurement:
        """The mean over loops of each loop's mean."""
        means = [float(np.mean([value for _, value in finding.values])) for finding in measured]
        ef, half = float(np.mean(means)), self._predictor.half_width
        clips = tuple((finding.summary.index, start) for finding in measured for start, _ in finding.values)
        return Measurement(
            name="ef",
            value=ef,
            unit="%",
            low=None if half is None else max(ef - half, 0.0),
            high=None if half is None else min(ef + half, 100.0),
            level=None if half is None else self._predictor.settings.level,
            method=self._method(len(clips), len(measured)) + ("" if half is None else "; split conformal interval"),
            clips=clips,
        )

    def _method(self, parts: int, loops: int) -> str:
        name, part = self._predictor.manifest.model, "beat" if self._predictor.network.dense else "clip"
        how = f"{name}, single-plane discs on its outlines" if self._predictor.network.dense else name
        counted = f"{parts} {part}s" if parts > 1 else f"one {part}"
        return f"{how}, mean over {counted}" + (f" of {loops} loops" if loops > 1 else "")

    def _warnings(self, measured: list[Finding], findings: list[Finding]) -> Iterator[str]:
        if measured and self._predictor.manifest.training_data.get("synthetic"):
            yield SYNTHETIC_WARNING
        for finding in findings:
            yield from finding.warnings
        values = [value for finding in measured for _, value in finding.values]
        if values and np.ptp(values) > SPREAD:
            parts = "beats" if self._predictor.network.dense else "clips"
            yield f"the {parts} disagree: EF from {min(values):.0f} to {max(values):.0f} %"
        if any(not finding.summary.beats for finding in measured):
            yield "no complete beat was found in at least one loop that was measured"
        if measured and self._predictor.half_width is None:
            yield NO_INTERVAL
        if measured and self._predictor.novelty is None:
            yield NO_REFERENCE

    def _provenance(self) -> Provenance:
        manifest = self._predictor.manifest
        return Provenance(
            version=__version__,
            model=f"{manifest.model} (weights in the package)" if self._shipped else manifest.model,
            weights_sha256=manifest.weights_sha256,
            trained_on=str(manifest.training_data.get("description", "unknown")),
        )


def load_analyser(folder: Path | str | None = None, settings: Settings | None = None, *, loops: int = 0) -> Analyser:
    """An analyser with the weights of a run's folder, or with those that come with the package.

    Args:
        folder: of a run; None: the weights in the package.
        settings: what the user chose.
        loops: how many will be analysed, as far as is known; with ``engine="auto"`` it decides whether the network is
            compiled first.

    Raises:
        CheckpointError: the weights are missing, damaged, unsafe or of another model.
        ConfigError: CONFLICT for weights that do not predict EF, and for an explanation of a network of outlines.
        ResourceError: NO_DEVICE.
    """
    chosen = SHIPPED if folder is None else Path(folder)
    predictor = load_predictor(chosen, settings or Settings(), loops=loops)
    if predictor.settings.explain and predictor.network.dense:
        what = f"{predictor.manifest.model} outlines: the report shows its outlines anyway"
        raise ConfigError("CONFLICT", what, "leave explain out", where="explain")
    return Analyser(predictor, shipped=folder is None)


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
