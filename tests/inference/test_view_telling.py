"""What tells a view: frames vote, networks vote, and nobody is believed who is not sure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.inference.views import SPEC, save_classifier

from cinecor import io
from cinecor.clips import prepare
from cinecor.clips.masking import load_mask
from cinecor.datasets import view_folders
from cinecor.errors import CheckpointError, ConfigError
from cinecor.evaluation import class_table
from cinecor.inference import Settings
from cinecor.inference.novelty import Novelty
from cinecor.inference.view_telling import UNLIKE, load_teller
from cinecor.models.checkpoint import load_checkpoint
from cinecor.phantom import view_study
from cinecor.records import Cine, ClipSpec, Study
from cinecor.training import predictions_of

VIEWS = ("A4C", "PLAX", "PW")
SURE = Settings(view_certainty=0.0)


@pytest.fixture(scope="module")
def study() -> Study:
    """A patient with a loop of three views, and a still."""
    study = view_study(1, 5, views=VIEWS, frames=7, split="test")
    first = study.cines[0]
    assert isinstance(first.source, np.ndarray)
    still = replace(first, source=first.source[:1], frames=1, times_ms=None, outlines={})
    return replace(study, cines=(*study.cines, still))


def unstated(cine: Cine) -> Cine:
    return replace(cine, view=None)


def naive(folder: Path, cine: Cine) -> tuple[list[float], list[torch.Tensor]]:
    """Mean softmax over the voting frames and their embeddings, frame by frame, of a loop that is prepared whole."""
    network, manifest = load_checkpoint(folder)
    spec = ClipSpec.from_dict(manifest.clip)
    frames = prepare(cine.source, cine, spec, mask=load_mask(folder, spec))
    votes = [0, (len(frames) - 1) // 2, len(frames) - 1]  # three, evenly
    total, embeddings = [0.0] * len(VIEWS), []
    for place in sorted(set(votes)):
        picture = torch.from_numpy(frames[place].astype(np.float32) / 255.0)[None, :, None]
        with torch.no_grad():
            shares = torch.exp(network(picture)[0].double())
            embeddings.append(network.forward_head(network.forward_features(picture), pre_logits=True)[0])
        shares = shares / shares.sum()
        total = [sum_ + float(share) for sum_, share in zip(total, shares, strict=True)]
    return [value / len(set(votes)) for value in total], embeddings


@pytest.mark.parametrize(
    ("structure", "changes"),
    [("", {}), ("fov", {}), ("fov", {"crop": "sector"})],
)
def test_a_loop_is_what_its_frames_say_on_average(
    study: Study, tmp_path: Path, structure: str, changes: dict[str, object]
) -> None:
    folder = save_classifier(tmp_path / "run", "view", VIEWS, structure=structure, spec=replace(SPEC, **changes))
    teller = load_teller([folder], SURE)
    for cine in (study.cines[0], study.cines[-1]):
        told = teller.tell(unstated(cine), cine.source)
        assert told.probabilities == pytest.approx(dict(zip(VIEWS, naive(folder, cine)[0], strict=True)), abs=1e-5)
        assert sum(told.probabilities.values()) == pytest.approx(1.0)
        assert told.view == max(told.probabilities, key=lambda view: told.probabilities[view])
        assert told.novelty is None


def test_networks_count_alike(study: Study, tmp_path: Path) -> None:
    runs = [save_classifier(tmp_path / "runs" / f"seed{seed}", "view", VIEWS, seed=seed) for seed in range(3)]
    cine = study.cines[1]
    alone = [load_teller([run], SURE).tell(unstated(cine), cine.source).probabilities for run in runs]
    assert alone[0] != alone[1]
    wanted = {view: float(np.mean([each[view] for each in alone])) for view in VIEWS}
    for folders in (runs, [tmp_path / "runs"]):
        teller = load_teller(folders, SURE)
        assert len(teller.predictors) == 3
        assert teller.tell(unstated(cine), cine.source).probabilities == pytest.approx(wanted)


def test_evaluate_says_the_same_of_the_same_loops(study: Study, tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "run", "view", VIEWS, structure="fov")
    view_folders.write([study], tmp_path / "data", files="dicom")
    read = view_folders.read(tmp_path / "data")
    said, truth, _ = predictions_of(folder, tmp_path / "data", cache=tmp_path / "cache", device="cpu")
    table = class_table.by_study(said, truth, "view").set_index("study")
    teller = load_teller([folder], SURE)
    count = 0
    for each in read:
        for place, cine in enumerate(each.cines):
            told = teller.tell(unstated(cine), io.load(cine))
            row = table.loc[f"{each.id}_loop{place:02d}"]
            assert told.probabilities == pytest.approx({view: row[f"view={view}"] for view in VIEWS}, abs=1e-5)
            count += 1
    assert count == len(table) == 4


def test_no_view_is_told_that_is_not_probable_enough(study: Study, tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "run", "view", VIEWS)
    cine = study.cines[0]
    highest = max(naive(folder, cine)[0])
    for certainty, known in ((highest - 1e-3, True), (highest + 1e-3, False)):
        told = load_teller([folder], Settings(view_certainty=certainty)).tell(unstated(cine), cine.source)
        assert (told.view is not None) == (told.doubt == "") == known
    assert f"{100 * (highest + 1e-3):g} %" in told.doubt
    with pytest.raises(ConfigError, match="not from 0 to 1"):
        Settings(view_certainty=1.1)


def test_a_loop_unlike_the_training_is_unknown_however_sure_the_network(study: Study, tmp_path: Path) -> None:
    cine = study.cines[0]
    plain = save_classifier(tmp_path / "plain", "view", VIEWS)
    own = torch.stack(naive(plain, cine)[1])
    near = own.mean(0) + own.std() * torch.randn(60, own.shape[1], generator=torch.Generator().manual_seed(0))
    for name, reference in (("near", near), ("far", near + 50 * near.std())):
        folder = save_classifier(tmp_path / name, "view", VIEWS, reference=reference)
        told = load_teller([folder], SURE).tell(unstated(cine), cine.source)
        assert told.novelty == pytest.approx(Novelty(reference.double().numpy()).score(own.double().numpy()), rel=1e-4)
        assert (told.doubt == UNLIKE, told.view is None) == (name == "far", name == "far")


def test_only_what_nobody_states_is_told(study: Study, tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "run", "view", VIEWS)
    silent = [unstated(cine) for cine in study.cines]
    alone, several = load_teller([folder], SURE), load_teller([folder], SURE, fewest=2)
    assert not alone.tells(study.cines)
    assert alone.tells([silent[0], *study.cines])
    assert not several.tells([silent[0], *study.cines])
    assert several.tells(silent[:2])
    assert not alone.tells([replace(silent[0], modality="MR")])


def test_a_loop_that_cannot_be_prepared_is_unknown(study: Study, tmp_path: Path) -> None:
    folder = save_classifier(tmp_path / "run", "view", VIEWS, spec=replace(SPEC, step_ms=40.0))
    still = unstated(study.cines[-1])
    told = load_teller([folder], SURE).tell(still, still.source)
    assert told.view is None
    assert "times of the frames are unknown" in told.doubt
    assert told.probabilities == {}


def test_runs_that_tell_no_views_or_others_are_refused(make_weights: Callable[..., Path], tmp_path: Path) -> None:
    run = save_classifier(tmp_path / "run", "view", VIEWS)
    with pytest.raises(ConfigError, match="predict ef, not view"):
        load_teller([make_weights()], SURE)
    with pytest.raises(CheckpointError, match="same views"):
        load_teller([run, save_classifier(tmp_path / "other", "view", ("A4C", "A2C"))], SURE)
    with pytest.raises(ConfigError, match="do not say which views"):
        load_teller([save_classifier(tmp_path / "numbers", "view")], SURE)
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError):
        load_teller([tmp_path / "empty"], SURE)


def test_runs_of_single_frames_let_frames_of_a_loop_vote(study: Study, tmp_path: Path) -> None:
    loop = save_classifier(tmp_path / "loop", "view", VIEWS, clips_per_loop=5)
    frame = save_classifier(tmp_path / "frame", "view", VIEWS, clips_per_loop=1, case="frame")
    cine = study.cines[2]
    first, second = (load_teller([run], SURE).tell(unstated(cine), cine.source) for run in (loop, frame))
    assert first.probabilities == second.probabilities
    assert len(cine.source) > 5
