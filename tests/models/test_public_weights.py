"""Public checkpoints become ours, to the bit, or are refused with what does not fit."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import get_args

import h5py
import numpy as np
import pytest
import torch
from tests.models.public_files import TINY, small, write, write_keras_without_top
from torch import nn

from cinecor.errors import CheckpointError, ConfigError
from cinecor.models import create_model
from cinecor.models.checkpoint import load_checkpoint
from cinecor.models.choices import PublicWeights
from cinecor.models.public_weights import PUBLIC, import_weights, public_weights
from cinecor.models.starting import start_from
from cinecor.records import ClipSpec

KEPT = {"source": "https://example.org/weights", "licence": "CC BY-NC 4.0"}


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in PUBLIC:
        monkeypatch.setitem(PUBLIC, kind, small(kind))


def refused(file: Path, kind: str, out: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        import_weights(file, kind, out, **KEPT)
    assert not out.exists()
    return str(caught.value)


def changed(kind: str, folder: Path, change: object) -> Path:
    """The file with its state dict changed in place by ``change``."""
    file = write(kind, folder)
    content = torch.load(file, weights_only=False)
    change(content)  # type: ignore[operator]
    torch.save(content, file)
    return file


def test_every_kind_can_be_named_and_has_an_input() -> None:
    assert list(PUBLIC) == list(get_args(PublicWeights))
    for kind, public in PUBLIC.items():
        spec = ClipSpec.from_dict(public.clip)
        assert spec.channels == 3, kind
        with torch.device("meta"):
            network = create_model(public.model, public.outputs[0], **public.options)
        assert public.last in network.state_dict()
        assert network.dense == (public.task == "segmentation")


def test_inputs_are_those_of_the_papers() -> None:
    coreecho, echonet = (ClipSpec.from_dict(PUBLIC[kind].clip) for kind in ("coreecho", "echonet-r2plus1d"))
    assert (coreecho.length, coreecho.period, coreecho.height, coreecho.padding) == (36, 4, 112, "before")
    assert np.round(coreecho.mean, 2).tolist() == [32.49, 32.63, 32.93]
    assert np.round(coreecho.std, 2).tolist() == [49.87, 49.88, 50.13]
    assert (echonet.length, echonet.period, echonet.padding) == (32, 2, "after")
    assert "estimated" in PUBLIC["echonet-r2plus1d"].note
    keras = ClipSpec.from_dict(PUBLIC["keras-resnet50v2"].clip)
    assert [(grey - keras.mean[0]) / keras.std[0] for grey in (0, 255)] == [-1, 1]


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("kind", list(TINY))
def test_a_public_file_becomes_ours(kind: str, tmp_path: Path) -> None:
    file = write(kind, tmp_path)
    written = import_weights(file, kind, tmp_path / "out", **KEPT)
    network, manifest = load_checkpoint(tmp_path / "out")
    assert manifest == written
    assert manifest.licence == KEPT["licence"]
    imported = manifest.extra["imported"]
    assert imported["source"] == KEPT["source"]
    assert imported["as"] == kind
    assert imported["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert KEPT["source"] in manifest.training_data["description"]
    assert manifest.clip == {
        **PUBLIC[kind].clip,
        **{k: list(manifest.clip[k]) for k in ("mean", "std") if k in manifest.clip},
    }
    ef = kind not in ("uniformer", "keras-resnet50v2", "imagenet-vgg16")
    assert (manifest.target, manifest.unit) == ("ef", "%") or not ef
    assert ef or manifest.target != "ef"
    if not file.name.endswith("h5") and kind != "imagenet-vgg16":
        content = torch.load(file, weights_only=False)
        theirs = content.get("state_dict") or content.get("model") or content
        ours = network.state_dict()
        for name, tensor in theirs.items():
            name = name.removeprefix("module.")
            if kind != "coreecho" or name not in ("head.weight", "head.bias"):
                assert torch.equal(ours[name], tensor), name


@pytest.mark.usefixtures("tiny")
def test_coreecho_predicts_what_encoder_and_regressor_do(tmp_path: Path) -> None:
    """The encoder's own head is read and left out; the regressor sees the mean over positions."""
    file = write("coreecho", tmp_path)
    import_weights(file, "coreecho", tmp_path / "out", **KEPT)
    network, _ = load_checkpoint(tmp_path / "out")
    content = torch.load(file, weights_only=False)
    encoder = create_model("uniformer_small", **TINY["uniformer"]).eval()
    encoder.load_state_dict({name.removeprefix("module."): tensor for name, tensor in content["model"].items()})
    regressor = nn.Sequential(
        nn.BatchNorm1d(512), nn.Dropout(), nn.Linear(512, 512), nn.BatchNorm1d(512), nn.GELU(), nn.Dropout(),
        nn.Linear(512, 1),
    ).eval()  # fmt: skip
    regressor.load_state_dict(content["regressor"])
    clips = torch.randn(2, 3, 4, 32, 32)
    with torch.no_grad():
        expected = regressor(encoder.forward_features(clips).mean((2, 3, 4)))
        torch.testing.assert_close(network(clips), expected)


