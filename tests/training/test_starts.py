"""Listed first frames of test clips."""

import pandas as pd
import pytest

from cinecor.errors import ConfigError
from cinecor.training import train
from cinecor.training.recipe import apply_overrides
from cinecor.training.starts import read_starts


def test_the_listed_clips_of_the_test_split_are_predicted(tiny, cohort, tmp_path):
    table = tmp_path / "starts.csv"
    names = [study.id for study in cohort if study.split == "test"]
    wanted = {name: [place % 4, 3 - place % 2, 1] for place, name in enumerate(names)}
    table.write_text("study,a,b,c\n" + "".join(f"{name},{','.join(map(str, row))}\n" for name, row in wanted.items()))
    words = ["--epochs", "1", "--sampling.test", "listed", "--sampling.test_starts", str(table)]
    run = train(apply_overrides(tiny, words), cohort, tmp_path / "run")
    said = pd.read_csv(run.folder / "predictions_test.csv", dtype={"study": str})
    assert {name: sorted(rows["start"]) for name, rows in said.groupby("study")} == {
        name: sorted(set(row)) for name, row in wanted.items()
    }
    assert len(pd.read_csv(run.folder / "predictions_validation.csv")) == 12  # spread evenly, as nothing is listed


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("starts.pkl", "", "pickles are never read"),
        ("starts.csv", "study,a\nx,1.5\n", "line 2"),
        ("starts.csv", "study,a\nx\n", "line 2"),
        ("starts.csv", "study,a\nx,1\nx,2\n", "line 3"),
        ("starts.csv", 'study,a\n"x,1\n', "no CSV table"),
    ],
)
def test_what_is_no_table_of_starts_is_refused_in_one_line(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_starts(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_table_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="UNKNOWN_KEY"):
        read_starts(tmp_path / "starts.csv")
