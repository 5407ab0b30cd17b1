"""The memory plan, with a driver and a torch that are programs."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from generation.doctor import card
from generation.doctor.finding import State
from tests.doctor.found import only


@pytest.fixture
def worker_pid() -> Iterator[int]:
    """A process that looks as a worker's does."""
    program = "import signal, sys; print(flush=True); signal.pause()"
    with subprocess.Popen(
        [sys.executable, "-c", program, "qcluster"], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def examine() -> list:
    return list(card.examine())


def test_card_that_others_use_makes_a_smaller_plan(nvidia_smi, torch_sees) -> None:
    nvidia_smi(processes=f"GPU-5a2f, {os.getpid()}, 9216, /opt/games/doom\nGPU-00, 1, 99, other")
    torch_sees(14.6)
    found = only(examine(), "plan")
    assert found.state is State.WARNING
    assert found.words.startswith("on-demand, ")
    assert "resident if others held no 9.0 GiB" in found.words
    assert found.remedy == f"end what the card can do without: doom (pid {os.getpid()}, 9.0 GiB)"


def test_memory_of_a_worker_counts_as_free(nvidia_smi, torch_sees, worker_pid) -> None:
    nvidia_smi(processes=f"GPU-5a2f, {worker_pid}, 11264, python")
    torch_sees(12.4)
    found = only(examine(), "plan")
    assert (found.state, found.words[:8]) == (State.OK, "resident")


def test_memory_that_nobody_is_seen_to_hold_may_be_the_workers(nvidia_smi, torch_sees) -> None:
    """In a container nvidia-smi lists no processes."""
    nvidia_smi()
    torch_sees(1.6)
    found = only(examine(), "plan")
    assert found.state is State.OK
    assert found.words == "resident, if the 22.0 GiB held unseen are the worker's"
    assert "on the host" in found.remedy


def test_full_card_is_bad_with_who_fills_it(nvidia_smi, torch_sees) -> None:
    nvidia_smi(processes="GPU-5a2f, 1, 21504, /usr/bin/vllm")
    torch_sees(2.0)
    found = only(examine(), "plan")
    assert found.state is State.BAD
    assert found.words == "2.0 GiB are free, the smallest wants 3.2; others hold 21.0 GiB"
    assert found.remedy == "end what the card can do without: vllm (pid 1, 21.0 GiB)"


def test_card_that_is_too_small_is_bad(nvidia_smi, torch_sees) -> None:
    nvidia_smi("GPU-5a2f, 470.10, 2048, 100, NVIDIA GeForce GTX 950")
    torch_sees(1.8, 2.0)
    assert "IMAGEN_MEMORY_PLAN=cpu" in only(examine(), "plan").remedy


@pytest.mark.parametrize(
    ("plan", "free_gib", "expected"),
    [
        ("visiting", 23.0, (State.OK, "visiting, as IMAGEN_MEMORY_PLAN says; pictures up to 20")),
        ("resident", 11.0, (State.OK, "resident, as IMAGEN_MEMORY_PLAN says; pictures up to 20")),
        ("fp8", 0.0, (State.BAD, "IMAGEN_MEMORY_PLAN=fp8, but no card is seen")),
        ("cpu", 23.0, (State.OK, "cpu, as IMAGEN_MEMORY_PLAN says")),
    ],
)
def test_plan_that_the_setting_names_is_judged(
    settings, torch_sees, plan, free_gib, expected
) -> None:
    settings.IMAGEN_MEMORY_PLAN = plan
    torch_sees(free_gib)
    found = only(examine(), "plan")
    state, words = expected
    assert found.state is state
    assert words in found.words


def test_plan_of_the_setting_that_is_too_large_is_told(settings, torch_sees) -> None:
    settings.IMAGEN_MEMORY_PLAN = "resident"
    torch_sees(11.0, 11.6)
    found = only(examine(), "plan")
    assert (found.state, found.remedy) == (State.WARNING, "IMAGEN_MEMORY_PLAN=auto")
    assert "it wants 20 GiB, 11.0 are free" in found.words
