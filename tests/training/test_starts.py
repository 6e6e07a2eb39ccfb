"""Listed first frames of test clips."""

import pandas as pd
import pytest

from cinecor.clips.sampling import count_starts
from cinecor.errors import ConfigError
from cinecor.training import predictions_of, scoring, train
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


def test_the_clip_from_every_start_is_predicted_now_and_later(tiny, cohort, tmp_path, monkeypatch):
    recipe = apply_overrides(tiny, ["--epochs", "1", "--sampling.test", "all"])
    run = train(recipe, cohort, tmp_path / "run")
    said = pd.read_csv(run.folder / "predictions_test.csv", dtype={"study": str})
    starts = {name: sorted(rows["start"]) for name, rows in said.groupby("study")}
    frames = {study.id: len(study.cines[0].source) for study in cohort}
    assert starts == {name: list(range(count_starts(frames[name], recipe.clip_spec))) for name in starts}
    monkeypatch.setattr(scoring, "read_folder", lambda root: ("echonet_dynamic", cohort))
    again, _, _ = predictions_of(run.folder, tmp_path, "test", cache=tmp_path)
    keys = ["study", "start"]
    assert again[keys].values.tolist() == said[keys].values.tolist()
    assert again["value"].to_numpy() == pytest.approx(said["value"].to_numpy(), abs=1e-3)


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
