"""Addresses of the hub; nothing here goes out."""

from pathlib import Path

import huggingface_hub
import pytest

from cinecor.errors import ConfigError, ResourceError
from cinecor.models.hub import fetch_file

ADDRESS = "hf://Sense-X/uniformer_video/uniformer_small_k400_16x8.pth"


def test_a_path_is_itself():
    assert fetch_file("some where/best.pth") == Path("some where/best.pth")


def test_an_address_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda repository, name: str(tmp_path / repository / name))
    assert fetch_file(ADDRESS) == tmp_path / "Sense-X/uniformer_video/uniformer_small_k400_16x8.pth"


def test_without_a_connection_it_says_so(monkeypatch):
    def offline(*_):
        raise ConnectionError("no route")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    with pytest.raises(ResourceError, match=r"OFFLINE: uniformer_small_k400_16x8\.pth: it cannot be fetched"):
        fetch_file(ADDRESS)


@pytest.mark.parametrize("address", ["hf://", "hf://owner/repository", "hf://a b/c/d"])
def test_an_address_that_is_none(address):
    with pytest.raises(ConfigError, match="PARSE"):
        fetch_file(address)
