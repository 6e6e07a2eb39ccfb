"""A network that is ready to be asked: weights, device, and what is known of its training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8

from cinecor.clips import cut
from cinecor.clips.masking import load_mask
from cinecor.clips.preparation import Masking
from cinecor.clips.streams import make_streams
from cinecor.errors import ConfigError, ResourceError
from cinecor.explain import grad_cam
from cinecor.inference.conformal import half_width
from cinecor.inference.novelty import Novelty
from cinecor.inference.settings import Settings
from cinecor.inference.trunk import OpenVinoTrunk, Trunk, choose_engine, torch_trunk
from cinecor.models.checkpoint import Manifest, load_checkpoint, load_extra_tensors
from cinecor.models.contract import Network
from cinecor.models.devices import choose_device
from cinecor.models.layout import channels_last
from cinecor.records import ClipSpec

REFERENCE = "reference_embeddings"
"""Name under which training keeps the embeddings of training clips."""

FRAMES = 4
"""Frames that cost about as much memory as a clip."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Predictor:
    """Values and embeddings of clips."""

    network: Network
    manifest: Manifest
    spec: ClipSpec
    novelty: Novelty | None
    half_width: float | None
    """Half the width of the interval at the level asked for; None without calibration."""
    device: torch.device
    settings: Settings
    trunk: Trunk | None = None
    """What computes the network's feature map; None: the network itself."""
    mask: Masking | None = None
    """What blanks recorded frames before they are prepared, where the weights were trained so."""
    line: tuple[float, float] = (1.0, 0.0)
    """Slope and intercept (%) that take EF by outlines to what is predicted."""

    @property
    def view(self) -> str | None:
        """The only view that the weights were trained on, where it was one alone."""
        view: str | None = self.manifest.extra.get("view")
        return view

    def values(
        self, clips: Float32[np.ndarray, "clip channel length height width"]
    ) -> tuple[Float[np.ndarray, " clip"], Float[np.ndarray, "clip feature"]]:
        """The value of each clip, and its embedding; of a network that predicts values."""
        outputs, embeddings = self.outputs(clips)
        return outputs[:, 0], embeddings

    def outputs(
        self, clips: Float32[np.ndarray, "clip channel length height width"]
    ) -> tuple[Float[np.ndarray, "clip output"], Float[np.ndarray, "clip feature"]]:
        """All outputs for each clip, and its embedding; of a network that predicts values or classes."""
        outputs, embeddings = [], []
        with torch.inference_mode(), _threads(self.settings.threads), _memory():
            for start in range(0, len(clips), self.settings.batch_size):
                streams = self._streams(clips[start : start + self.settings.batch_size])
                features = self._features(*streams)
                outputs.append(self.network.forward_head(features).double().cpu().numpy())
                embeddings.append(self.network.forward_head(features, pre_logits=True).double().cpu().numpy())
        return np.concatenate(outputs), np.concatenate(embeddings)

    def _features(self, *streams: torch.Tensor) -> torch.Tensor:
        return (self.trunk or self.network.forward_features)(*streams)

    def _streams(self, clips: Float32[np.ndarray, "clip channel length height width"]) -> list[torch.Tensor]:
        made = [make_streams(clip, self.network.streams) for clip in clips]
        stacked = [torch.from_numpy(np.stack([each[name] for each in made])) for name in self.network.streams]
        return [each.to(self.device).contiguous(memory_format=torch.channels_last_3d) for each in stacked]

    def heat(
        self, clip: Float32[np.ndarray, "channel length height width"], *, signed: bool = True
    ) -> Float32[np.ndarray, "length height width"]:
        """Where in a clip the value comes from: see :func:`cinecor.explain.grad_cam`.

        Raises:
            ConfigError: CONFLICT for a network that has no feature map to show.
        """
        with _threads(self.settings.threads), _memory():
            return grad_cam(self.network, *self._streams(clip[None]), signed=signed)[0].cpu().numpy()

    def outlines(
        self, frames: UInt8[np.ndarray, "time channel height width"]
    ) -> tuple[Float32[np.ndarray, "time height width"], Float[np.ndarray, "time feature"]]:
        """Probability of each pixel of prepared frames to lie in the ventricle, and each frame's embedding; of a dense
        network."""
        maps, embeddings = [], []
        with torch.inference_mode(), _threads(self.settings.threads), _memory():
            for start in range(0, len(frames), FRAMES * self.settings.batch_size):
                indices = np.arange(start, min(start + FRAMES * self.settings.batch_size, len(frames)))
                clip = torch.from_numpy(cut(frames, indices, self.spec).swapaxes(0, 1)[:, :, None])
                features = self._features(clip.to(self.device))
                maps.append(self.network.forward_head(features)[:, 0, 0].sigmoid().float().cpu().numpy())
                embeddings.append(self.network.forward_head(features, pre_logits=True).double().cpu().numpy())
        return np.concatenate(maps), np.concatenate(embeddings)

    def structure_maps(
        self, frames: UInt8[np.ndarray, "time channel height width"]
    ) -> Float32[np.ndarray, "time structure height width"]:
        """Probability of each structure in each pixel of prepared frames; of a dense network."""
        step = FRAMES * self.settings.batch_size
        maps = []
        with torch.inference_mode(), _threads(self.settings.threads), _memory():
            for start in range(0, len(frames), step):
                indices = np.arange(start, min(start + step, len(frames)))
                clip = torch.from_numpy(cut(frames, indices, self.spec).swapaxes(0, 1)[:, :, None])
                logits = self.network.forward_head(self._features(clip.to(self.device)))
                maps.append(logits[:, :, 0].sigmoid().float().cpu().numpy())
        return np.concatenate(maps)


