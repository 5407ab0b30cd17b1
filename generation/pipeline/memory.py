"""Memory that ran out: how to recognise it, and how to leave the device usable."""

import gc
from collections.abc import Callable
from typing import TypeVar

import torch
from accelerate.utils.memory import should_reduce_batch_size

from generation.spec.errors import OutOfMemory

Result = TypeVar("Result")
SHORTAGES = ("CUDA error: out of memory", "_STATUS_ALLOC_FAILED")
"""Of what lies outside torch's own allocator: pinned memory, cuBLAS, cuDNN."""


def is_shortage(error: Exception) -> bool:
    """Whether the error means that host or device had no room, in torch's many wordings."""
    is_named = isinstance(error, RuntimeError) and any(words in str(error) for words in SHORTAGES)
    return (
        is_named
        or isinstance(error, torch.OutOfMemoryError | MemoryError)
        or should_reduce_batch_size(error)
    )


def free_cache() -> None:
    """Give memory that torch keeps back to the device."""
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


def within_memory(work: Callable[[], Result]) -> Result:
    """Do the work; a shortage leaves as OutOfMemory, with the memory of the work freed before.

    Every other exception passes unchanged.
    """
    try:
        return work()
    except Exception as error:
        if not is_shortage(error):
            raise
        shortage = f"{type(error).__name__}: {error}"
    # Behind the except block: inside it the traceback keeps every tensor of the run alive.
    gc.collect()
    free_cache()
    raise OutOfMemory(f"{shortage} Ask for a smaller picture, or wait until memory is free.")
