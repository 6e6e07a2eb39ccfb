"""Apical four-chamber loops of synthetic hearts, with exact volumes and the true outline at ED and ES."""

from __future__ import annotations

import math

import cv2
import numpy as np
from jaxtyping import Bool, Float, UInt8

from cinecor.phantom.anatomy import Heart, state
from cinecor.phantom.beam import PolarImager
from cinecor.phantom.display import Painter, Screen, make_screen, to_pixels
from cinecor.phantom.imaging import Imaging, draw_imaging
from cinecor.phantom.overlays import dress
from cinecor.phantom.population import (
    FRAME_LIMITS,
    draw_heart,
    draw_phases,
    draw_recording,
    draw_split,
    generator,
)
from cinecor.phantom.scatterers import lift, make_scatterers, plane_axes
from cinecor.phantom.tissue import Tissue, classify
from cinecor.records import Cine, Split, Study

SIZE = 112  # px, EchoNet-Dynamic's frames
RASTER_MM = 0.75  # grid on which the true outline is found
OUTLINE_POINTS = 48
NOTE = "synthetic heart"


def echo_study(
    index: int,
    seed: int,
    *,
    split: Split | None = None,
    size: int = SIZE,
    max_frames: int = FRAME_LIMITS[1],
    overlays: bool = False,
    quality: str = "any",
) -> Study:
    """One synthetic patient with one A4C loop; a pure function of its arguments.

    Args:
        index: which patient of the cohort.
        seed: which cohort.
        split: of the study; drawn (75 / 12.5 / 12.5 %) where not given.
        size: side of the square frames, px.
        max_frames: longest loop.
        overlays: put the sector on a scanner's screen (600x800, colour, ECG, text, depth marks, grey bar); the cine's
            ``region`` is then the true bounding box of the sector.
        quality: of the images; the hearts are the same.

    Returns:
        Labels ``ef`` (%, exact), ``edv_ml``, ``esv_ml``, ``ed_frame``, ``es_frame``, ``heart_rate_bpm``.
    """
    heart = draw_heart(seed, index)
    recording = draw_recording(seed, index, max_frames)
    imaging = draw_imaging(seed, index, state(heart, 0.0).mitral_z, quality)
    rng = generator(seed, index, "echo")
    phases = draw_phases(recording, heart.heart_rate, rng)
    drift = _drift(imaging, recording.frame_ms, len(phases), rng)
    screen = make_screen(imaging, 480 if overlays else size)
    frames = _render(heart, imaging, screen, phases, drift, rng)
    ed, es = _nearest(phases, 0.0), _nearest(phases, heart.timing.systole)
    contours = {frame: _outline(heart, imaging, screen, phases[frame], drift[frame]) for frame in (ed, es)}
    cine = Cine(
        source=frames[:, None],
        modality="US",
        view="A4C",
        frames=len(frames),
        height=screen.size,
        width=screen.size,
        spacing_mm=(screen.spacing_mm, screen.spacing_mm),
        times_ms=tuple(float(time) for time in np.arange(len(frames)) * recording.frame_ms),
        contours=contours,
        notes=(NOTE,),
    )
    if overlays:
        cine = dress(cine, screen, phases, rng)
    labels = {
        "ef": heart.ef,
        "edv_ml": heart.edv,
        "esv_ml": heart.esv,
        "ed_frame": ed,
        "es_frame": es,
        "heart_rate_bpm": heart.heart_rate,
    }
    return Study(id=f"{seed:04d}x{index:06d}", cines=(cine,), split=split or draw_split(seed, index), labels=labels)


