"""The card: driver, torch, memory and plan, with a driver and a torch that are programs."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from generation.doctor import card, nvidia
from generation.doctor.finding import State, ok, worst
from tests.doctor.conftest import RTX, only


@pytest.fixture
def wants_sdxl(settings) -> None:
    settings.IMAGEN_PROFILE = "sdxl"


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


def test_idle_card_is_told_with_driver_memory_and_plan(nvidia_smi, torch_sees) -> None:
    nvidia_smi()
    torch_sees(23.5)
    findings = examine()
    assert worst(findings) is State.OK
    assert only(findings, "driver") == ok("driver", "570.86.15")
    assert only(findings, "card").words == "NVIDIA GeForce RTX 4090, 23.5 of 24.0 GiB free"
    assert "for CUDA 12.8 sees NVIDIA GeForce RTX 4090" in only(findings, "torch").words
    assert only(findings, "plan").words == "resident, pictures up to 2048 x 2048 px"


def test_each_card_of_a_host_is_told(nvidia_smi, torch_sees) -> None:
    nvidia_smi(f"{RTX}\nGPU-77aa, 570.86.15, [N/A], [N/A], NVIDIA H100, 80GB")
    torch_sees(23.5)
    words = [finding.words for finding in examine() if finding.name == "card"]
    assert words == ["NVIDIA GeForce RTX 4090, 23.5 of 24.0 GiB free", "NVIDIA H100, 80GB"]


def test_host_without_card_is_well_with_the_miniature(torch_sees) -> None:
    torch_sees(cuda_build="")
    findings = examine()
    assert [finding.name for finding in findings] == ["torch", "memory"]
    assert only(findings, "torch").state is State.OK


def test_host_without_card_is_slow_with_sdxl(torch_sees, wants_sdxl, monkeypatch) -> None:
    monkeypatch.setattr(card, "SDXL_ON_CPU_GIB", 1e6)
    torch_sees(trouble="Found no NVIDIA driver on your system.")
    findings = examine()
    assert only(findings, "torch").state is State.WARNING
    assert "IMAGEN_PROFILE=miniature" in only(findings, "torch").remedy
    assert "sdxl wants 1e+06 GiB" in only(findings, "memory").words


def test_build_for_the_cpu_beside_a_card_is_bad(nvidia_smi, torch_sees) -> None:
    nvidia_smi()
    torch_sees(cuda_build="")
    found = only(examine(), "torch")
    assert found.state is State.BAD
    assert found.remedy == ".venv/bin/pip install --force-reinstall torch==2.13.0"


def test_driver_that_is_too_old_for_torch_is_bad(nvidia_smi, torch_sees) -> None:
    nvidia_smi()
    torch_sees(trouble="The NVIDIA driver on your system is too old (found version 11040).")
    found = only(examine(), "torch")
    assert found.state is State.BAD
    assert "found version 11040" in found.words
    assert "a driver for CUDA 12.8 or newer" in found.remedy


def test_hidden_card_is_told_with_what_hides_it(nvidia_smi, torch_sees, monkeypatch) -> None:
    nvidia_smi()
    torch_sees(trouble="No CUDA GPUs are available")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert only(examine(), "torch").remedy == "unset CUDA_VISIBLE_DEVICES"


def test_driver_that_does_not_fit_the_kernel_is_bad(nvidia_smi, torch_sees) -> None:
    nvidia_smi(instead="echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18")
    torch_sees(trouble="no driver")
    found = only(examine(), "driver")
    assert found.state is State.BAD
    assert "version mismatch" in found.words
    assert "reboot" in found.remedy


def test_driver_that_hangs_is_bad_in_time(nvidia_smi, torch_sees, monkeypatch) -> None:
    monkeypatch.setattr(nvidia, "LIMIT_S", 0.2)
    nvidia_smi(instead=f"exec {sys.executable} -c 'import signal; signal.pause()'")
    torch_sees(cuda_build="")
    assert "did not answer within 0.2 seconds" in only(examine(), "driver").words


def test_program_that_is_none_is_bad(nvidia_smi, torch_sees) -> None:
    nvidia_smi()
    torch_sees(cuda_build="")
    program = nvidia.shutil.which("nvidia-smi")
    with open(program, "wb") as file:
        file.write(b"\0")
    assert "cannot be run" in only(examine(), "driver").words


def test_torch_that_hangs_is_told_in_time(torch_sees, monkeypatch) -> None:
    monkeypatch.setattr(card, "TORCH_LIMIT_S", 0.2)
    torch_sees(instead="import signal; signal.pause()")
    found = only(examine(), "torch")
    assert (found.state, found.words) == (State.WARNING, "not loaded within 0.2 seconds")
    assert found.remedy.endswith("tells whether it hangs")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("raise ImportError('libcudart.so.13: cannot open')", "libcudart.so.13: cannot open"),
        ("import os; os.abort()", "ended with status -6"),
        ("print('{}')", "tells of no card"),
        ("print()", "Expecting value"),
    ],
)
def test_torch_that_breaks_is_bad(torch_sees, program, words) -> None:
    torch_sees(instead=program)
    found = only(examine(), "torch")
    assert found.state is State.BAD
    assert words in found.words
    assert "generation.pipeline.card" in found.remedy or "-c" in found.remedy


def test_card_that_others_use_makes_a_smaller_plan(nvidia_smi, torch_sees) -> None:
    nvidia_smi(processes=f"GPU-5a2f, {os.getpid()}, 9216, /opt/games/doom\nGPU-00, 1, 99, other")
    torch_sees(14.6)
    found = only(examine(), "plan")
    assert found.state is State.WARNING
    assert found.words.startswith("on-demand, ")
    assert "resident if others held no 9.0 GiB" in found.words
    assert found.remedy == f"kill {os.getpid()}  (doom with 9.0 GiB)"


def test_memory_of_a_worker_counts_as_free(nvidia_smi, torch_sees, worker_pid) -> None:
    nvidia_smi(processes=f"GPU-5a2f, {worker_pid}, 11264, python")
    torch_sees(12.4)
    found = only(examine(), "plan")
    assert (found.state, found.words[:8]) == (State.OK, "resident")


def test_full_card_is_bad_with_who_fills_it(nvidia_smi, torch_sees) -> None:
    nvidia_smi(processes="GPU-5a2f, 1, 21504, /usr/bin/vllm")
    torch_sees(2.0)
    found = only(examine(), "plan")
    assert found.state is State.BAD
    assert found.words == "2.0 GiB are free, the smallest wants 3.2; others hold 21.0 GiB"
    assert found.remedy == "kill 1  (vllm with 21.0 GiB)"


def test_card_that_is_too_small_is_bad(nvidia_smi, torch_sees) -> None:
    nvidia_smi("GPU-5a2f, 470.10, 2048, 100, NVIDIA GeForce GTX 950")
    torch_sees(1.8, 2.0)
    assert "IMAGEN_MEMORY_PLAN=cpu" in only(examine(), "plan").remedy


@pytest.mark.parametrize(
    ("plan", "free_gib", "expected"),
    [
        ("visiting", 23.0, (State.OK, "visiting, as IMAGEN_MEMORY_PLAN says; pictures up to 20")),
        ("resident", 11.0, (State.WARNING, "it wants 20 GiB, 11.0 are free")),
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


def test_host_whose_memory_is_used_up_is_told(torch_sees, monkeypatch) -> None:
    monkeypatch.setattr(card, "LEAST_MEMORY_GIB", 1e6)
    torch_sees(cuda_build="")
    assert "ps aux" in only(examine(), "memory").remedy
