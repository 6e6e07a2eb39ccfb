"""`cinecor env`: what a bug report should say of the machine."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

PACKAGES = {
    "": (
        "torch",
        "torchvision",
        "timm",
        "numpy",
        "scipy",
        "av",
        "opencv-python-headless",
        "pillow",
        "matplotlib",
        "safetensors",
        "huggingface-hub",
        "jaxtyping",
        "pydantic",
        "pyyaml",
        "jinja2",
        "markupsafe",
        "rich",
        "typer",
        "filelock",
        "platformdirs",
    ),
    "dicom": ("pydicom", "pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle"),
    "mri": ("nibabel",),
    "workbooks": ("openpyxl",),
    "train": ("lightning", "tensorboard", "pandas", "scikit-learn"),
    "accel": ("openvino",),
    "keras": ("h5py",),
    "monai": ("monai",),
    "explain": ("umap-learn",),
    "sweep": ("ray",),
}
"""What cinecor uses, by the extra that brings it; the core's is named by nothing."""


def env(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Print versions, the machine and the shipped weights, ready to be pasted into a bug report."""
    from cinecor.cli.listing import columns

    facts, weights = _facts(), _shipped_weights()
    if as_json:
        typer.echo(json.dumps({**facts, "weights": weights}, indent=2, ensure_ascii=False))
        return
    rows = [*facts.items(), *((f"weights: {each['name']}", _said(each)) for each in weights)]
    typer.echo(columns(rows))


def _facts() -> dict[str, str]:
    from cinecor.version import __version__

    return {
        "cinecor": __version__,
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cores": str(os.cpu_count()),
        "threads": os.environ.get("OMP_NUM_THREADS", "not limited"),
        "accelerator": _accelerator(),
        **{name: _installed(name, extra) for extra, names in PACKAGES.items() for name in names},
    }


def _installed(name: str, extra: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return f"not installed (cinecor[{extra}])" if extra else "not installed"


def _accelerator() -> str:
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda})"
    return "Apple MPS" if torch.backends.mps.is_available() else "none"


def _shipped_weights() -> list[dict[str, Any]]:
    """Those in the package: name, licence, what they were made of, hash."""
    from cinecor.clips.masking import FOLDER
    from cinecor.inference import SHIPPED, SHIPPED_VIEWS
    from cinecor.models.checkpoint import read_manifest

    manifests = [read_manifest(folder) for folder in (SHIPPED, SHIPPED_VIEWS, SHIPPED_VIEWS / FOLDER)]
    return [
        {
            "name": manifest.model,
            "predicts": ", ".join(manifest.extra["structures"]) if manifest.target == "outlined" else manifest.target,
            "licence": manifest.licence,
            "made_of": manifest.training_data.get("description", "not said"),
            "sha256": manifest.weights_sha256,
        }
        for manifest in manifests
    ]


def _said(weights: dict[str, Any]) -> str:
    lines = [f"predicts {weights['predicts']}; licence {weights['licence']}", f"made of {weights['made_of']}"]
    return "\n".join([*lines, f"sha256 {weights['sha256']}"])
