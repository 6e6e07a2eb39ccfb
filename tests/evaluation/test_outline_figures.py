"""What is drawn lies where the masks and the numbers are."""

from __future__ import annotations

import matplotlib.colors as colours
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.contour import QuadContourSet

from cinecor.evaluation.figures import to_svg
from cinecor.evaluation.outline_examples import OutlineExample
from cinecor.evaluation.outline_figures import SAID, TRUE, dice_by_view, draw_examples

TALL, WIDE = 60, 80


def box(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    mask = np.zeros((TALL, WIDE), bool)
    mask[top:bottom, left:right] = True
    return mask


def example(said: np.ndarray, true: np.ndarray, **more: object) -> OutlineExample:
    common = {"title": "lowest", "structure": "fov", "study": "a_1$b$", "view": "A4C", "frame": 3, "dice": 0.5}
    pixels = np.arange(TALL * WIDE, dtype=np.uint32).reshape(TALL, WIDE) % 251
    return OutlineExample(**{**common, "pixels": pixels.astype(np.uint8), "said": said, "true": true, **more})


def outlines(axes: Axes) -> dict[str, np.ndarray]:
    found = [each for each in axes.get_children() if isinstance(each, QuadContourSet)]
    return {
        colours.to_hex(each.get_edgecolor()[0]): np.concatenate([path.vertices for path in each.get_paths()])
        for each in found
    }


def test_both_outlines_run_along_their_masks() -> None:
    figure = draw_examples([example(box(20, 40, 30, 50), box(24, 44, 30, 50))])
    (axes,) = figure.axes
    drawn = outlines(axes)
    assert set(drawn) == {SAID.lower(), TRUE.lower()}
    for colour, (top, bottom) in ((SAID, (20, 40)), (TRUE, (24, 44))):
        across, down = drawn[colour.lower()].T
        # half a pixel outside the first and the last that are inside
        assert (across.min(), across.max()) == (29.5, 49.5)
        assert (down.min(), down.max()) == (top - 0.5, bottom - 0.5)
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    assert left < 29.5 < 49.5 < right
    assert top < 19.5 < 43.5 < bottom
    picture = axes.images[0]
    assert picture.get_extent() == [left, right, bottom, top]
    row, column = round(top + 0.5), round(left + 0.5)
    assert picture.get_array()[5, 7] == example(box(0, 1, 0, 1), box(0, 1, 0, 1)).pixels[row + 5, column + 7]


def test_an_outline_along_the_edge_of_the_frame_is_closed() -> None:
    whole = np.ones((TALL, WIDE), bool)
    across, down = outlines(draw_examples([example(whole, whole)]).axes[0])[SAID.lower()].T
    assert (across.min(), across.max(), down.min(), down.max()) == (-0.5, WIDE - 0.5, -0.5, TALL - 0.5)


def test_what_was_not_found_has_no_outline_and_names_are_no_formula() -> None:
    nothing = np.zeros((TALL, WIDE), bool)
    figure = draw_examples([example(nothing, box(5, 9, 5, 9), dice=0.0), example(nothing, nothing, title="best")])
    assert [set(outlines(axes)) for axes in figure.axes] == [{TRUE.lower()}, set()]
    assert [axes.get_title() for axes in figure.axes] == ["lowest: Dice 0.000", "best: Dice 0.500"]
    text = to_svg(figure)
    assert "a_1$b$, A4C, frame 3" in text
    assert all(word in text for word in ("network", "true"))


def test_a_large_frame_is_made_small_for_the_page() -> None:
    whole = np.ones((900, 1200), bool)
    pixels = np.full((900, 1200), 77, np.uint8)
    (axes,) = draw_examples([example(whole, whole, pixels=pixels)]).axes
    shown = axes.images[0].get_array()
    assert shown.shape == (270, 360)
    assert (shown == 77).all()


def test_every_frame_is_a_dot_and_bars_are_quartiles() -> None:
    rng = np.random.default_rng(3)
    rows = pd.DataFrame({"view": ["PLAX"] * 7 + ["A4C"] * 5 + [""], "dice": rng.random(13)})
    (axes,) = dice_by_view(rows).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["all (13)", "A4C (5)", "PLAX (7)", "view unknown (1)"]
    dots = [np.asarray(each.get_offsets()) for each in axes.collections]
    expected = [rows, *(rows[rows["view"] == view] for view in ("A4C", "PLAX", ""))]
    for place, (points, bar, part) in enumerate(zip(dots, axes.patches, expected, strict=True)):
        assert points[:, 0] == pytest.approx(part["dice"].to_numpy())
        assert (np.abs(points[:, 1] - place) < 0.5).all()
        ends = (bar.get_x(), bar.get_x() + bar.get_width())
        assert ends == pytest.approx(np.percentile(part["dice"], (25, 75)))


def test_one_view_is_shown_once() -> None:
    (axes,) = dice_by_view(pd.DataFrame({"view": ["A4C"] * 3, "dice": [1.0, 1.0, 1.0]})).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["A4C (3)"]
