"""What torch sees of a card, and how that is told to a process without torch."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from generation.pipeline import card
from generation.spec.card import from_json, to_json

CHECKOUT = Path(__file__).parents[2]
GIB = 1 << 30


def test_process_tells_one_line_that_can_be_read() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "generation.pipeline.card"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    (line,) = done.stdout.splitlines()
    assert from_json(line).torch == torch.__version__


def test_visible_card_is_told_whole(monkeypatch) -> None:
    properties = SimpleNamespace(name="NVIDIA H200", uuid="5a2f", major=9, minor=0)
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _number: properties)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _number: (139 * GIB, 141 * GIB))
    sight = card.look()
    assert (sight.name, sight.uuid, sight.capability) == ("NVIDIA H200", "5a2f", "9.0")
    assert (sight.free_bytes, sight.total_bytes) == (139 * GIB, 141 * GIB)
    assert from_json(to_json(sight)) == sight


def test_trouble_is_told_in_torchs_words(monkeypatch) -> None:
    def refuse() -> None:
        raise RuntimeError("Found no NVIDIA driver\n on your system.")

    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.cuda, "init", refuse)
    sight = card.look()
    assert (sight.name, sight.trouble) == ("", "Found no NVIDIA driver on your system.")


def test_build_for_the_cpu_is_asked_nothing(monkeypatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(torch.cuda, "init", lambda: pytest.fail("asked"))
    assert card.look().cuda_build == ""
