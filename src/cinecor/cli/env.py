"""`cinecor env`: what a bug report should say of the machine."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated

import typer

PACKAGES = (
    "cinecor",
    "torch",
    "torchvision",
    "timm",
    "lightning",
    "numpy",
    "scipy",
    "opencv-python-headless",
    "av",
    "pillow",
    "pydicom",
    "pylibjpeg",
    "pylibjpeg-libjpeg",
    "pylibjpeg-openjpeg",
    "pylibjpeg-rle",
    "nibabel",
    "pandas",
    "scikit-learn",
    "mapie",
    "matplotlib",
    "openvino",
)


def env(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> None:
    """Print versions, the machine and the shipped weights, ready to be pasted into a bug report."""
    facts = {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cores": str(os.cpu_count()),
        "threads": os.environ.get("OMP_NUM_THREADS", "not limited"),
        "accelerator": _accelerator(),
        **{name: _installed(name) for name in PACKAGES},
    }
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    for name, value in facts.items():
        typer.echo(f"{name:<24} {value}")


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _accelerator() -> str:
    import torch

    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()} (CUDA {torch.version.cuda})"
    return "Apple MPS" if torch.backends.mps.is_available() else "none"
