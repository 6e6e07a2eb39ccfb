"""EchoNet-Pediatric's children as synthetic hearts: small, fast, seen from the apex and across the short axis."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from cinecor.phantom.anatomy import Heart, scaled, state
from cinecor.phantom.display import make_screen
from cinecor.phantom.echo import NOTE, SIZE
from cinecor.phantom.echo_patient import anatomical
from cinecor.phantom.imaging import Imaging, draw_imaging
from cinecor.phantom.loop import RASTER_MM, Loop, wander
from cinecor.phantom.population import Recording, draw_phases, fold_of, generator, heart_of
from cinecor.phantom.quality import aimed, grade
from cinecor.phantom.views import A4C, PSAX, View
from cinecor.records import Cine, Split, Study

RATES = (45.0, 90.0)  # frames a second
BEATS = (2.0, 4.5)
OLDEST = 18.0  # years
ADULT_EDV = 95.0  # mL, of the hearts for which ``imaging`` sets its depths


@dataclass(frozen=True, kw_only=True)
class Child:
    """Whom a heart belongs to, and how much smaller than an adult's it is."""

    age_years: float
    sex: str
    height_cm: float
    weight_kg: float

    @property
    def body_surface_m2(self) -> float:
        """Mosteller's formula (NEJM 1987)."""
        return math.sqrt(self.height_cm * self.weight_kg / 3600.0)


def pediatric_study(
    index: int,
    seed: int,
    *,
    split: Split | None = None,
    size: int = SIZE,
    max_frames: int = 400,
    quality: str = "any",
) -> Study:
    """One synthetic child with a four-chamber and a short-axis loop of the same frame times; a pure function.

    Args:
        index: which child of the cohort.
        seed: which cohort.
        split: of the study; none where not given: folds take turns at it.
        size: side of the square frames, px.
        max_frames: longest loop.
        quality: of the images; the hearts are the same.

    Returns:
        Cines A4C and PSAX (at the papillary muscles) with outlines at ED and ES. Labels ``ef`` (%, exact), ``edv_ml``,
        ``esv_ml``, ``ed_frame``, ``es_frame``, ``heart_rate_bpm``, ``age_years``, ``sex``, ``height_cm``,
        ``weight_kg``, ``fold`` (0 to 9).

    Raises:
        ConfigError: OUT_OF_RANGE for a quality that there is not.
    """
    child, heart = draw_child(seed, index)
    rng = generator(seed, index, "pediatric")
    frame_ms = 1000.0 / float(rng.uniform(*RATES))
    frames = round(float(rng.uniform(*BEATS)) * 60_000.0 / heart.heart_rate / frame_ms)
    recording = Recording(
        frames=max(2, min(frames, max_frames)), frame_ms=frame_ms, first_phase=float(rng.random()), rr_spread=0.02
    )
    phases = draw_phases(recording, heart.heart_rate, rng)
    loops = [_loop(heart, view, phases, frame_ms, size, quality, (seed, index)) for view in (A4C, PSAX)]
    ed, es = loops[0].nearest(0.0), loops[0].nearest(heart.timing.systole)
    labels: dict[str, float | str] = {
        "ef": heart.ef,
        "edv_ml": heart.edv,
        "esv_ml": heart.esv,
        "ed_frame": ed,
        "es_frame": es,
        "heart_rate_bpm": heart.heart_rate,
        "age_years": child.age_years,
        "sex": child.sex,
        "height_cm": child.height_cm,
        "weight_kg": child.weight_kg,
        "fold": float(fold_of(index)),
    }
    cines = tuple(
        _cine(loop, frame_ms, (ed, es), generator(seed, index, loop.imaging.plane.view.name)) for loop in loops
    )
    return Study(id=f"{seed:04d}p{index:06d}", cines=cines, split=split, labels=labels)


def draw_child(seed: int, index: int) -> tuple[Child, Heart]:
    """A child and its heart: most hearts are well, one in eight fails.

    Height and weight rise with age as growth charts' medians do; the ventricle holds some 65 mL at 1 m² of body surface
    and grows a little faster than that surface; a newborn's heart beats twice as fast as a grown one's.
    """
    rng = generator(seed, index, "child")
    age = round(float(rng.uniform(0.0, OLDEST)), 1)
    grown = 50.0 + 25.0 * (1.0 - math.exp(-1.2 * age)) + 6.1 * min(age, 16.0)
    height = round(grown * float(np.exp(rng.normal(0.0, 0.04))), 1)
    index_kg_m2 = 13.5 + 2.7 * min(age, 1.0) + 0.45 * max(0.0, age - 7.0)
    weight = round(index_kg_m2 * (height / 100.0) ** 2 * float(np.exp(rng.normal(0.0, 0.12))), 1)
    child = Child(age_years=age, sex="F" if rng.random() < 0.43 else "M", height_cm=height, weight_kg=weight)
    failing = rng.random() < 0.125
    ef = float(np.clip(rng.normal(43.0, 9.0) if failing else rng.normal(62.0, 5.0), 15.0, 78.0))
    adult = anatomical(heart_of(ef, rng), rng)
    target = 65.0 * child.body_surface_m2**1.2 * float(np.exp(rng.normal(0.2 if failing else 0.0, 0.15)))
    rate = (72.0 + 68.0 * math.exp(-age / 4.0)) * float(np.exp(rng.normal(0.0, 0.12)))
    return child, replace(
        scaled(adult, (target / adult.edv) ** (1.0 / 3.0)), heart_rate=float(np.clip(rate, 50.0, 180.0))
    )


def _loop(
    heart: Heart,
    view: View,
    phases: np.ndarray,
    frame_ms: float,
    size: int,
    quality: str,
    patient: tuple[int, int],
) -> Loop:
    rng = generator(*patient, f"pediatric {view.name}")
    small = (heart.edv / ADULT_EDV) ** (1.0 / 3.0)
    drawn = draw_imaging(*patient, state(heart, 0.0).mitral_z / small, view)
    graded = grade(drawn, quality, rng)
    imaging = _nearer(aimed(graded) if view == A4C else graded, small)
    return Loop(
        heart=heart,
        imaging=imaging,
        screen=make_screen(imaging, size),
        phases=phases,
        drift=wander(imaging, frame_ms, len(phases), rng),
        raster_mm=RASTER_MM * min(small, 1.0),
    )


def _nearer(imaging: Imaging, factor: float) -> Imaging:
    """The same recording of a smaller chest."""
    plane = imaging.plane
    near = replace(
        plane,
        probe=(plane.probe[0] * factor, plane.probe[1] * factor),
        offset=plane.offset * factor,
        depth=plane.depth * factor,
    )
    return replace(imaging, plane=near, drift_mm=imaging.drift_mm * factor, breathing_mm=imaging.breathing_mm * factor)


def _cine(loop: Loop, frame_ms: float, outlined: tuple[int, int], rng: np.random.Generator) -> Cine:
    frames, spacing = loop.render(rng), loop.screen.spacing_mm
    return Cine(
        source=frames[:, None],
        modality="US",
        view=loop.imaging.plane.view.name,
        frames=len(frames),
        height=loop.screen.size,
        width=loop.screen.size,
        spacing_mm=(spacing, spacing),
        times_ms=tuple(float(time) for time in np.arange(len(frames)) * frame_ms),
        contours={frame: loop.outline(frame) for frame in outlined},
        notes=(NOTE,),
    )
