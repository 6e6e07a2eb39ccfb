"""Two processes that share each batch learn what one learns of the whole."""

import os
import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from cinecor.errors import ConfigError, StorageError
from cinecor.evaluation import table
from cinecor.training import train
from cinecor.training.finishing import predictions_name
from cinecor.training.logs import METRICS_NAME
from cinecor.training.processes import Processes, check_shared, is_first, join_processes
from cinecor.training.recipe import apply_overrides, dump_recipe
from cinecor.training.sweep import run_sweep

# On a CPU the statistics of a batch are each process's own, so that a network without them is compared.
PLAIN = [
    "--model.options.norm",
    "layer",
    "--model.options.dropout",
    "0",
    "--optimiser.name",
    "sgd",
    "--optimiser.lr",
    "1e-3",
]
CONTRAST = ["--loss.name", "coreecho", "--sampling.views", "2", "--sampling.drop_last", "true", "--epochs", "2"]
CONTRAST += ["--second.epochs", "1", "--second.lr", "1e-3", "--sampling.validation", "random", "--monitor", "mae"]
KINDS = {"values": PLAIN, "contrast": [*PLAIN, *CONTRAST]}
SCRIPT = """
import pickle, sys
from pathlib import Path
import torch
from cinecor.training import train
from cinecor.training.recipe import load_recipe

torch.set_num_threads(1)
folder = Path(sys.argv[1])
studies = pickle.loads((folder / "studies").read_bytes())
for recipe in sorted(folder.glob("*.yaml")):
    print(train(load_recipe(recipe), studies, folder / recipe.stem).manifest.model)
"""


@pytest.fixture(scope="module")
def shared(finished, make_cohort, tmp_path_factory):
    """Both kinds of training by two processes: the folder of their runs."""
    folder = tmp_path_factory.mktemp("processes")
    for name, changes in KINDS.items():
        (folder / f"{name}.yaml").write_text(dump_recipe(apply_overrides(finished.recipe, changes)))
    (folder / "studies").write_bytes(pickle.dumps(make_cohort()))
    (folder / "script.py").write_text(SCRIPT)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    settings = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [*launcher, str(folder / "script.py"), str(folder)]
    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("i3d") == 4  # each process has the manifest of both
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_shared_training_is_that_of_one_process(shared, kind, finished, make_cohort, tmp_path):
    alone = train(apply_overrides(finished.recipe, KINDS[kind]), make_cohort(), tmp_path / "alone").folder
    one, two = (pd.read_csv(folder / METRICS_NAME) for folder in (alone, shared / kind))
    pd.testing.assert_frame_equal(one, two, rtol=1e-4)
    assert one["train_loss"].nunique() == len(one)
    said, other = (table.read_predictions(folder / predictions_name("test")) for folder in (alone, shared / kind))
    np.testing.assert_allclose(said["value"], other["value"], rtol=1e-4)


@pytest.mark.parametrize(
    "changes", [("--loss.name", "bce_sum"), ("--loss.name", "dice"), ("--loss.class_weights", "balanced")]
)
def test_a_loss_that_parts_would_change_is_refused(finished, changes):
    part = finished.recipe.loss.model_copy(update={changes[0].removeprefix("--loss."): changes[1]})
    with pytest.raises(ConfigError, match="CONFLICT: torchrun: loss"):
        check_shared(finished.recipe.model_copy(update={"loss": part}))
    check_shared(finished.recipe)


def test_a_failure_of_the_first_is_that_of_all():
    error = StorageError("LOCKED", "another process trains here", where="run")
    with pytest.raises(StorageError, match="LOCKED"), Processes().in_turn():
        raise error


def test_a_sweep_is_not_started_by_torchrun(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="without torchrun"):
        list(run_sweep([], tmp_path))


def test_a_process_on_its_own_asks_nobody(tmp_path):
    processes = join_processes()
    assert processes == Processes()
    assert is_first()
    assert processes.any(True)
    assert not processes.any(False)
    assert processes.tell(lambda: "told") == "told"
    with processes.in_turn():
        processes.wait()
