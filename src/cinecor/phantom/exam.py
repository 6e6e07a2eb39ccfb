"""An examination: all fifteen views of one patient, from one beating heart in one body, on one scanner's screens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from cinecor.errors import ConfigError
from cinecor.phantom.anatomy import state
from cinecor.phantom.body import Body, make_body
from cinecor.phantom.echo import NOTE
from cinecor.phantom.echo_patient import Person, draw_person
from cinecor.phantom.great_vessels import draw_torso
from cinecor.phantom.hypertrophy import draw_patient_heart, grade, measure
from cinecor.phantom.imaging import Imaging, Plane, draw_imaging
from cinecor.phantom.loop import wander
from cinecor.phantom.panes import Shown, show_loop, show_strip
from cinecor.phantom.population import draw_split, generator
from cinecor.phantom.quality import draw_grades
from cinecor.phantom.quality import grade as graded
from cinecor.phantom.screens import HEIGHT, STYLES, WIDTH, Style, get_style
from cinecor.phantom.view_loop import ViewLoop
from cinecor.phantom.views import View
from cinecor.phantom.windows import AIMS, MITRAL_LEVEL
from cinecor.records import Cine, Split, Study

STRIPS = ("PW", "CW", "M-mode")
VIEW_NAMES = (*AIMS, *STRIPS)
"""The fifteen, as ``Cine.view`` has them."""
OUTLINED_VIEWS = ("PLAX", "PSAX", "A2C", "A3C", "A4C", "A5C")
"""In which the left ventricle's epicardium is outlined."""
FRAMES = 4
DUAL_SHARE, LOCATOR_SHARE = 0.10, 0.65
"""Of loops that stand twice on the screen; of strips with a picture above."""
MITRAL_SHARE = 0.35  # of short axes, which are at the mitral valve; the others are at the papillary muscles
SLOWEST_MS = 240.0  # between frames


@dataclass(frozen=True, kw_only=True)
class Exam:
    """What all views of one patient share."""

    body: Body
    person: Person
    style: Style
    phases: Float[np.ndarray, " time"]
    frame_ms: float
    patient: tuple[int, int]
    """Seed and index."""


def view_study(
    index: int,
    seed: int,
    *,
    views: Sequence[str] = VIEW_NAMES,
    frames: int = FRAMES,
    style: str | None = None,
    dual: float | None = None,
    quality: str = "any",
    split: Split | None = None,
) -> Study:
    """One synthetic patient's examination, a loop of each view on a screen of 600x800; a pure function.

    A view looks the same whichever others are asked for. One patient in five has a thick left ventricle.

    Args:
        index: which patient of the cohort.
        seed: which cohort.
        views: which of ``VIEW_NAMES``, in the order wanted.
        frames: of each loop; they begin at end-diastole and are spread over one beat where they are few; 1 is a still.
        style: make of the scanner, one of ``screens.STYLES``; drawn for each patient where not given.
        dual: probability that a loop stands twice side by side, and a strip below a picture; 0.10 and 0.65 where not
            given.
        quality: of the images; drawn for each view as often as in CAMUS where ``any``. The hearts are the same.
        split: of the study; drawn (75 / 12.5 / 12.5 %) where not given.

    Returns:
        Cines in colour with ``region`` (the box of the field of view) and ``outlines``: ``fov`` of every frame (the
        left-most sector, or the strip of PW, CW and M-mode), ``epicardium`` of every frame of ``OUTLINED_VIEWS`` that
        shows the left ventricle. Labels ``lvh`` (0 or 1: 1 from mild on, where paper 004's grades begin at moderate),
        ``lvh_grade`` (none, mild, moderate, severe), ``lvh_pattern`` (none, concentric, asymmetric), ``ivsd_mm``,
        ``lvpwd_mm``, ``apexd_mm``, ``ef`` (%, exact),
        ``edv_ml``, ``esv_ml``, ``ed_frame``, ``es_frame``, ``heart_rate_bpm``, ``age_years``, ``sex``, ``scanner``.

    Raises:
        ConfigError: UNKNOWN_KEY for a view or a style that there is not, OUT_OF_RANGE for less than one frame, a
            quality that there is not or what is no probability.
    """
    unknown = [view for view in views if view not in VIEW_NAMES]
    if unknown:
        raise ConfigError(
            "UNKNOWN_KEY", f"the phantom has no view {unknown[0]!r}", f"choose of {', '.join(VIEW_NAMES)}"
        )
    if frames < 1:
        raise ConfigError("OUT_OF_RANGE", f"{frames} frames are below 1", "give at least 1", where="frames")
    if dual is not None and not 0 <= dual <= 1:
        raise ConfigError("OUT_OF_RANGE", f"{dual} is no probability", "give 0 to 1", where="dual")
    exam, pattern = _begin(index, seed, frames, style)
    drawn = draw_grades(generator(seed, index, "exam quality"), len(VIEW_NAMES))
    grades = dict(zip(VIEW_NAMES, drawn, strict=True))
    cines = tuple(_cine(exam, view, dual, grades[view] if quality == "any" else quality) for view in views)
    return Study(
        id=f"{seed:04d}v{index:06d}",
        cines=cines,
        split=split or draw_split(seed, index),
        labels=_labels(exam, pattern),
    )