def load_predictor(folder: Path, settings: Settings, *, target: str = "ef", loops: int = 0) -> Predictor:
    """Read weights and all that belongs to them.

    Args:
        folder: of a run.
        settings: what the user chose.
        target: what the weights must have learned.
        loops: how many will be analysed, as far as is known: whether it is worth while to compile the network.

    Raises:
        CheckpointError: the weights are damaged, unsafe or of another model.
        ConfigError: CONFLICT for weights that predict something else, or need masks; MISSING_EXTRA without OpenVINO.
        ResourceError: NO_DEVICE.
    """
    network, manifest = load_checkpoint(folder)
    if manifest.clip.get("crop") == "roi":
        what = "these weights see the box around an expert's masks, and nobody has masks of a new patient"
        raise ConfigError("CONFLICT", what, "give weights trained with clip.crop centre or none", where=folder.name)
    if manifest.target != target:
        what = f"these weights predict {manifest.target}, not {target}"
        cure = f"give the folder of a run that learned {target}"
        if "imported" in manifest.extra:
            cure += "; these are weights to start a training from"
        raise ConfigError("CONFLICT", what, cure, where=folder.name)
    reference = load_extra_tensors(folder).get(REFERENCE)
    calibration = manifest.extra.get("calibration", {})
    line = calibration.get("line", {})
    device, spec = choose_device(settings.device), ClipSpec.from_dict(manifest.clip)
    engine = choose_engine(settings, device, loops)
    channels_last(network)
    network.to(device)
    return Predictor(
        network=network,
        manifest=manifest,
        spec=spec,
        novelty=None if reference is None else Novelty(reference.double().numpy()),
        half_width=half_width(calibration.get("residuals", []), settings.level),
        device=device,
        settings=settings,
        trunk=_make_trunk(network, manifest, spec, settings, device, engine),
        mask=load_mask(folder, spec, str(device)),
        line=(line.get("slope", 1.0), line.get("intercept", 0.0)),
    )


def _make_trunk(
    network: Network, manifest: Manifest, spec: ClipSpec, settings: Settings, device: torch.device, engine: str
) -> Trunk:
    if engine == "torch":
        return torch_trunk(network, settings.precision, device)
    shapes = [(spec.planes, 1, spec.height, spec.width)]  # of a dense network, which is asked frame by frame
    if not network.dense:
        nothing = np.zeros((spec.planes, spec.length, spec.height, spec.width), dtype=np.float32)
        shapes = [each.shape for each in make_streams(nothing, network.streams).values()]
    identity = json.dumps([manifest.weights_sha256, manifest.model, manifest.options], sort_keys=True)
    return OpenVinoTrunk(network, shapes, identity, precision=settings.precision, threads=settings.threads)


@contextmanager
def _threads(count: int | None) -> Iterator[None]:
    if count is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _memory() -> Iterator[None]:
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise ResourceError("OOM", "the device's memory ran out", "choose fewer clips at once or the CPU") from error