def _render(
    heart: Heart,
    imaging: Imaging,
    screen: Screen,
    phases: Float[np.ndarray, " time"],
    drift: Float[np.ndarray, "time 2"],
    rng: np.random.Generator,
) -> UInt8[np.ndarray, "time height width"]:
    scatterers = make_scatterers(heart, imaging, rng)
    imager, painter = PolarImager(imaging, rng), Painter(imaging.display, screen)
    frames = np.empty((len(phases), screen.size, screen.size), np.uint8)
    for frame, (phase, shift) in enumerate(zip(phases, drift, strict=True)):
        positions, amplitudes = scatterers.at(float(phase))
        frames[frame] = painter.paint(imager.image(positions, amplitudes, (float(shift[0]), float(shift[1]))))
    return frames


def _drift(imaging: Imaging, frame_ms: float, count: int, rng: np.random.Generator) -> Float[np.ndarray, "time 2"]:
    """Where the probe has gone, mm: a random walk and breathing."""
    walk = np.cumsum(rng.normal(0.0, imaging.drift_mm, (count, 2)), axis=0)
    turns = 2.0 * math.pi * (np.arange(count) * frame_ms / imaging.breath_ms + rng.random())
    return walk + imaging.breathing_mm * np.stack([0.5 * np.sin(turns), np.cos(turns)], axis=1)


def _nearest(phases: Float[np.ndarray, " time"], target: float) -> int:
    """The frame closest to a phase of the cycle, of the most complete beat where there are several."""
    distance = np.abs((phases - target + 0.5) % 1.0 - 0.5)
    return int(np.argmin(distance))


def _outline(
    heart: Heart, imaging: Imaging, screen: Screen, phase: float, shift: Float[np.ndarray, " 2"]
) -> Float[np.ndarray, "points 2"]:
    """The LV endocardium in the imaging plane, from one mitral hinge by way of the apex to the other, px."""
    axes = plane_axes(imaging.plane, 0.5 * state(heart, 0.0).mitral_z)
    now = state(heart, phase % 1.0)
    u = np.arange(-1.9 * now.a, 1.9 * now.a, RASTER_MM)
    w = np.arange(-2.0, now.mitral_z + 8.0, RASTER_MM)
    grid_u, grid_w = np.meshgrid(u, w)
    points = lift(axes, np.stack([grid_u.ravel(), grid_w.ravel(), np.zeros(grid_u.size)], axis=1))
    labels = classify(heart, points, phase % 1.0)
    below = points[:, 2] <= now.mitral_z
    cavity = np.isin(labels, (Tissue.LV_CAVITY, Tissue.LV_PAPILLARY)) | ((labels == Tissue.MITRAL) & below)
    edge = _longest_edge(cavity.reshape(grid_u.shape))
    plane_points = np.stack([u[0] + edge[:, 0] * RASTER_MM, w[0] + edge[:, 1] * RASTER_MM], axis=1)
    open_line = _open_at_base(plane_points)
    return to_pixels(imaging, screen, open_line, (float(shift[0]), float(shift[1])))


def _longest_edge(mask: Bool[np.ndarray, "height width"]) -> Float[np.ndarray, "points 2"]:
    edges, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(max(edges, key=cv2.contourArea)[:, 0], dtype=np.float64)


def _open_at_base(edge: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, "some 2"]:
    """The closed edge without its mitral plane, begun at the septal hinge, evenly spaced."""
    basal = edge[:, 1] > edge[:, 1].max() - 2.0
    rim = edge[basal]
    septal, lateral = rim[rim[:, 0].argmin()], rim[rim[:, 0].argmax()]
    first = int(np.flatnonzero((edge == septal).all(1))[0])
    turned = np.roll(edge, -first, axis=0)
    last = int(np.flatnonzero((turned == lateral).all(1))[0])
    one_way, other_way = turned[: last + 1], np.concatenate([turned[last:], turned[:1]])[::-1]
    line = one_way if one_way[:, 1].min() < other_way[:, 1].min() else other_way
    walked = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    even = np.linspace(0.0, walked[-1], OUTLINE_POINTS)
    return np.stack([np.interp(even, walked, line[:, 0]), np.interp(even, walked, line[:, 1])], axis=1)
