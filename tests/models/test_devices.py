"""A device by its name."""

import pytest
import torch

from cinecor.errors import ResourceError
from cinecor.models.devices import choose_device


def test_auto_is_a_gpu_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["tpu0", "cuda:77", "gpu"])
def test_a_device_that_is_none_is_one_line(name):
    with pytest.raises(ResourceError, match=f"NO_DEVICE: device: '{name}' cannot be used"):
        choose_device(name)