@pytest.mark.usefixtures("tiny")
def test_keras_weights_give_back_the_network_they_came_from(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = create_model("resnet50v2", 1000, **TINY["keras-resnet50v2"]).eval()
    import_weights(write("keras-resnet50v2", tmp_path), "keras-resnet50v2", tmp_path / "out", **KEPT)
    network, manifest = load_checkpoint(tmp_path / "out")
    assert manifest.num_outputs == 1000
    clip = torch.randn(1, 3, 1, 32, 32)
    with torch.no_grad():
        assert torch.equal(network(clip), model(clip))
    import_weights(write_keras_without_top(tmp_path), "keras-resnet50v2", tmp_path / "headless", **KEPT)
    headless, manifest = load_checkpoint(tmp_path / "headless")
    assert manifest.num_outputs == 1
    with torch.no_grad():
        assert torch.equal(headless(clip), torch.zeros(1, 1))


@pytest.mark.usefixtures("tiny")
def test_of_vgg16_the_convolutions_are_kept_and_its_dense_layers_are_not(tmp_path: Path) -> None:
    file = write("imagenet-vgg16", tmp_path)
    import_weights(file, "imagenet-vgg16", tmp_path / "out", **KEPT)
    network, _ = load_checkpoint(tmp_path / "out")
    theirs = torch.load(file)
    kept = {f"trunk.{name}": tensor for name, tensor in theirs.items() if name.startswith("features.")}
    assert len(kept) == 26
    assert all(torch.equal(network.state_dict()[name], tensor) for name, tensor in kept.items())
    assert torch.equal(network(torch.randn(1, 3, 1, 224, 224)), torch.zeros(1, 1))
    start = create_model("vgg16", 15, width=1 / 16, dense=(8,), input_size=(1, 64, 64))
    assert not start_from(start, tmp_path / "out", target="view")
    assert all(torch.equal(start.state_dict()[name], tensor) for name, tensor in kept.items())
    timms = {**{name.removeprefix("trunk."): t for name, t in kept.items()}, "pre_logits.fc1.weight": torch.zeros(1)}
    torch.save(timms, tmp_path / "timm.pth")
    import_weights(tmp_path / "timm.pth", "imagenet-vgg16", tmp_path / "timm", **KEPT)
    torch.save({"conv1.weight": torch.zeros(1)}, tmp_path / "other.pth")
    assert "no VGG16 (conv1.weight)" in refused(tmp_path / "other.pth", "imagenet-vgg16", tmp_path / "no")


@pytest.mark.usefixtures("tiny")
def test_bare_and_wrapped_files_are_the_same(tmp_path: Path) -> None:
    file = write("echonet-r2plus1d", tmp_path)
    state = torch.load(file, weights_only=False)["state_dict"]
    bare = tmp_path / "bare.pt"
    halved = {name.removeprefix("module."): t.half() if t.is_floating_point() else t for name, t in state.items()}
    torch.save(halved, bare)
    one = import_weights(file, "echonet-r2plus1d", tmp_path / "one", **KEPT)
    import_weights(bare, "echonet-r2plus1d", tmp_path / "half", **KEPT)
    torch.save({"model": state}, bare)
    two = import_weights(bare, "echonet-r2plus1d", tmp_path / "two", **KEPT)
    assert one.weights_sha256 == two.weights_sha256
    network, _ = load_checkpoint(tmp_path / "half")
    assert all(p.dtype == torch.float32 for p in network.parameters())


@pytest.mark.usefixtures("tiny")
def test_what_does_not_fit_is_listed_in_both_directions(tmp_path: Path) -> None:
    def change(content: dict) -> None:
        content["norm.extra"] = torch.zeros(1)
        del content["norm.bias"]
        content["head.weight"] = torch.zeros(7, 512)

    said = refused(changed("uniformer", tmp_path, change), "uniformer", tmp_path / "out")
    assert "MISMATCH: uniformer_small_k400_16x8.pth" in said
    assert "1 tensors of the network are missing (norm.bias)" in said
    assert "1 are not the network's (norm.extra)" in said
    assert "head.weight is float32[7, 512], not float32[400, 512]" in said


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize(
    ("file_of", "kind"),
    [("uniformer", "coreecho"), ("uniformer", "echocotr"), ("coreecho", "uniformer"), ("echocotr", "echonet-r2plus1d"),
     ("keras-resnet50v2", "uniformer"), ("echonet-r2plus1d", "keras-resnet50v2")],
)  # fmt: skip
def test_a_file_of_another_kind_does_not_match(file_of: str, kind: str, tmp_path: Path) -> None:
    assert "MISMATCH" in refused(write(file_of, tmp_path), kind, tmp_path / "out")


@pytest.mark.usefixtures("tiny")
def test_coreechos_parts_are_checked(tmp_path: Path) -> None:
    file = changed("coreecho", tmp_path, lambda content: content.pop("regressor"))
    assert "no parts `model` and `regressor`" in refused(file, "coreecho", tmp_path / "out")
    wide = {"module.head.weight": torch.zeros(4, 512)}
    file = changed("coreecho", tmp_path, lambda content: content["model"].update(wide))
    assert "head.weight is [4, 512], not [1, 512]" in refused(file, "coreecho", tmp_path / "out")
    file = changed("coreecho", tmp_path, lambda content: content["regressor"].update({"6.bias": torch.zeros(2)}))
    assert "head.6.bias is float32[2], not float32[1]" in refused(file, "coreecho", tmp_path / "out")
    torch.save([1, 2], file)
    assert "MISMATCH" in refused(file, "coreecho", tmp_path / "out")


@pytest.mark.usefixtures("tiny")
def test_things_that_are_no_tensors_do_not_match(tmp_path: Path) -> None:
    for content in ({"epoch": 3, "weights": [1.0]}, [1.0], {}):
        torch.save(content, tmp_path / "a.pt")
        assert "MISMATCH" in refused(tmp_path / "a.pt", "uniformer", tmp_path / "out")


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    file = changed("uniformer", tmp_path, lambda content: content["head.bias"].fill_(value))
    assert "NONFINITE: uniformer_small_k400_16x8.pth: head.bias" in refused(file, "uniformer", tmp_path / "out")


@pytest.mark.usefixtures("tiny")
def test_a_keras_file_with_a_strange_layer_does_not_match(tmp_path: Path) -> None:
    file = write("keras-resnet50v2", tmp_path)
    with h5py.File(file, "a") as content:
        content["conv9_block1_1_conv/kernel:0"] = np.zeros((1, 1, 2, 2), np.float32)
    assert "conv9_block1.conv_1.weight" in refused(file, "keras-resnet50v2", tmp_path / "out")


def test_source_and_licence_are_asked_for(tmp_path: Path) -> None:
    for name in ("source", "licence"):
        with pytest.raises(ConfigError, match=f"OUT_OF_RANGE: {name}: no {name} of the weights is given; say it"):
            import_weights(tmp_path / "a.pt", "uniformer", tmp_path / "out", **{**KEPT, name: " "})


def test_other_kinds_and_folders_in_use_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="UNKNOWN_KEY: as: 'panecho' is no kind; choose of uniformer, coreecho"):
        public_weights("panecho")
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ConfigError, match="CONFLICT"):
        import_weights(tmp_path / "a.pt", "uniformer", tmp_path, **KEPT)
