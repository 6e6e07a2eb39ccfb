"""A network compiled before it is trained."""

from __future__ import annotations

import shutil

import torch

from cinecor.errors import ResourceError
from cinecor.training.task import Task

_COMPILERS = ("c++", "g++", "clang++", "cl")


def compile_task(task: Task, device: torch.device) -> None:
    """Compile the task's forward pass, and with it the backward one, at its first call; its state stays as it is.

    Raises:
        ResourceError: NO_COMPILER where a CPU's code cannot be made.
    """
    if device.type == "cpu" and not any(map(shutil.which, _COMPILERS)):
        raise ResourceError(
            "NO_COMPILER", "there is no C++ compiler", "install g++, or leave compile off", where="compile"
        )
    task.compile()
