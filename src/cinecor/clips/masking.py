"""What is blanked on recorded frames before anything else is done with them: all that a network's outline leaves out.

``ClipSpec.mask`` says which outline, of which weights; frames are prepared with that very mask or not at all, so that
training and inference cannot differ in it. This is the only place where this room asks a network; torch is imported
when a mask is made, and its weights are read in each process that prepares loops.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, UInt8

from cinecor.clips.cutting import cut
from cinecor.clips.labelling import HALF, restore
from cinecor.clips.preparation import prepare_located
from cinecor.clips.sector import Sector
from cinecor.errors import CheckpointError, ConfigError
from cinecor.records import Cine, ClipSpec

if TYPE_CHECKING:
    from cinecor.models.checkpoint import Manifest

FOLDER = "mask"
"""In the folder of weights that were trained behind a mask: the network that draws it, whole."""
TOGETHER = 32  # frames
_OTHER = "give the folder of a run of task segmentation"


def identify(structure: str, sha256: str) -> str:
    """How ``ClipSpec.mask`` names the outline of a structure by weights of this hash."""
    return f"{structure}:{sha256}"


class NetworkMask:
    """The outline of one structure on every frame of a loop, drawn by a network on its own and frame by frame.

    Args:
        folder: of the network's weights.
        structure: which of its outlines.
        device: where it computes.

    Raises:
        CheckpointError: there are no weights, or their manifest is damaged.
        ConfigError: CONFLICT for weights that outline nothing, or need masks themselves; OUT_OF_RANGE for a structure
            that they do not outline.
    """

    def __init__(self, folder: Path, structure: str, device: str = "cpu") -> None:
        from cinecor.models.checkpoint import read_manifest

        manifest = read_manifest(folder)
        self.structure, self.folder, self.device = structure, folder, device
        self.identity = identify(structure, manifest.weights_sha256)
        self.spec = ClipSpec.from_dict(manifest.clip)
        self._output = _output_of(manifest, structure, folder.name)

    def __call__(
        self, frames: UInt8[np.ndarray, "time channel height width"], cine: Cine, sector: Sector | None = None
    ) -> Bool[np.ndarray, "time height width"]:
        """The pixels of each recorded frame that the outline holds; none where nothing was found.

        Raises:
            CheckpointError: the weights are damaged, or others than when this was made.
            InputError: the loop cannot be prepared for the network.
        """
        height, width = frames.shape[2:]
        prepared = prepare_located(frames, cine, self.spec, sector)
        shown = np.empty((len(frames), height, width), np.bool_)
        for start in range(0, len(frames), TOGETHER):
            indices = np.arange(start, min(start + TOGETHER, len(frames)))
            maps = self._look(prepared.frames, indices)
            shown[indices] = restore(maps, prepared.square, height, width) >= HALF
        return shown

    def _look(self, frames: np.ndarray, indices: np.ndarray) -> np.ndarray:
        import torch

        network = _load(self.folder, self.identity, self.device)
        clips = torch.from_numpy(cut(frames, indices, self.spec).swapaxes(0, 1)[:, :, None]).to(self.device)
        with torch.inference_mode():
            maps: np.ndarray = network(clips)[:, self._output, 0].sigmoid().float().cpu().numpy()
        return maps


@lru_cache(maxsize=4)
def _load(folder: Path, identity: str, device: str) -> Any:
    """The network, read once in each process: what is sent to another process is only where it lies."""
    from cinecor.models.checkpoint import load_checkpoint

    network, manifest = load_checkpoint(folder)
    if manifest.weights_sha256 != identity.partition(":")[2]:
        what = "the weights of the mask were exchanged while it was in use"
        raise CheckpointError("MISMATCH", what, "start again", where=folder.name)
    return network.to(device)


def load_mask(run: Path, spec: ClipSpec, device: str = "cpu") -> NetworkMask | None:
    """The mask that belongs to a folder of weights; None where they need none.

    Args:
        run: the folder, in which the mask's own lies (``mask``).
        spec: of the weights.
        device: where the mask's network computes.

    Raises:
        CheckpointError: MISMATCH where another mask lies there; MISSING_FILE where there is none; CORRUPT and others.
        ConfigError: as :class:`NetworkMask`.
    """
    if not spec.mask:
        return None
    structure, _, sha256 = spec.mask.partition(":")
    try:
        mask = NetworkMask(run / FOLDER, structure, device)
    except CheckpointError as error:  # "mask" alone could be that of any run
        inside = "" if error.where == FOLDER else f"/{error.where}"
        where = f"{run.name or run.absolute().name}/{FOLDER}{inside}"
        raise CheckpointError(error.code, error.what, error.cure, where=where) from error
    if mask.identity != spec.mask:
        what = f"its weights are not those with which the run was trained ({sha256[:12]}…)"
        raise CheckpointError("MISMATCH", what, "fetch the whole folder of the run again", where=f"{run.name}/{FOLDER}")
    return mask


def _output_of(manifest: Manifest, structure: str, where: str) -> int:
    """Which output of a network is a structure."""
    known = list(manifest.extra.get("structures", []))
    if manifest.extra.get("task") != "segmentation" or not known:
        raise ConfigError("CONFLICT", f"{manifest.model} was not trained to outline", _OTHER, where=where)
    if manifest.clip.get("mask") or manifest.clip.get("neighbours") or manifest.clip.get("crop") == "roi":
        what = "these weights need more than a frame: a mask themselves, or slices beside it"
        raise ConfigError("CONFLICT", what, "give weights that see whole frames", where=where)
    if structure not in known:
        what = f"these weights do not outline {structure}"
        raise ConfigError("OUT_OF_RANGE", what, f"they outline {', '.join(known)}", where="mask.structure")
    return known.index(structure)
