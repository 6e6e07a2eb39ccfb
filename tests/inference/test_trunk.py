"""A compiled network says what the network itself says; who asks for what the machine lacks is told so."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cinecor.errors import ConfigError, ResourceError
from cinecor.inference import Settings, load_predictor, trunk
from cinecor.inference.trunk import WORTH, OpenVinoTrunk, choose_engine, torch_trunk
from cinecor.models import create_model
from cinecor.models.checkpoint import Manifest, save_checkpoint
from cinecor.records import ClipSpec

CPU = torch.device("cpu")
EQUAL = 1e-3  # points of EF
SPREAD = 40.0  # a head this much larger lets clips differ by points
SPEC = ClipSpec(length=8, height=32, width=32, mean=(32.0,), std=(50.0,))
NETWORKS: dict[str, dict[str, Any]] = {
    "i3d": {"depth": "stem", "width": 0.25, "input_size": [8, 32, 32]},
    "two_stream": {"width": 0.1, "input_size": [8, 32, 32]},
    "uniformer_small": {"depths": [1, 1, 1, 1], "widths": [8, 8, 16, 16], "head_dim": 8, "in_channels": 1},
    "unet": {"widths": [4, 8]},
}
needs_openvino = pytest.mark.skipif(trunk.find_spec("openvino") is None, reason="needs openvino: cinecor[accel]")


@pytest.fixture(scope="module")
def save(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    def make(name: str, seed: int = 0) -> Path:
        torch.manual_seed(seed)
        network = create_model(name, **NETWORKS[name])
        network.scale_output(SPREAD, 55.0)
        folder = tmp_path_factory.mktemp(name)
        save_checkpoint(folder, network, Manifest(model=name, options=NETWORKS[name], clip=SPEC.as_dict()))
        return folder

    return make


@pytest.fixture(scope="module")
def clips() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(3, 1, 8, 32, 32)).astype(np.float32)
    return noise * np.array([0.2, 1.0, 3.0], dtype=np.float32).reshape(3, 1, 1, 1, 1)


@needs_openvino
@pytest.mark.parametrize("name", ["i3d", "two_stream", "uniformer_small"])
def test_values_are_equal_to_a_thousandth_of_a_point(save: Any, clips: np.ndarray, name: str) -> None:
    folder = save(name)
    eager, compiled = (load_predictor(folder, Settings(engine=each)) for each in ("torch", "openvino"))
    assert isinstance(compiled.trunk, OpenVinoTrunk)
    (values, embeddings), (others, other_embeddings) = eager.values(clips), compiled.values(clips)
    assert np.ptp(values) > 100 * EQUAL
    assert np.abs(values - others).max() < EQUAL
    np.testing.assert_allclose(embeddings, other_embeddings, atol=1e-5)
    np.testing.assert_allclose(compiled.values(clips[1:2])[0], others[1:2], atol=EQUAL / 10)  # each for itself


@needs_openvino
def test_outlines_are_equal(save: Any) -> None:
    folder = save("unet")
    frames = np.random.default_rng(1).integers(0, 255, (3, 1, 32, 32), dtype=np.uint8)
    eager, compiled = (load_predictor(folder, Settings(engine=each)) for each in ("torch", "openvino"))
    for part, other in zip(eager.outlines(frames), compiled.outlines(frames), strict=True):
        np.testing.assert_allclose(part, other, atol=1e-5)


@needs_openvino
def test_a_network_is_compiled_once_in_a_process_and_others_are_not_mistaken_for_it(
    save: Any, clips: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, compile_it = [], trunk._compile
    monkeypatch.setattr(trunk, "_PROGRAMS", {})
    monkeypatch.setattr(trunk, "_compile", lambda *options: made.append(1) or compile_it(*options))
    folder, other = save("i3d"), save("i3d", seed=1)
    settings = Settings(engine="openvino")
    first, again = (load_predictor(folder, settings).values(clips)[0] for _ in range(2))
    assert len(made) == 1
    np.testing.assert_array_equal(first, again)
    assert np.abs(load_predictor(other, settings).values(clips)[0] - first).max() > EQUAL
    assert len(made) == 2


@needs_openvino
def test_openvino_tells_nobody_what_is_done() -> None:
    kept = sys.modules.get("openvino_telemetry")
    assert trunk._import_openvino().__name__ == "openvino"
    assert sys.modules.get("openvino_telemetry") is kept
    from openvino.tools.ovc import convert_impl

    assert kept is not None or convert_impl.tm.__name__ == "openvino.tools.ovc.telemetry_stub"


@needs_openvino
def test_what_openvino_cannot_take_over_is_one_line() -> None:
    network = create_model("i3d", **NETWORKS["i3d"])
    network.forward_features = lambda x: x if x.sum() > 0 else -x  # type: ignore[method-assign]
    with pytest.raises(ConfigError, match="CONFLICT: engine: OpenVINO cannot take this network over"):
        OpenVinoTrunk(network, [(1, 8, 32, 32)], "stubborn", precision="fp32", threads=1)


def test_auto_compiles_for_many_loops_on_a_processor_where_openvino_is_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(trunk, "find_spec", lambda name: object())
    assert choose_engine(Settings(), CPU, WORTH) == "openvino"
    assert choose_engine(Settings(), CPU, WORTH - 1) == "torch"
    assert choose_engine(Settings(), torch.device("cuda"), WORTH) == "torch"
    assert choose_engine(Settings(engine="torch"), CPU, WORTH) == "torch"
    assert choose_engine(Settings(engine="openvino"), CPU, 0) == "openvino"
    with pytest.raises(ConfigError, match=r"CONFLICT: engine: .* not on cuda"):
        choose_engine(Settings(engine="openvino"), torch.device("cuda"), 0)
    monkeypatch.setattr(trunk, "find_spec", lambda name: None)
    assert choose_engine(Settings(), CPU, WORTH) == "torch"
    with pytest.raises(ConfigError, match=r"MISSING_EXTRA: engine: .*cinecor\[accel\]"):
        choose_engine(Settings(engine="openvino"), CPU, 0)


@pytest.mark.parametrize("engine", ["auto", "torch", "openvino"])
def test_bfloat16_is_refused_where_the_machine_has_none(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trunk, "has_bf16", lambda device: False)
    with pytest.raises(ResourceError, match="NO_DEVICE: precision: this cpu has no instructions for bfloat16"):
        choose_engine(Settings(engine=engine, precision="bf16"), CPU, 0)


def test_in_bfloat16_the_head_stays_in_float32(save: Any, clips: np.ndarray) -> None:
    predictor = load_predictor(save("i3d"), Settings())
    streams = predictor._streams(clips)
    plain, mixed = (torch_trunk(predictor.network, each, CPU) for each in ("fp32", "bf16"))
    with torch.inference_mode():
        exact, rounded = plain(*streams), mixed(*streams)
    assert rounded.dtype == torch.float32
    assert 0 < (rounded - exact).abs().max() < 0.02 * exact.abs().max()


@pytest.mark.parametrize("field", ["engine", "precision"])
def test_other_words_are_no_choice(field: str) -> None:
    with pytest.raises(ConfigError, match=f"OUT_OF_RANGE: {field}: .* choose of "):
        _made({field: "fast"})


def _made(fields: dict[str, Any]) -> Settings:
    settings = object.__new__(Settings)  # past the type checks that only tests have
    for name, value in {"clips": 1, "batch_size": 1, "threads": None, "frame_ms": None, "level": 0.9, "engine": "auto",
                        "precision": "fp32", **fields}.items():  # fmt: skip
        object.__setattr__(settings, name, value)
    settings.__post_init__()
    return settings
