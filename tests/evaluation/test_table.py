from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cinecor.errors import DatasetError, StorageError
from cinecor.evaluation.table import (
    aggregate,
    check_predictions,
    check_truth,
    from_predictions,
    pair,
    read_predictions,
    read_truth,
    write,
)
from cinecor.records import Prediction

HEADER = "study,patient,split,cine,start,quantity,value"
ROWS = ["0001,NA,test,0,0,ef,55.5", "0001,NA,test,0,32,ef,57.5", "nan,007,test,1,0,ef,30"]
TRUTH = ["study,patient,split,quantity,value", "0001,NA,test,ef,58", "nan,007,test,ef,33", "z,z,train,ef,60"]


def put(folder: Path, lines: list[str], encoding: str = "utf-8") -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
    return path


def predictions() -> pd.DataFrame:
    return from_predictions(
        Prediction(study=s, patient=p, split="test", cine=c, start=b, quantity="ef", value=v)
        for s, p, c, b, v in [("0001", "NA", 0, 0, 55.5), ("0001", "NA", 0, 32, 57.5), ("nan", "007", 1, 0, 30.0)]
    )


def test_ids_stay_text(tmp_path: Path) -> None:
    table = read_predictions(put(tmp_path, [HEADER, *ROWS]))
    assert table["study"].tolist() == ["0001", "0001", "nan"]
    assert table["patient"].tolist() == ["NA", "NA", "007"]
    assert table["value"].dtype == np.float64
    assert table["start"].tolist() == [0, 32, 0]
    pd.testing.assert_frame_equal(table, predictions(), check_dtype=False)


def test_columns_in_any_order_marks_and_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes('\ufeffvalue,quantity,split,patient,study\r\n60,ef,test,p,"a,b"\r\n\r\n'.encode())
    table = read_truth(path)
    assert table.to_dict("records") == [
        {"study": "a,b", "patient": "p", "split": "test", "quantity": "ef", "value": 60.0}
    ]


def test_what_is_written_reads_back_exactly(tmp_path: Path) -> None:
    table = predictions()
    table["value"] = [1 / 3, 1e-17, 55.123456789012345]
    path = tmp_path / "out" / "predictions.csv"
    write(table, path)
    pd.testing.assert_frame_equal(read_predictions(path), table, check_exact=True, check_dtype=False)
    truth = read_truth(put(tmp_path, TRUTH))
    write(truth, path)
    pd.testing.assert_frame_equal(read_truth(path), truth, check_exact=True)
    assert path.read_text(encoding="utf-8").splitlines()[0] == ",".join(truth.columns)


def test_a_wrong_table_is_not_written(tmp_path: Path) -> None:
    table = predictions()
    table.loc[0, "value"] = np.nan
    with pytest.raises(DatasetError):
        write(table, tmp_path / "predictions.csv")
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        write(predictions(), tmp_path / "file" / "predictions.csv")


def changed(row: int, column: str, value: str) -> list[str]:
    cells = [line.split(",") for line in ROWS]
    cells[row][HEADER.split(",").index(column)] = value
    return [HEADER, *(",".join(line) for line in cells)]


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        ([], "MISSING_COLUMN", "study"),
        (["study,value", "a,1"], "MISSING_COLUMN", "patient, split, cine, start, quantity"),
        ([HEADER + ",comment", *(row + "," for row in ROWS)], "MISSING_COLUMN", "not those of this table"),
        ([HEADER + ",value", *(row + ",1" for row in ROWS)], "MISSING_COLUMN", "not those of this table"),
        ([HEADER, ROWS[0], ROWS[1] + ",1"], "MISSING_COLUMN", "row 3 has 8 fields"),
        ([HEADER + ",low", *(row + ",1" for row in ROWS)], "MISSING_COLUMN", "high is missing"),
        (changed(0, "study", ""), "BAD_LABEL", "study must be text"),
        (changed(0, "patient", ""), "BAD_LABEL", "patient must be text"),
        (changed(0, "patient", '"a\nb"'), "BAD_LABEL", "patient holds control characters"),
        (changed(0, "quantity", "../ef"), "BAD_LABEL", "quantity"),
        (changed(0, "value", ""), "BAD_LABEL", "not a number"),
        (changed(0, "value", "NaN"), "BAD_LABEL", "1 value(s) that are not finite"),
        (changed(0, "value", "inf"), "BAD_LABEL", "not finite"),
        (changed(0, "value", "55 %"), "BAD_LABEL", "not a number"),
        (changed(0, "start", "1.5"), "BAD_LABEL", "not whole"),
        (changed(0, "split", "Test"), "BAD_SPLIT", "none of train, validation, test"),
        (changed(0, "split", "train"), "BAD_SPLIT", "more than one split"),
        (changed(0, "patient", "other"), "BAD_SPLIT", "more than one patient"),
        ([HEADER, ROWS[0], ROWS[0]], "DUPLICATE_ID", "1 row(s) repeat"),
        ([HEADER, '"open,1'], "ENCODING", "not CSV"),
    ],
)
def test_wrong_predictions_are_refused(tmp_path: Path, lines: list[str], code: str, words: str) -> None:
    with pytest.raises(DatasetError) as caught:
        read_predictions(put(tmp_path, lines))
    assert caught.value.code == code
    assert words in caught.value.what
    assert caught.value.where == "table.csv"
    assert "0001" not in str(caught.value)  # no ids in messages


