from __future__ import annotations

from pathlib import Path

from cinecor.datasets.camus_subgroups import find_lists, read_subgroups, write_subgroups
from cinecor.records import Study


def test_lists_written_and_read(tmp_path: Path) -> None:
    studies = [
        Study(
            id=f"p{index}",
            cines=(),
            split=("train", "validation", "test")[index % 3],
            labels={"fold": float(index % 4)},
        )
        for index in range(12)
    ]
    write_subgroups(iter(studies), tmp_path)
    paths = find_lists([tmp_path / "absent", tmp_path])
    assert len(paths) == 3 + 12
    found = read_subgroups(paths)
    assert found.problems == ()
    assert found.splits == {study.id: study.split for study in studies}
    assert found.folds == {study.id: study.labels["fold"] for study in studies}
    assert (tmp_path / "subGroup4_validation.txt").read_text() == "p0\np4\np8\n"
    assert len((tmp_path / "subGroup1_training.txt").read_text().split()) == 6


def test_nothing_to_write(tmp_path: Path) -> None:
    write_subgroups([Study(id="p", cines=())], tmp_path / "lists")
    assert find_lists([tmp_path / "lists"]) == []
    assert read_subgroups([]).patients == set()


def test_the_spellings_of_their_names(tmp_path: Path) -> None:
    for name in (
        "subgroup_training.txt",
        "subGroup_validation.TXT",
        "SubGroup01_testing.txt",
        "sub_group_3_training.txt",
    ):
        (tmp_path / name).write_text("p1\n")
    (tmp_path / "overallInfo.txt").write_text("p2\n")
    (tmp_path / "subgroup_testing.csv").write_text("p3\n")
    assert len(find_lists([tmp_path])) == 4


def test_the_next_fold_is_the_next_that_there_is(tmp_path: Path) -> None:
    studies = [Study(id=f"p{fold}", cines=(), labels={"fold": float(fold)}) for fold in (1, 4, 7)]
    write_subgroups(studies, tmp_path)
    assert (tmp_path / "subGroup8_validation.txt").read_text() == "p1\n"
    assert read_subgroups(find_lists([tmp_path])).problems == ()
