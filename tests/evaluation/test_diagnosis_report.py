from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cinecor.evaluation.bootstrap import Drawing
from cinecor.evaluation.diagnosis import judge, table_of
from cinecor.evaluation.diagnosis_report import Account, write_account

FEW = Drawing(resamples=50)


@pytest.fixture
def account() -> Account:
    patients = [f"p{place}" for place in range(8)]
    truth = ["DCM", "NOR"] * 4
    likely = np.array([[0.8, 0.2], [0.1, 0.9]] * 3 + [[0.3, 0.7], [0.2, 0.8]])
    judged = judge(table_of(patients, truth, ("DCM", "NOR"), likely, [0, 0, 1, 1] * 2), FEW)
    figures = pd.DataFrame({"patient": patients, "ef": np.linspace(20, 60, 8), "edv_ml": 100.0})
    return Account(
        ways={"figures of the heart": judged, "both: mean": judged},
        chosen=[("0", "extra + linear", "0.5", "0.2", "0.9")],
        importances=pd.DataFrame({"figure": ["ef"], "permutation": [0.5], "impurity": [1.0]}),
        families=pd.DataFrame({"kind": ["all"], "permutation": [0.5]}),
        predicted=figures,
        expert=figures.assign(ef=figures["ef"] + np.arange(8) % 3),
        warnings=["p3: <no> ventricle"],
    )


def test_everything_is_written_and_says_the_same(account, tmp_path) -> None:
    page = write_account(tmp_path / "out", account, title="A title", facts="8 patients", synthetic=True)
    folder = page.parent
    names = {path.name for path in folder.iterdir()}
    assert names == {
        "diagnosis.csv", "diagnosis.md", "diagnosis.html", "diagnosis-both-mean.csv",
        "importances.csv", "importances.svg", "agreement.csv", "agreement.svg",
    }  # fmt: skip
    table = pd.read_csv(folder / "diagnosis.csv")
    assert table.columns.tolist() == ["patient", "fold", "group", "predicted", "p_DCM", "p_NOR"]
    assert (table["group"] == table["predicted"]).mean() == pytest.approx(7 / 8)
    html, text = page.read_text("utf-8"), (folder / "diagnosis.md").read_text("utf-8")
    for page_text in (html, text):
        assert "0.875" in page_text
        assert "extra + linear" in page_text
        assert "synthetic hearts" in page_text
        assert "<no>" not in page_text
        assert "p6" in page_text  # the wrong one
        assert "0.875 (0.529 to 0.978)" in page_text  # Wilson's
        assert "Confusion, figures of the heart" in page_text
        assert "Confusion, both: mean" in page_text
    assert html.count("<svg") == 2


def test_without_experts_there_is_no_agreement(account, tmp_path) -> None:
    plain = Account(**{**vars(account), "expert": None, "warnings": ()})
    page = write_account(tmp_path, plain, title="A title", facts="")
    assert not (tmp_path / "agreement.csv").exists()
    assert "synthetic hearts" not in page.read_text("utf-8")
