"""Dice and HD95 against definitions written out; means over patients and their intervals."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist

from cinecor.errors import DatasetError
from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.segmentation import (
    COLUMNS,
    compare_labels,
    dice,
    hausdorff_95_mm,
    read_masks,
    summarise_masks,
    write_masks,
)

VOXEL = (8.0, 1.5, 1.25)
DRAWING = Drawing(resamples=400)


def _balls(rng, shape=(5, 18, 17)):
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    centre = np.array(shape) / 2 + rng.normal(0, 1, 3)
    return np.linalg.norm((grid - centre) * (2.0, 1.0, 1.0), axis=-1) < rng.uniform(3, 6)


def _surface(mask):
    """Voxels of a mask with a neighbour across a face that is not in it."""
    padded = np.pad(mask, 1)
    inside = padded[1:-1, 1:-1, 1:-1]
    moved = [np.roll(padded, step, axis)[1:-1, 1:-1, 1:-1] for axis in range(3) for step in (1, -1)]
    return np.argwhere(inside & ~np.all(moved, axis=0))


@pytest.mark.parametrize("seed", range(4))
def test_distances_are_those_of_all_pairs_of_surface_voxels(seed):
    rng = np.random.default_rng(seed)
    one, other = _balls(rng), _balls(rng)
    away = cdist(_surface(one) * VOXEL, _surface(other) * VOXEL)
    expected = max(np.percentile(away.min(axis=axis), 95) for axis in (0, 1))
    assert hausdorff_95_mm(one, other, VOXEL) == pytest.approx(expected)
    assert hausdorff_95_mm(other, one, VOXEL) == pytest.approx(expected)


@pytest.mark.filterwarnings("ignore:monai.metrics.utils:FutureWarning")  # of MONAI about itself
@pytest.mark.parametrize("seed", range(4, 8))
def test_figures_are_monais(seed):
    metrics, torch = pytest.importorskip("monai.metrics"), pytest.importorskip("torch")
    rng = np.random.default_rng(seed)
    one, other = _balls(rng), _balls(rng)
    tensors = [torch.from_numpy(mask)[None, None].float() for mask in (one, other)]
    overlap = metrics.compute_dice(*tensors, include_background=True).item()
    assert dice(one, other) == pytest.approx(overlap, abs=1e-6)
    away = metrics.compute_hausdorff_distance(*tensors, include_background=True, percentile=95, spacing=VOXEL).item()
    assert hausdorff_95_mm(one, other, VOXEL) == pytest.approx(away, rel=1e-5)


def test_a_shift_is_its_length():
    mask = np.zeros((3, 20, 20), bool)
    mask[:, 5:10, 5:10] = True
    assert hausdorff_95_mm(mask, np.roll(mask, 4, axis=1), VOXEL) == pytest.approx(4 * 1.5)
    assert hausdorff_95_mm(mask, mask, VOXEL) == 0.0


def test_what_is_missing_on_one_side_has_no_distance():
    none, some = np.zeros((2, 4, 4), bool), np.ones((2, 4, 4), bool)
    assert math.isnan(hausdorff_95_mm(none, some, VOXEL))
    assert math.isnan(hausdorff_95_mm(some, none, VOXEL))
    assert hausdorff_95_mm(none, none, VOXEL) == 0.0
    assert (dice(none, some), dice(none, none), dice(some, some)) == (0.0, 1.0, 1.0)


def test_the_edge_of_the_volume_is_a_surface():
    whole = np.ones((1, 5, 5), bool)
    part = whole.copy()
    part[:, :, 3:] = False
    assert hausdorff_95_mm(whole, part, (8.0, 1.0, 1.0)) == pytest.approx(2.0)


def test_labels_are_compared_one_by_one():
    said, true = np.zeros((1, 4, 4), np.uint8), np.zeros((1, 4, 4), np.uint8)
    said[0, 0, :4], true[0, 0, :2], true[0, 3, 3] = 3, 3, 1
    found = compare_labels(said, true, {"rv": 1, "lv": 3}, (1.0, 1.0, 1.0))
    assert found["lv"][0] == pytest.approx(2 * 2 / (4 + 2))
    assert found["rv"][0] == 0.0
    assert math.isnan(found["rv"][1])


def _table(patients=8):
    rng = np.random.default_rng(0)
    rows = [
        (f"s{number}", f"p{number}", phase, structure, rng.uniform(0.8, 1), rng.uniform(1, 9))
        for number in range(patients)
        for phase in ("ed", "es")
        for structure in ("rv", "lv")
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def test_means_are_over_patients_and_lie_in_their_intervals():
    table = _table()
    table.loc[0, "hd95_mm"] = math.nan
    found = summarise_masks(table, DRAWING)
    assert [(each.structure, each.phase) for each in found] == [("rv", "ed"), ("lv", "ed"), ("rv", "es"), ("lv", "es")]
    for each in found:
        part = table[(table["structure"] == each.structure) & (table["phase"] == each.phase)]
        assert each.dice.value == pytest.approx(part["dice"].mean())
        assert each.dice.low < each.dice.value < each.dice.high
        assert each.hd95.value == pytest.approx(part["hd95_mm"].mean())  # pandas leaves NaN out
        assert each.patients == 8
    assert [each.without_distance for each in found] == [1, 0, 0, 0]
    json.dumps([each.as_dict() for each in found], allow_nan=False)


def test_no_distance_at_all_is_said():
    table = _table().assign(hd95_mm=math.nan)
    assert summarise_masks(table, DRAWING)[0].hd95.value is None


def test_the_table_reads_back(tmp_path):
    table = _table()
    table.loc[3, "hd95_mm"] = math.nan
    write_masks(table, tmp_path / "masks.csv")
    pd.testing.assert_frame_equal(read_masks(tmp_path / "masks.csv"), table)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda table: table.drop(columns="dice"), "MISSING_COLUMN"),
        (lambda table: table.assign(dice=1.5), "BAD_LABEL"),
        (lambda table: table.assign(dice=math.nan), "BAD_LABEL"),
        (lambda table: table.assign(hd95_mm=-1.0), "BAD_LABEL"),
        (lambda table: table.assign(hd95_mm="far"), "BAD_LABEL"),
        (lambda table: pd.concat([table, table]), "DUPLICATE_ID"),
    ],
)
def test_a_table_that_cannot_be_right_is_refused(change, code, tmp_path):
    change(_table()).to_csv(tmp_path / "masks.csv", index=False)
    with pytest.raises(DatasetError, match=code):
        read_masks(tmp_path / "masks.csv")


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="MISSING_FILE"):
        read_masks(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    for name in ("empty.csv", "bytes.csv"):
        with pytest.raises(DatasetError, match="ENCODING"):
            read_masks(tmp_path / name)
