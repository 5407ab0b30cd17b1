"""A driver and a torch that say what a test wants, as programs of their own."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from generation.doctor import card
from generation.spec.card import TorchSight, to_json
from tests.doctor.found import RTX

GIB = 1 << 30


@pytest.fixture
def nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Install the driver's program: rows of cards and of processes, or a shell command instead."""

    def install(cards: str = RTX, processes: str = "", *, instead: str = "") -> None:
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir(exist_ok=True)
        answers = f"""case "$1" in
            --query-gpu=*) printf '%s\\n' '{cards}' ;;
            --query-compute-apps=*) printf '%s\\n' '{processes}' ;;
        esac"""
        program.write_text(f"#!/bin/sh\n{instead or answers}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return install


@pytest.fixture(autouse=True)
def _host_without_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever card the machine of the suite has."""
    paths = os.environ["PATH"].split(os.pathsep)
    bare = [path for path in paths if not Path(path, "nvidia-smi").exists()]
    monkeypatch.setenv("PATH", os.pathsep.join(bare))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.fixture
def torch_sees(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have the process with torch tell of a card with so much memory, or run a Python program."""

    def install(
        free_gib: float = 0.0,
        total_gib: float = 23.6,
        *,
        cuda_build: str = "12.8",
        trouble: str = "",
        instead: str = "",
    ) -> None:
        sight = TorchSight(torch="2.13.0", cuda_build=cuda_build, trouble=trouble)
        if free_gib:
            sight = TorchSight(
                torch="2.13.0",
                cuda_build=cuda_build,
                name="NVIDIA GeForce RTX 4090",
                uuid="5a2f",
                capability="8.9",
                free_bytes=int(free_gib * GIB),
                total_bytes=int(total_gib * GIB),
            )
        program = instead or f"print({to_json(sight)!r})"
        monkeypatch.setattr(card, "TORCH_PROCESS", (sys.executable, "-c", program))

    return install