def _begin(index: int, seed: int, frames: int, style: str | None) -> tuple[Exam, str]:
    person = draw_person(seed, index)
    heart, pattern = draw_patient_heart(seed, index, person)
    rng = generator(seed, index, "exam")
    drawn = str(rng.choice(list(STYLES)))
    beat_ms = 60_000.0 / heart.heart_rate
    frame_ms = min(max(beat_ms / frames, 1000.0 / float(rng.uniform(25.0, 60.0))), SLOWEST_MS)
    # An ECG starts the recording: the first frame is end-diastole to a hundredth of a beat.
    phases = float(rng.uniform(0.0, 0.012)) + np.arange(frames) * frame_ms / beat_ms
    return Exam(
        body=make_body(heart, draw_torso(seed, index)),
        person=person,
        style=get_style(drawn if style is None else style),
        phases=phases,
        frame_ms=frame_ms,
        patient=(seed, index),
    ), pattern


def _labels(exam: Exam, pattern: str) -> dict[str, float | str]:
    heart, walls = exam.body.heart, measure(exam.body.heart)
    how = grade(walls, exam.person.sex)
    away = [np.abs((exam.phases - target + 0.5) % 1.0 - 0.5) for target in (0.0, heart.timing.systole)]
    return {
        "lvh": float(how != "none"),
        "lvh_grade": how,
        "lvh_pattern": pattern if pattern in ("none", "concentric") else "asymmetric",
        "ivsd_mm": walls.septum,
        "lvpwd_mm": walls.posterior,
        "apexd_mm": walls.apex,
        "ef": heart.ef,
        "edv_ml": heart.edv,
        "esv_ml": heart.esv,
        "ed_frame": int(np.argmin(away[0])),
        "es_frame": int(np.argmin(away[1])),
        "heart_rate_bpm": heart.heart_rate,
        "age_years": exam.person.age_years,
        "sex": exam.person.sex,
        "scanner": exam.style.name,
    }


def _cine(exam: Exam, view: str, dual: float | None, quality: str) -> Cine:
    rng = generator(*exam.patient, f"exam {view}")
    usual = LOCATOR_SHARE if view in STRIPS else DUAL_SHARE
    twice = bool(rng.random() < (usual if dual is None else dual))
    if view in STRIPS:
        shown = show_strip(
            exam.body, exam.style, view, exam.phases, lambda name: _loop(exam, name, quality), twice, rng
        )
    else:
        shown = show_loop(_loop(exam, view, quality), exam.style, twice, view in OUTLINED_VIEWS, rng)
    return _recorded(exam, view, shown)


def _recorded(exam: Exam, view: str, shown: Shown) -> Cine:
    outlines = {"fov": dict.fromkeys(range(len(shown.frames)), shown.fov)}
    if shown.epicardium:
        outlines["epicardium"] = shown.epicardium
    return Cine(
        source=np.ascontiguousarray(shown.frames.transpose(0, 3, 1, 2)),
        modality="US",
        view=view,
        frames=len(shown.frames),
        height=HEIGHT,
        width=WIDTH,
        spacing_mm=None if shown.spacing_mm is None else (shown.spacing_mm, shown.spacing_mm),
        times_ms=tuple(float(time) for time in np.arange(len(shown.frames)) * exam.frame_ms),
        region=shown.region,
        outlines=outlines,
        notes=(NOTE,),
    )


def _loop(exam: Exam, view: str, quality: str) -> ViewLoop:
    """The body as one view of this examination shows it."""
    rng = generator(*exam.patient, f"exam plane {view}")
    aim = AIMS[view](exam.body)
    if view == "PSAX" and rng.random() < MITRAL_SHARE:
        aim = MITRAL_LEVEL(exam.body)
    drawn = _drawn(exam, view)
    before = aim.before * float(rng.uniform(0.96, 1.10)) if aim.before else float(rng.uniform(6.0, 22.0))
    plane = Plane(
        view=drawn.plane.view,
        probe=(float(rng.normal(0.0, 3.5)), -before),
        yaw=float(rng.normal(0.0, 0.06)),
        slope=float(rng.normal(0.0, 0.03)),
        offset=float(rng.normal(0.0, 1.2)),
        tilt=aim.turned + float(rng.normal(0.0, 0.07)),
        half_angle=math.radians(float(rng.uniform(36.0, 46.0))),
        depth=before + aim.behind * float(rng.uniform(1.0, 1.25)),
    )
    imaging = graded(replace(drawn, plane=plane, crop=1.0), quality, rng)
    drift = wander(imaging, exam.frame_ms, len(exam.phases), rng)
    return ViewLoop(body=exam.body, aim=aim, imaging=imaging, phases=exam.phases, drift=drift)


def _drawn(exam: Exam, view: str) -> Imaging:
    """Machine, settings and tissue of the patient, with what the window of a view adds; the plane is not its own."""
    window = View(
        name=view,
        shows="",
        right=(1.0, 0.0, 0.0),
        down=(0.0, 0.0, 1.0),
        window="apical" if view in ("A2C", "A3C", "A4C", "A5C") else "parasternal",
    )
    drawn = draw_imaging(*exam.patient, state(exam.body.heart, 0.0).mitral_z, window)
    # A picture that is dark or grey all over is not kept in an examination.
    display = replace(drawn.display, gain_db=max(drawn.display.gain_db, -7.0), gamma=min(drawn.display.gamma, 1.6))
    tissues = replace(drawn.tissues, blood=min(drawn.tissues.blood, 0.04), posterior=min(drawn.tissues.posterior, 0.8))
    return replace(drawn, display=display, tissues=tissues)
