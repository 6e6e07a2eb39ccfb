"""The sector is found on screens, in crops, in stills and in the dark; what is no echo is refused."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from cinecor import io
from cinecor.clips.sector import Sector, find_sector, grey_levels
from cinecor.errors import InputError
from cinecor.phantom import echo_study
from cinecor.records import Frames


def draw_loop(
    apex: tuple[float, float],
    half_angle: float,
    radius: float,
    shape: tuple[int, int],
    *,
    near: float = 0.0,
    count: int = 12,
) -> tuple[Frames, np.ndarray]:
    """Speckle in a wedge, black around it; and the wedge's mask."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[: shape[0], : shape[1]]
    across, down = x - apex[0], y - apex[1]
    distance = np.hypot(across, down)
    mask = (np.abs(np.arctan2(across, down)) <= half_angle) & (distance <= radius) & (distance >= near)
    speckle = rng.rayleigh(40.0, (count, *shape))
    frames = np.clip(speckle * mask, 0, 255).astype(np.uint8)
    return frames[:, None], mask


def overlap(sector: Sector, mask: np.ndarray) -> float:
    return float((sector.mask & mask).sum() / (sector.mask | mask).sum())


@pytest.mark.parametrize(
    ("apex", "half_angle", "radius", "shape", "near"),
    [
        ((400, 40), 0.75, 480, (600, 800), 0),
        ((320, 10), 0.6, 400, (480, 640), 40),
        ((56, 1), 0.78, 108, (112, 112), 0),
        ((56, -12), 0.7, 140, (112, 112), 12),
    ],
)
def test_a_wedge_is_found(
    apex: tuple[float, float], half_angle: float, radius: float, shape: tuple[int, int], near: float
) -> None:
    frames, mask = draw_loop(apex, half_angle, radius, shape, near=near)
    sector = find_sector(frames)
    assert overlap(sector, mask) > 0.93
    assert sector.how == "motion"


def test_text_ecg_and_colour_bar_are_left_out() -> None:
    frames, mask = draw_loop((400, 40), 0.7, 440, (600, 800))
    screen = np.repeat(frames, 3, axis=1).transpose(0, 2, 3, 1).copy()
    for index, picture in enumerate(screen):
        cv2.putText(picture, "HR 72  MI 1.1", (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1)
        cv2.rectangle(picture, (770, 60), (785, 300), (200, 60, 30), -1)
        trace = np.array([[40 + 6 * k, 560 - 25 * (k % 9 == 0)] for k in range(10 * index + 2)], np.int32)
        cv2.polylines(picture, [trace], False, (30, 230, 60), 2)
    sector = find_sector(np.ascontiguousarray(screen.transpose(0, 3, 1, 2)))
    assert overlap(sector, mask) > 0.93


def test_a_shadow_does_not_halve_the_sector() -> None:
    frames, mask = draw_loop((200, 10), 0.7, 330, (360, 400))
    y, x = np.mgrid[:360, :400]
    shadow = np.abs(np.arctan2(x - 200, y - 10) - 0.25) < 0.06
    frames[:, 0][:, shadow & (np.hypot(x - 200, y - 10) > 60)] = 0
    assert overlap(find_sector(frames), mask) > 0.9


def test_a_sane_region_is_believed_and_a_wrong_one_is_not() -> None:
    frames, mask = draw_loop((200, 10), 0.7, 330, (360, 400))
    noisy = frames.copy()
    noisy[:, 0, 340:, 10:390] = np.random.default_rng(1).integers(0, 255, (len(frames), 20, 380))
    right = find_sector(noisy, (0, 0, 400, 338))
    assert right.how == "region and motion"
    assert overlap(right, mask) > 0.9
    assert find_sector(frames, (0, 0, 30, 30)).how == "motion"


def test_a_still_is_found_by_brightness() -> None:
    frames, mask = draw_loop((200, 10), 0.7, 330, (360, 400), count=1)
    sector = find_sector(frames)
    assert sector.how == "brightness"
    assert overlap(sector, mask) > 0.85


@pytest.mark.parametrize("frames", [np.zeros((5, 1, 90, 90), np.uint8), np.full((4, 3, 64, 64), 200, np.uint8)])
def test_nothing_that_moves_is_no_echo(frames: Frames) -> None:
    with pytest.raises(InputError) as caught:
        find_sector(frames)
    assert caught.value.code == "NOT_RECOGNISED"


def test_box_holds_the_mask() -> None:
    frames, _ = draw_loop((200, 10), 0.7, 330, (360, 400))
    sector = find_sector(frames)
    left, top, right, bottom = sector.box
    rows, columns = np.nonzero(sector.mask)
    assert (left, top, right, bottom) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@pytest.mark.parametrize("index", range(6))
def test_synthetic_screens(index: int) -> None:
    (cine,) = echo_study(index, 5, overlays=True, max_frames=40).cines
    true, found = cine.region, find_sector(cine.source).box
    assert true is not None
    inner = [max(true[0], found[0]), max(true[1], found[1]), min(true[2], found[2]), min(true[3], found[3])]
    shared = max(0, inner[2] - inner[0]) * max(0, inner[3] - inner[1])
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (true, found)]
    # A side that is black all the time cannot be seen, and a wedge may reach a little past the arc.
    assert shared / areas[1] > 0.8
    assert shared / areas[0] > 0.7


def test_luminance_and_coloured_lines() -> None:
    frame = np.full((3, 40, 40), 100, np.uint8)
    frame[:, 20] = np.array([[20], [240], [40]])
    grey = grey_levels(frame)
    assert grey[0, 0] == 100
    assert (grey[20] == 20).all()
    tinted = np.stack([np.full((8, 8), 180), np.full((8, 8), 140), np.full((8, 8), 90)]).astype(np.uint8)
    assert abs(int(grey_levels(tinted)[0, 0]) - round(0.299 * 180 + 0.587 * 140 + 0.114 * 90)) <= 1


@pytest.mark.realdata
def test_the_real_apical_loop(shared_data: Path) -> None:
    cine = io.describe(shared_data / "echo_dicom" / "pydicom_examples_ybr_color.dcm")
    frames = io.load(cine)
    sector = find_sector(frames, cine.region)
    left, top, right, bottom = sector.box
    # Seen by eye: the sector's tip at about (170, 25), its arc ends at row 203; text and buttons lie outside.
    assert abs((left + right) / 2 - 170) < 12
    assert 15 <= top <= 35
    assert 195 <= bottom <= 210
    assert sector.colour < 0.02


@pytest.mark.realdata
def test_the_real_colour_doppler_loop_is_coloured(shared_data: Path) -> None:
    cine = io.describe(shared_data / "echo_dicom" / "dcm4che_US-PAL-8-10x-echo.dcm")
    assert 0.05 < find_sector(io.load(cine), cine.region).colour < 0.6
