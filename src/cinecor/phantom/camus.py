"""CAMUS's patients as synthetic hearts: two- and four-chamber half sequences, every frame labelled, quality graded."""

from __future__ import annotations

import numpy as np

from cinecor.phantom.anatomy import Heart, state
from cinecor.phantom.display import make_screen
from cinecor.phantom.echo import NOTE
from cinecor.phantom.echo_patient import draw_camus_heart, draw_person
from cinecor.phantom.imaging import draw_imaging
from cinecor.phantom.loop import Loop, wander
from cinecor.phantom.population import draw_split, fold_of, generator
from cinecor.phantom.quality import aimed, draw_grades, grade
from cinecor.phantom.tissue import Tissue
from cinecor.phantom.views import A2C, A4C, View
from cinecor.records import Cine, Split, Study

SIZE = 320  # px, side of the square around the sector
FRAMES = (10, 42)  # of a half sequence
RATES = (38.0, 75.0)  # frames a second
LEFT_VENTRICLE, MYOCARDIUM, LEFT_ATRIUM = 1, 2, 3  # labels of a mask, as CAMUS has them
TABLE = {Tissue.LV_CAVITY: LEFT_VENTRICLE, Tissue.LV_WALL: MYOCARDIUM, Tissue.LA_CAVITY: LEFT_ATRIUM}


def camus_study(
    index: int,
    seed: int,
    *,
    split: Split | None = None,
    size: int = SIZE,
    max_frames: int = FRAMES[1],
    quality: str = "any",
) -> Study:
    """One synthetic patient with a two- and a four-chamber loop from end-diastole to end-systole; a pure function.

    Both loops have the same number of frames; the first is end-diastole and the last end-systole, exactly.

    Args:
        index: which patient of the cohort.
        seed: which cohort.
        split: of the study; drawn (75 / 12.5 / 12.5 %) where not given.
        size: side of the square around the sector, px; frames are cut to the sector.
        max_frames: longest half sequence.
        quality: of both views; drawn for each, as often as in CAMUS, where ``any``.

    Returns:
        Cines A4C and A2C with masks of every frame (1 left ventricle, 2 myocardium, 3 left atrium) and outlines at ED
        and ES. Labels ``ef`` (%, exact), ``edv_ml``, ``esv_ml``, ``heart_rate_bpm``, ``age_years``, ``sex``, ``fold``
        (0 to 9), and of each view ``ed_frame_a4c``, ``es_frame_a4c``, ``quality_a4c`` (Good, Medium, Poor), the same
        for ``a2c``.

    Raises:
        ConfigError: OUT_OF_RANGE for a quality that there is not.
    """
    heart, person = draw_camus_heart(seed, index), draw_person(seed, index)
    rng = generator(seed, index, "camus")
    drawn = draw_grades(rng, 2)
    grades = drawn if quality == "any" else (quality, quality)
    systole_ms = heart.timing.systole * 60_000.0 / heart.heart_rate
    frames = int(np.clip(round(systole_ms * float(rng.uniform(*RATES)) / 1000.0), FRAMES[0], FRAMES[1]))
    frames = max(2, min(frames, max_frames))
    times = np.linspace(0.0, systole_ms, frames)
    cines = tuple(
        _cine(heart, view, found, times, size, (seed, index))
        for view, found in zip((A4C, A2C), reversed(grades), strict=True)
    )
    labels: dict[str, float | str] = {
        "ef": heart.ef,
        "edv_ml": heart.edv,
        "esv_ml": heart.esv,
        "heart_rate_bpm": heart.heart_rate,
        "age_years": person.age_years,
        "sex": person.sex,
        "fold": float(fold_of(index)),
    }
    for view, found in (("a4c", grades[1]), ("a2c", grades[0])):
        labels |= {
            f"ed_frame_{view}": 0.0,
            f"es_frame_{view}": float(frames - 1),
            f"quality_{view}": found.capitalize(),
        }
    return Study(id=f"{seed:04d}c{index:06d}", cines=cines, split=split or draw_split(seed, index), labels=labels)


def _cine(heart: Heart, view: View, quality: str, times: np.ndarray, size: int, patient: tuple[int, int]) -> Cine:
    rng = generator(*patient, f"camus {view.name}")
    drawn = draw_imaging(*patient, state(heart, 0.0).mitral_z, view)
    imaging = aimed(grade(drawn, quality, rng))
    phases = times * heart.heart_rate / 60_000.0
    loop = Loop(
        heart=heart,
        imaging=imaging,
        screen=make_screen(imaging, size),
        phases=phases,
        drift=wander(imaging, float(times[1]), len(times), rng),
    )
    rows, columns = _extent(loop)
    frames = loop.render(rng)[:, None, rows, columns]
    ends = (0, len(times) - 1)
    return Cine(
        source=np.ascontiguousarray(frames),
        modality="US",
        view=view.name,
        frames=len(frames),
        height=frames.shape[2],
        width=frames.shape[3],
        spacing_mm=(loop.screen.spacing_mm, loop.screen.spacing_mm),
        times_ms=tuple(float(time) for time in times),
        contours={frame: loop.outline(frame) - np.array([columns.start, rows.start]) for frame in ends},
        masks={frame: np.ascontiguousarray(loop.labels(frame, TABLE)[rows, columns]) for frame in range(len(frames))},
        notes=(NOTE,),
    )


def _extent(loop: Loop) -> tuple[slice, slice]:
    """Rows and columns that hold the sector."""
    rows, columns = (np.flatnonzero(loop.screen.inside.any(axis)) for axis in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
