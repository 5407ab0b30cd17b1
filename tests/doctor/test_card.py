"""The card and the host's memory, with a driver and a torch that are programs."""

import sys

import pytest

from generation.doctor import card, nvidia
from generation.doctor.finding import State, ok, worst
from tests.doctor.found import RTX, only


@pytest.fixture
def wants_sdxl(settings) -> None:
    settings.IMAGEN_PROFILE = "sdxl"


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
    assert found.remedy == f"{sys.executable} -m pip install --force-reinstall torch==2.13.0"


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


def test_host_whose_memory_is_used_up_is_told(torch_sees, monkeypatch) -> None:
    monkeypatch.setattr(card, "LEAST_MEMORY_GIB", 1e6)
    torch_sees(cuda_build="")
    assert "ps aux" in only(examine(), "memory").remedy
