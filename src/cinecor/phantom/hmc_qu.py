"""HMC-QU's patients as synthetic hearts: four- and two-chamber loops on a scanner's screen, infarcts by segment."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float, UInt8

from cinecor.phantom.anatomy import Heart, state
from cinecor.phantom.display import make_screen
from cinecor.phantom.echo import NOTE
from cinecor.phantom.echo_patient import VISIBLE, draw_infarct_heart
from cinecor.phantom.imaging import draw_imaging
from cinecor.phantom.loop import Loop, wander
from cinecor.phantom.overlays import dress
from cinecor.phantom.population import Recording, draw_phases, generator
from cinecor.phantom.quality import aimed, draw_grades, grade
from cinecor.phantom.segments import IN_A2C, IN_A4C, infarcted
from cinecor.phantom.tissue import Tissue
from cinecor.phantom.views import A2C, A4C, View
from cinecor.records import Cine, Split, Study

RATE = 25.0  # frames a second
SCREENS = ((422, 636), (434, 636), (600, 800), (768, 1024))
SCREEN_SHARES = (0.45, 0.25, 0.2, 0.1)
BEATS = (1.35, 2.1)  # a loop holds one whole cycle wherever it starts, and up to another
LV_WALL = 1  # label of a mask


def infarct_study(
    index: int, seed: int, *, split: Split | None = None, max_frames: int = 60, quality: str = "any"
) -> Study:
    """One synthetic patient with a four- and a two-chamber loop; a pure function of its arguments.

    Args:
        index: which patient of the cohort.
        seed: which cohort.
        split: of the study; none where not given, as the layout has none.
        max_frames: longest loop; one that is shorter than a cycle has no masks.
        quality: of both views; drawn for each, as often as in CAMUS, where ``any``.

    Returns:
        Cines A4C and A2C, both with the same frame times; the A4C cine has masks (1: wall of the left ventricle) for
        the frames of one cycle, from one end-diastole to the next. Labels ``seg3`` … (0 or 1, the twelve segments of
        the views by AHA number), ``infarct`` (1 where any of them is), ``infarct_a4c``, ``infarct_a2c`` (1 where any
        of this view's is), ``reference_frame_a4c`` and ``end_of_cycle_a4c`` (where there is a whole cycle), the same
        for ``a2c``, ``ef`` (%), ``edv_ml``, ``esv_ml``, ``ed_frame``, ``es_frame``, ``heart_rate_bpm``,
        ``quality_a4c``, ``quality_a2c``.

    Raises:
        ConfigError: OUT_OF_RANGE for a quality that there is not.
    """
    heart = draw_infarct_heart(seed, index)
    rng = generator(seed, index, "hmc_qu")
    drawn = draw_grades(rng, 2)
    grades = drawn if quality == "any" else (quality, quality)
    phases = _phases(heart, max_frames, rng)
    screen = SCREENS[int(rng.choice(len(SCREENS), p=SCREEN_SHARES))]
    cines = tuple(
        _cine(heart, view, found, phases, screen, (seed, index)) for view, found in zip((A4C, A2C), grades, strict=True)
    )
    positive = infarcted(heart)
    ed, es = _events(heart, phases)
    labels: dict[str, float | str] = {
        "infarct": float(any(positive[number] for number in VISIBLE)),
        "infarct_a4c": float(any(positive[number] for number in IN_A4C)),
        "infarct_a2c": float(any(positive[number] for number in IN_A2C)),
        **{f"seg{number}": float(positive[number]) for number in VISIBLE},
        "ef": heart.ef,
        "edv_ml": heart.edv,
        "esv_ml": heart.esv,
        "ed_frame": ed,
        "es_frame": es,
        "heart_rate_bpm": heart.heart_rate,
        "quality_a4c": grades[0].capitalize(),
        "quality_a2c": grades[1].capitalize(),
    }
    if cycle := _cycle(phases):
        for view in ("a4c", "a2c"):
            labels |= {f"reference_frame_{view}": float(cycle[0]), f"end_of_cycle_{view}": float(cycle[-1])}
    return Study(id=f"{seed:04d}q{index:06d}", cines=cines, split=split, labels=labels)


def _phases(heart: Heart, max_frames: int, rng: np.random.Generator) -> Float[np.ndarray, " time"]:
    """A loop that holds one whole cycle: it begins in the last third of the beat before."""
    cycle = 60_000.0 / heart.heart_rate * RATE / 1000.0
    first = float(rng.uniform(0.72, 0.98))
    frames = int(np.ceil(cycle * (1.0 - first + float(rng.uniform(*BEATS))))) + 2
    recording = Recording(
        frames=max(2, min(frames, max_frames)), frame_ms=1000.0 / RATE, first_phase=first, rr_spread=0.02
    )
    return draw_phases(recording, heart.heart_rate, rng)


def _cycle(phases: Float[np.ndarray, " time"]) -> range:
    """Frames of the first whole cycle, both end-diastoles included; none where there is no whole one."""
    first = int(np.argmin(np.abs(phases - 1.0)))
    last = int(np.argmin(np.abs(phases - 2.0)))
    return range(first, last + 1) if phases[-1] >= 2.0 else range(0)


def _events(heart: Heart, phases: Float[np.ndarray, " time"]) -> tuple[int, int]:
    """ED and ES of that cycle."""
    return tuple(int(np.argmin(np.abs(phases - target))) for target in (1.0, 1.0 + heart.timing.systole))  # type: ignore[return-value]


def _cine(
    heart: Heart,
    view: View,
    quality: str,
    phases: Float[np.ndarray, " time"],
    shape: tuple[int, int],
    patient: tuple[int, int],
) -> Cine:
    rng = generator(*patient, f"hmc_qu {view.name}")
    imaging = aimed(grade(draw_imaging(*patient, state(heart, 0.0).mitral_z, view), quality, rng))
    loop = Loop(
        heart=heart,
        imaging=imaging,
        screen=make_screen(imaging, min(shape[0] - 92, shape[1] - 160, 480)),
        phases=phases,
        drift=wander(imaging, 1000.0 / RATE, len(phases), rng),
    )
    frames = loop.render(rng)
    size, spacing = loop.screen.size, loop.screen.spacing_mm
    bare = Cine(
        source=frames[:, None],
        modality="US",
        view=view.name,
        frames=len(frames),
        height=size,
        width=size,
        spacing_mm=(spacing, spacing),
        times_ms=tuple(float(time) for time in np.arange(len(frames)) * 1000.0 / RATE),
        contours={frame: loop.outline(frame) for frame in _events(heart, phases)},
        notes=(NOTE,),
    )
    dressed = dress(bare, loop.screen, phases, rng, shape)
    if view != A4C:
        return dressed
    corner = _corner(bare, dressed)
    return replace(dressed, masks={frame: _wall(loop, frame, corner, shape) for frame in _cycle(phases)})


def _corner(bare: Cine, dressed: Cine) -> tuple[int, int]:
    """Left and top of the sector's square on the screen, from how far the outline has moved."""
    frame = next(iter(bare.contours))
    left, top = (dressed.contours[frame] - bare.contours[frame])[0]
    return round(left), round(top)


def _wall(loop: Loop, frame: int, corner: tuple[int, int], shape: tuple[int, int]) -> UInt8[np.ndarray, "height width"]:
    size, (left, top) = loop.screen.size, corner
    whole = np.zeros(shape, np.uint8)
    whole[top : top + size, left : left + size] = loop.labels(frame, {Tissue.LV_WALL: LV_WALL})
    return whole
