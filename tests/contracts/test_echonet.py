"""EchoNet-Dynamic's segmentations train one epoch on a tiny cohort of synthetic hearts, by the code of a user."""

from __future__ import annotations

import pytest

from cinecor.datasets import echonet_dynamic
from cinecor.errors import ConfigError
from cinecor.phantom import MARK, echo_study
from cinecor.training import train
from cinecor.training.recipe import apply_overrides, load_recipe, network_options

SPLITS = ("train", "train", "train", "validation", "test")
SMALL = ["--epochs", "1", "--schedule.warmup_epochs", "0", "--reference_clips", "2", "--device", "cpu"]
SMALL += ["--batch_size", "3", "--clip.height", "16", "--clip.width", "16"]
NETWORKS = {
    "echonet/segmentation_deeplabv3": ["--model.options.depths", "[1, 1, 1, 1]", "--model.options.pretrained", "false"],
    "echonet/segmentation_unet": ["--model.options.widths", "[4, 8]"],
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("echonet")
    studies = [echo_study(index, 0, max_frames=8, split=split) for index, split in enumerate(SPLITS)]
    echonet_dynamic.write(studies, folder / "data")
    (folder / "data" / MARK).write_text("phantom")
    return folder


@pytest.mark.parametrize("name", NETWORKS)
def test_it_trains(name, data, tmp_path):
    recipe = apply_overrides(load_recipe(name), [*SMALL, *NETWORKS[name]])
    run = train(recipe, data / "data", tmp_path / "run", cache=data / "cache")
    header, row = (run.folder / "metrics.csv").read_text().splitlines()
    assert float(row.split(",")[header.split(",").index("validation_loss")]) > 0
    assert run.manifest.extra["task"] == "segmentation"
    assert run.manifest.training_data["synthetic"] is True


def test_deeplab_is_trained_as_the_published_code_does():
    recipe = load_recipe("echonet/segmentation_deeplabv3")
    assert (recipe.optimiser.name, recipe.optimiser.lr, recipe.optimiser.momentum) == ("sgd", 1e-5, 0.9)
    assert (recipe.optimiser.weight_decay, recipe.epochs, recipe.patience) == (0.0, 50, 0)
    assert (recipe.loss.name, recipe.schedule.name, recipe.monitor) == ("bce_sum", "constant", "loss")
    assert recipe.batch_size == 2 * 20  # videos, each with its ED and its ES frame
    assert recipe.augmentation_ranges == apply_overrides(recipe, ["--augmentation.preset", "none"]).augmentation_ranges
    assert network_options(recipe)["pretrained"] is True  # "random" in name only


def test_a_batch_of_one_frame_is_refused_by_deeplab_in_one_line(data, tmp_path):
    name = "echonet/segmentation_deeplabv3"
    recipe = apply_overrides(load_recipe(name), [*SMALL, *NETWORKS[name], "--batch_size", "1"])
    with pytest.raises(ConfigError, match="choose another batch size"):
        train(recipe, data / "data", tmp_path / "run", cache=data / "cache")
