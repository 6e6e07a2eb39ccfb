"""EchoNet-LVH's patients as synthetic hearts: parasternal long-axis loops with calipers across septum, cavity, wall."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from cinecor.phantom.anatomy import Heart, Region, state
from cinecor.phantom.display import make_screen, to_pixels
from cinecor.phantom.echo import NOTE
from cinecor.phantom.echo_patient import anatomical, draw_person
from cinecor.phantom.imaging import draw_imaging
from cinecor.phantom.loop import Loop, smoothed, wander
from cinecor.phantom.population import draw_ef, draw_phases, draw_recording, draw_split, generator, heart_of
from cinecor.phantom.quality import grade
from cinecor.phantom.scatterers import plane_axes
from cinecor.phantom.tissue import Tissue
from cinecor.phantom.views import PLAX
from cinecor.records import Caliper, Cine, Split, Study

SIZE = 320  # px
LEVEL = 0.36  # of the long axis from mitral plane to apex: below the tips of the open leaflets
STEP_MM = 0.05  # along a caliper
NAMES = ("ivs", "lvid", "lvpw")
"""Interventricular septum, internal diameter, posterior wall; d at end-diastole, s at end-systole."""


def wall_study(
    index: int,
    seed: int,
    *,
    split: Split | None = None,
    size: int = SIZE,
    max_frames: int = 160,
    quality: str = "any",
) -> Study:
    """One synthetic patient with a parasternal long-axis loop; a pure function of its arguments.

    Calipers lie across the long axis below the tips of the leaflets, from the right side of the septum to the outside
    of the posterior wall, and are measured on the heart itself where the imaging plane cuts it.

    Args:
        index: which patient of the cohort.
        seed: which cohort.
        split: of the study; drawn (75 / 12.5 / 12.5 %) where not given.
        size: side of the square frames, px.
        max_frames: longest loop.
        quality: of the images; the hearts are the same.

    Returns:
        A cine PLAX with six calipers, ``ivsd``, ``lvidd``, ``lvpwd`` at ED and ``ivss``, ``lvids``, ``lvpws`` at ES,
        and labels of the same names with ``_mm``; ``ef`` (%), ``edv_ml``, ``esv_ml``, ``ed_frame``, ``es_frame``,
        ``heart_rate_bpm``, ``age_years``, ``sex``.

    Raises:
        ConfigError: OUT_OF_RANGE for a quality that there is not.
    """
    heart, person = draw_thick_heart(seed, index), draw_person(seed, index)
    recording = draw_recording(seed, index, max_frames)
    rng = generator(seed, index, "walls")
    imaging = grade(draw_imaging(seed, index, state(heart, 0.0).mitral_z, PLAX), quality, rng)
    phases = draw_phases(recording, heart.heart_rate, rng)
    drift = wander(imaging, recording.frame_ms, len(phases), rng)
    loop = Loop(heart=heart, imaging=imaging, screen=make_screen(imaging, size), phases=phases, drift=drift)
    ed, es = loop.nearest(0.0), loop.nearest(heart.timing.systole)
    (calipers, lengths), (at_es, lengths_at_es) = _measured(loop, ed, "d"), _measured(loop, es, "s")
    cine = _cine(loop, recording.frame_ms, {**calipers, **at_es}, rng)
    labels: dict[str, float | str] = {
        **lengths,
        **lengths_at_es,
        "ef": heart.ef,
        "edv_ml": heart.edv,
        "esv_ml": heart.esv,
        "ed_frame": ed,
        "es_frame": es,
        "heart_rate_bpm": heart.heart_rate,
        "age_years": person.age_years,
        "sex": person.sex,
    }
    return Study(id=f"{seed:04d}w{index:06d}", cines=(cine,), split=split or draw_split(seed, index), labels=labels)


def _cine(loop: Loop, frame_ms: float, calipers: dict[str, Caliper], rng: np.random.Generator) -> Cine:
    frames, size, spacing = loop.render(rng), loop.screen.size, loop.screen.spacing_mm
    return Cine(
        source=frames[:, None],
        modality="US",
        view=PLAX.name,
        frames=len(frames),
        height=size,
        width=size,
        spacing_mm=(spacing, spacing),
        times_ms=tuple(float(time) for time in np.arange(len(frames)) * frame_ms),
        calipers=calipers,
        notes=(NOTE,),
    )


def _measured(loop: Loop, frame: int, phase: str) -> tuple[dict[str, Caliper], dict[str, float]]:
    """The three calipers of a frame by name, and their lengths in mm by label."""
    points = cut(loop, frame)
    pixels = to_pixels(loop.imaging, loop.screen, points, (float(loop.drift[frame, 0]), float(loop.drift[frame, 1])))
    calipers, lengths = {}, {}
    for name, ends, places in zip(NAMES, pairwise(points), pairwise(pixels), strict=True):
        lengths[f"{name}{phase}_mm"] = float(np.linalg.norm(ends[1] - ends[0]))
        start, end = ((float(x), float(y)) for x, y in places)
        calipers[name + phase] = Caliper(frame=frame, start=start, end=end)
    return calipers, lengths


def draw_thick_heart(seed: int, index: int) -> Heart:
    """A heart of a cohort in which every other wall is thick, the septum mostly more so than the wall across."""
    rng = generator(seed, index, "thick heart")
    heart = anatomical(heart_of(draw_ef(rng), rng), rng)
    thick = rng.random() < 0.5
    wall = float(np.clip(rng.normal(13.0, 2.2) if thick else rng.normal(9.0, 1.2), 6.0, 20.0))
    septum = Region(angle=math.radians(120.0), width=0.9, level=LEVEL, height=0.5)
    excess = float(np.clip(rng.normal(0.06, 0.2), -0.3, 0.7))
    return replace(heart, wall=wall, apical_wall=0.65 * wall, thick=septum, thicker=excess)


def cut(loop: Loop, frame: int) -> Float[np.ndarray, "4 2"]:
    """Where the caliper's line crosses the septum's two faces and the posterior wall's, (u, w) in mm of the plane.

    The line is where the imaging plane meets the plane of constant height at ``LEVEL``; it crosses the LV's long axis
    at a right angle.
    """
    heart, phase = loop.heart, float(loop.phases[frame]) % 1.0
    now, axes = state(heart, phase), plane_axes(loop.imaging.plane, loop.heart)
    direction = np.cross(axes[3], [0.0, 0.0, 1.0])
    direction *= np.sign(direction @ axes[2]) / np.linalg.norm(direction)
    height = now.mitral_z - LEVEL * now.length
    # The point of the plane at that height which lies closest to the long axis.
    up = np.array([0.0, 0.0, 1.0]) - axes[3, 2] * axes[3]
    start = axes[0] + axes[1:3].T @ (axes[1:3] @ (np.array([now.sway, 0.0, height]) - axes[0]))
    start = start + up * (height - start[2]) / up[2]
    along = np.arange(-1.6, 1.6, STEP_MM / (now.a + now.b)) * (now.a + now.b)
    tissue = smoothed(heart, start + along[:, None] * direction, phase)
    middle, cavity = len(along) // 2, tissue == Tissue.LV_CAVITY
    muscle = cavity | (tissue == Tissue.LV_WALL)
    crossings = [
        _last(muscle, middle, -1),
        _last(cavity, middle, -1),
        _last(cavity, middle, 1),
        _last(muscle, middle, 1),
    ]
    points = start + along[crossings][:, None] * direction - axes[0]
    return np.asarray(points @ axes[1:3].T)


def _last(inside: np.ndarray, middle: int, way: int) -> int:
    """The last place on the way from the middle that is still inside."""
    outside = np.flatnonzero(~inside[middle::way])
    return middle + way * (int(outside[0]) - 1)
