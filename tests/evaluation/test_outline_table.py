from __future__ import annotations

import numpy as np
import pandas as pd

from cinecor.evaluation.outline_table import OutlineRow, tabulate_outlines
from cinecor.evaluation.segmentation import COLUMNS, overlaps_as_text, summarise_masks


def overlaps():
    rows = [
        (f"s{number}", f"p{number}", "frames", name, 0.9 + number / 100, np.nan)
        for number in range(4)
        for name in ("fov", "lv")
    ]
    return summarise_masks(pd.DataFrame(rows, columns=list(COLUMNS)))


def test_a_line_for_each_structure_and_one_for_a_failure():
    found = tuple(overlaps())
    rows = [
        OutlineRow(name="fov_mask", variant="U-Net", overlaps=found, frames=12, cross_entropy=0.05, published=0.3984),
        OutlineRow(name="lv_mask", seed=1, failure="OOM", published=0.1926),
    ]
    lines = tabulate_outlines(rows).splitlines()
    assert len({line.count("|") for line in lines}) == 1  # every line has every column
    cells = [cell.strip() for cell in lines[2].split("|")[1:-1]]
    assert cells[:5] == ["`fov_mask`, U-Net", "0", "fov", "4", "12"]
    assert cells[5].startswith("0.915 (0.9")
    assert cells[6:] == ["–", "0.0500", "0.3984"]
    assert "failed: OOM" in lines[4]
    assert lines[4].endswith("| 0.1926 |")


def test_the_same_as_text():
    text = overlaps_as_text(overlaps())
    assert [line.split()[0] for line in text.splitlines()] == ["structure", "fov", "lv"]
    assert "0.915 (" in text