def test_wrong_truth_is_refused(tmp_path: Path) -> None:
    for lines, code in (
        ([TRUTH[0], TRUTH[1], TRUTH[1]], "DUPLICATE_ID"),
        ([TRUTH[0], TRUTH[1].replace("58", "nan")], "BAD_LABEL"),
        ([TRUTH[0], TRUTH[1].replace("test", "")], "BAD_LABEL"),
    ):
        with pytest.raises(DatasetError) as caught:
            read_truth(put(tmp_path, lines))
        assert caught.value.code == code


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(DatasetError) as caught:
            read_truth(path)
        assert caught.value.code == "MISSING_FILE"
    with pytest.raises(DatasetError) as caught:
        read_truth(put(tmp_path, [TRUTH[0], "Müller,p,test,ef,60"], "latin-1"))
    assert caught.value.code == "ENCODING"


def test_ids_that_pandas_made_numbers_are_refused() -> None:
    table = predictions()
    table["study"] = [1, 1, 2]
    with pytest.raises(DatasetError, match="study must be text"):
        check_predictions(table)


def test_intervals_that_end_before_they_begin() -> None:
    table = predictions().assign(low=50.0, high=[60.0, 60.0, 40.0])
    with pytest.raises(DatasetError, match="ends before it begins"):
        check_predictions(table)


def test_check_leaves_its_argument_alone() -> None:
    table = predictions().astype({"value": str})
    checked = check_predictions(table)
    assert isinstance(table.loc[0, "value"], str)
    assert checked["value"].dtype == np.float64


def test_aggregate_is_the_mean_over_clips() -> None:
    rng = np.random.default_rng(0)
    rows = [
        Prediction(study=f"s{s}", patient=f"p{s}", split="test", cine=c, start=b, quantity=q, value=rng.uniform(20, 70))
        for s in range(4)
        for c in range(2)
        for b in range(s + 1)
        for q in ("ef", "edv_ml")
    ]
    table = from_predictions(rows)
    found = aggregate(table)
    assert list(zip(found["study"], found["quantity"], strict=True)) == sorted({(r.study, r.quantity) for r in rows})
    for row in found.itertuples():
        values = [r.value for r in rows if (r.study, r.quantity) == (row.study, row.quantity)]
        assert row.clips == len(values)
        assert row.value == pytest.approx(sum(values) / len(values))
        assert row.spread == pytest.approx(np.std(values, ddof=1))
    shuffled = aggregate(table.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled, found)


def test_aggregate_of_single_clips_and_intervals() -> None:
    table = predictions().assign(low=[50.0, 52.0, 25.0], high=[60.0, 64.0, 35.0])
    found = aggregate(table).set_index("study")
    assert found.loc["nan", "spread"] == 0
    assert found.loc["0001", ["low", "high"]].tolist() == [51.0, 62.0]


def test_pair_brings_truth_beside_predictions(tmp_path: Path) -> None:
    found = pair(predictions(), read_truth(put(tmp_path, TRUTH)))
    assert found[["study", "patient", "clips", "predicted", "true"]].to_numpy().tolist() == [
        ["0001", "NA", 2, 56.5, 58.0],
        ["nan", "007", 1, 30.0, 33.0],
    ]


@pytest.mark.parametrize(
    ("lines", "code", "words"),
    [
        (TRUTH[:2], "BAD_LABEL", "1 predicted value(s) belong to studies without a true value"),
        ([line.replace(",ef,", ",edv_ml,") for line in TRUTH], "BAD_LABEL", "no predicted quantity"),
        ([line.replace("007,test", "007,train") for line in TRUTH], "BAD_SPLIT", "another split"),
        ([line.replace("007", "008") for line in TRUTH], "BAD_SPLIT", "another patient"),
    ],
)
def test_tables_that_disagree(tmp_path: Path, lines: list[str], code: str, words: str) -> None:
    truth = read_truth(put(tmp_path, lines))
    with pytest.raises(DatasetError) as caught:
        pair(predictions(), truth)
    assert caught.value.code == code
    assert words in caught.value.what


def test_quantities_without_truth_are_left_out(tmp_path: Path) -> None:
    more = predictions().replace({"quantity": {"ef": "edv_ml"}})
    table = pd.concat([predictions(), more])
    found = pair(table, read_truth(put(tmp_path, TRUTH)))
    assert set(found["quantity"]) == {"ef"}


def test_empty_tables() -> None:
    truth = check_truth(pd.DataFrame([], columns=["study", "patient", "split", "quantity", "value"]))
    assert truth.empty
    with pytest.raises(DatasetError):
        pair(predictions(), truth)
    assert from_predictions([]).empty
