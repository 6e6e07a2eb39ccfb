"""A comparison on disk: every name on the page, nothing unescaped, the same bytes twice."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from cinecor.errors import StorageError
from cinecor.evaluation import comparison_figures
from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.comparison import RunRow, compare
from cinecor.evaluation.comparison_report import OTHERS, write_comparison

FEW = Drawing(resamples=100, seed=1)
FIGURES = ("predicted-versus-true", "bland-altman", "learning-curves", "generalisation-gap", "performance-against-gap")
ODD = "<b>odd & $x_1$ | `name`"
HISTORY = pd.DataFrame({"epoch": [1, 2], "train_loss": [9.0, 2.0], "validation_loss": [10.0, 6.0]})
COST = {"parameters": 1_234_567, "flops": 4e9, "train_ms_per_clip": 3.0, "inference_ms_per_clip": 1.0, "peak_mb": 5.0}


@pytest.fixture(scope="module")
def comparison(run_row, pairs):
    flat = {"test": pairs(4, 0).assign(predicted=55.0), "train": pairs(4, 0, split="train")}
    failed = {"seed": 0, "family": "F & G", "variant": "V", "failure": "OOM: <script>alert(1)</script>\nall | gone"}
    rows = [
        run_row("good", 4, 0, history=HISTORY, cost=COST, published={"rmse": 7.0906, "mae": 5.3833, "r2": 0.6636}),
        run_row("good", 4, 1, history=HISTORY + 1, cost=COST),
        run_row("flat", 4, 0, pairs=flat, family="", published={"rmse": 12.23}),
        run_row(ODD, 6, 0, family="_$\\bad$", history=HISTORY),
        RunRow(name="<lost>", **failed),
    ]
    return compare(rows, FEW)


@pytest.fixture(scope="module")
def folder(comparison, tmp_path_factory):
    tables = {"Table 1": ["good", "flat", "never"], "Table 2": ["<lost>", "good"], "Table 3": ["nobody"]}
    out = tmp_path_factory.mktemp("comparison")
    write_comparison(out, comparison, title="A <title>", tables=tables, synthetic=True, facts="60 hearts & more.")
    return out


class _Reader(HTMLParser):
    """Tags, and the text of the table cells under each heading."""

    def __init__(self):
        super().__init__()
        self.tags, self.attributes, self.rows, self.heading = [""], [], {}, ""

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag == "tr":
            self.rows.setdefault(self.heading, []).append([])
        if tag in ("td", "th"):
            self.rows[self.heading][-1].append("")

    def handle_endtag(self, tag):
        if tag in ("td", "th", "h2"):
            self.tags.append(f"/{tag}")

    def handle_data(self, text):
        if self.tags[-1] == "h2":
            self.heading = text
        elif self.tags[-1] in ("td", "th"):
            self.rows[self.heading][-1][-1] += text


@pytest.fixture(scope="module")
def page(folder):
    reader = _Reader()
    reader.feed((folder / "comparison.html").read_text("utf-8"))
    return reader


def test_all_files_are_there_and_nothing_else(folder):
    written = {path.name for path in folder.iterdir()}
    assert written == {"comparison.html", "comparison.csv", "comparison.md", "pairs.csv"} | {
        f"{n}.svg" for n in FIGURES
    }


def test_every_name_is_on_the_page(comparison, page):
    named = {row[0] for rows in page.rows.values() for row in rows}
    assert set(comparison.models["name"]) <= named


def test_tables_hold_their_models_in_order(page):
    def first(heading):
        return [row[0] for row in page.rows[heading]]

    assert first("Table 1") == ["model", "good", "flat"]
    assert first("Table 2") == ["model", "<lost>", "good"]
    assert first(OTHERS) == ["model", ODD]
    assert "Table 3" not in page.rows


def test_what_was_not_run_is_named(folder):
    assert "Not run: never, nobody." in (folder / "comparison.md").read_text("utf-8")
    assert "never, nobody" in (folder / "comparison.html").read_text("utf-8")


def test_numbers_on_the_page_are_those_of_the_comparison(comparison, page):
    good = comparison.models.set_index("name").loc["good"]
    head, row, flat = page.rows["Table 1"]
    assert len(head) == len(row) == 15  # nobody published r
    assert row[2] == "2"
    assert row[3] == f"{good['test_rmse']:.2f} ± {good['test_rmse_sd']:.2f}"
    low, high = good["ensemble_rmse_low"], good["ensemble_rmse_high"]
    assert row[7] == f"{good['ensemble_rmse']:.2f} ({low:.2f} to {high:.2f})"
    assert head[8:12] == ["published RMSE", "published MAE", "published R²", "ours − published RMSE"]
    assert row[8:11] == ["7.09", "5.38", "0.664"]
    assert row[11] == f"{good['test_rmse'] - 7.0906:+.2f}"
    assert row[-1] == ""
    assert flat[8:10] == ["12.23", "–"]
    assert flat[-1] == "collapsed"


def test_failures_stand_with_their_reason(folder, page):
    text = (folder / "comparison.html").read_text("utf-8")
    assert "OOM: &lt;script&gt;alert(1)&lt;/script&gt;" in text
    lost = page.rows["Table 2"][1]
    assert (lost[2], lost[3], lost[-1]) == ("0", "–", "failed")


def test_costs_and_pairs_are_on_the_page(page):
    assert page.rows["What they cost"][1][:3] == ["good", "1,234,567", "4.00"]
    assert [row[:2] for row in page.rows["Two by two, on the same patients"][1:]] == [
        ["good", "flat"], ["good", ODD], ["flat", ODD]
    ]  # fmt: skip


def test_the_page_opens_offline_and_runs_nothing(folder, page):
    assert "script" not in page.tags
    assert not {"link", "iframe", "object", "img"} & set(page.tags)
    text = (folder / "comparison.html").read_text("utf-8")
    assert "<b>odd" not in text
    assert "<lost>" not in text
    assert "synthetic hearts" in text
    fetched = [value for name, value in page.attributes if name in ("src", "href", "xlink:href", "data") and value]
    assert all(value.startswith(("#", "data:image/png")) for value in fetched)


def test_figures_carry_names_as_plain_text(folder):
    text = (folder / "predicted-versus-true.svg").read_text("utf-8")
    assert "odd &amp; $x_1$ | `name`" in text
    assert "<b>" not in text
    assert "_$\\bad$" in (folder / "performance-against-gap.svg").read_text("utf-8")
    for name in FIGURES:
        assert (folder / f"{name}.svg").read_text("utf-8").startswith("<svg")


def test_markdown_rows_have_the_cells_of_their_head(folder):
    text = (folder / "comparison.md").read_text("utf-8")
    assert "OOM: &lt;script>alert(1)&lt;/script> all \\| gone" in text
    for block in re.findall(r"(?:^\|.*\n)+", text, flags=re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}) == 1
    assert "| good |" in text
    assert text.count("<") == 0


def test_tables_read_back(comparison, folder):
    models = pd.read_csv(folder / "comparison.csv")
    assert list(models["name"]) == list(comparison.models["name"])
    assert models["test_rmse"].tolist()[:2] == comparison.models["test_rmse"].tolist()[:2]
    pairs = pd.read_csv(folder / "pairs.csv")
    pd.testing.assert_frame_equal(pairs, comparison.pairs, check_dtype=False)


def test_the_same_bytes_twice(comparison, folder, tmp_path):
    tables = {"Table 1": ["good", "flat", "never"], "Table 2": ["<lost>", "good"], "Table 3": ["nobody"]}
    again = compare(comparison.rows, FEW)
    write_comparison(tmp_path, again, title="A <title>", tables=tables, synthetic=True, facts="60 hearts & more.")
    for path in folder.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def test_nothing_but_failures_can_be_written(tmp_path):
    lost = RunRow(name="lost", family="F", variant="V", seed=0, failure="OOM")
    text = write_comparison(tmp_path, compare([lost], FEW), title="Paper").read_text("utf-8")
    assert "lost, seed 0: OOM" in text
    assert not list(tmp_path.glob("*.svg"))


def test_a_folder_that_cannot_be_written_is_said(comparison, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_comparison(tmp_path / "file", comparison, title="Paper")


def test_volumes_and_few_studies_are_drawn(run_row, pairs):
    few = {split: pairs(4, 0, 2, split).assign(quantity="edv_ml") for split in ("train", "test")}
    drawn = dict(comparison_figures.draw_all(compare([run_row("x", 4, 0, pairs=few)], FEW)))
    assert drawn["predicted-versus-true"].get_supxlabel() == "End-diastolic volume, true (mL)"


def test_bars_are_the_gaps_and_their_colour_is_the_better_side(comparison):
    figure = comparison_figures.generalisation_gap(comparison)
    models = comparison.models[comparison.models["gap_rmse"].notna()]
    rmse = figure.axes[0]
    assert [bar.get_width() for bar in rmse.patches] == pytest.approx(models["gap_rmse"].tolist())
    colours = {bar.get_facecolor()[:3] for bar in rmse.patches if bar.get_width() < 0}
    assert len(colours) == 1
    loss = figure.axes[-1]
    assert loss.patches[0].get_width() == pytest.approx((6 - 2 + 7 - 3) / 2)


def test_points_of_figure_16_lie_at_error_and_gap(comparison):
    figure = comparison_figures.performance_against_gap(comparison)
    points = [point for line in figure.axes[0].lines if line.get_marker() != "None" for point in line.get_xydata()]
    models = comparison.models[comparison.models["gap_rmse"].notna()]
    expected = {(row.test_rmse, row.test_rmse - row.train_rmse) for row in models.itertuples()}
    assert np.array(sorted(map(tuple, points))) == pytest.approx(np.array(sorted(expected)))
    assert len({line.get_marker() for line in figure.axes[0].lines if line.get_marker() != "None"}) == 3


def test_the_published_ensemble_stands_beside_ours(run_row, tmp_path):
    published = {"rmse": 7.0, "ensemble_rmse": 6.54}
    write_comparison(tmp_path, compare([run_row("x", 4, 0, published=published)], FEW), title="T")
    assert re.search(r"\| \d\.\d\d \(.* to .*\); published 6\.54 \|", (tmp_path / "comparison.md").read_text("utf-8"))
