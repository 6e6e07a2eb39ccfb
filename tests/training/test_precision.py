"""Bfloat16 where it is asked for, and where it gains."""

import torch

from cinecor.training.precision import has_bf16, is_mixed
from cinecor.training.recipe import make_recipe

CPU = torch.device("cpu")


def _says(precision, capabilities, monkeypatch, device=CPU):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    return is_mixed(make_recipe({"precision": precision}), device)


def test_what_is_asked_for_is_done_on_any_machine(monkeypatch):
    for capabilities in ({}, {"avx512_bf16": True}):
        assert _says("bf16-mixed", capabilities, monkeypatch)
        assert not _says("fp32", capabilities, monkeypatch)


def test_auto_asks_the_machine(monkeypatch):
    assert not _says("auto", {"architecture": "x86_64", "avx2": True, "avx512_f": True}, monkeypatch)
    assert not _says("auto", {"architecture": "x86_64", "avx512_bf16": False}, monkeypatch)
    assert _says("auto", {"architecture": "x86_64", "avx512_bf16": True}, monkeypatch)
    assert _says("auto", {"architecture": "arm64", "bf16": True}, monkeypatch)


def test_graphics_processors_are_asked_for_what_they_do_themselves(monkeypatch):
    asked = []
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **options: asked.append(options) or True)
    assert has_bf16(torch.device("cuda"))
    assert asked == [{"including_emulation": False}]
    assert not has_bf16(torch.device("mps"))


def test_the_names_of_the_instructions_are_those_of_this_torch():
    known = torch.cpu.get_capabilities()
    assert ("avx512_bf16" in known) == (known["architecture"] == "x86_64")
