"""A shortage of memory is recognised, and leaves no tensor behind."""

import weakref

import pytest
import torch

from generation.pipeline.memory import is_shortage, within_memory
from generation.spec.errors import OutOfMemory


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
        RuntimeError("cuDNN error: CUDNN_STATUS_NOT_SUPPORTED."),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_every_wording_of_a_shortage_leaves_as_out_of_memory(error: Exception) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(OutOfMemory, match=type(error).__name__):
        within_memory(fail)


def test_a_real_allocation_that_is_too_large_leaves_as_out_of_memory() -> None:
    with pytest.raises(OutOfMemory):
        within_memory(lambda: torch.empty(2**60, dtype=torch.uint8))


@pytest.mark.parametrize("error", [RuntimeError("shapes differ"), ValueError("no")])
def test_other_errors_pass_unchanged(error: Exception) -> None:
    def fail() -> None:
        raise error

    assert not is_shortage(error)
    with pytest.raises(type(error)) as caught:
        within_memory(fail)
    assert caught.value is error


def test_the_tensors_of_the_run_are_freed_before_the_error_leaves() -> None:
    held: list[weakref.ref[torch.Tensor]] = []

    def fail() -> None:
        latents = torch.zeros(8)
        held.append(weakref.ref(latents))
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with pytest.raises(OutOfMemory) as caught:
        within_memory(fail)

    assert held[0]() is None
    assert caught.value.__context__ is None
