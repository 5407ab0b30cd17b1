"""Ordered faults come true: a rehearsal sees what really happens to a job."""

import ctypes
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import NoReturn

import torch

from generation.spec.faults import FAULT_VARIABLE, Fault, FaultKind
from generation.spec.progress import ProgressListener, StepProgress

MUTEX_BYTES = 64
"""More than a pthread_mutex_t takes on any Linux; all zeros is an unlocked one."""


def with_faults(listener: ProgressListener, fault: Fault | None) -> ProgressListener:
    """The listener itself, or one that tells it each step and then lets the fault strike."""
    return listener if fault is None else _FaultyListener(listener, fault)


class _FaultyListener:
    """Passes every step on; the fault strikes after the listener has heard of its step."""

    def __init__(self, listener: ProgressListener, fault: Fault) -> None:
        self._listener = listener
        self._fault = fault

    def on_step(self, progress: StepProgress) -> None:
        self._listener.on_step(progress)
        if self._fault.kind is FaultKind.SLOW:
            time.sleep(self._fault.seconds)
        elif progress.step == self._fault.step:
            EFFECTS[self._fault.kind]()

    def check(self) -> None:
        self._listener.check()


def _run_out_of_memory() -> NoReturn:
    raise torch.OutOfMemoryError(f"CUDA out of memory. Ordered by {FAULT_VARIABLE}.")


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _hang() -> None:
    """Never returns: the second lock of a plain mutex waits inside C, whatever signal arrives.

    The interpreter lock is released, as in a hung kernel: other threads go on, but the main
    thread runs no signal handler any more, so that only SIGKILL or a default action ends it.
    """
    libc = ctypes.CDLL(None)
    mutex = ctypes.create_string_buffer(MUTEX_BYTES)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


EFFECTS: Mapping[FaultKind, Callable[[], None]] = {
    FaultKind.OUT_OF_MEMORY: _run_out_of_memory,
    FaultKind.CRASH: _crash,
    FaultKind.HANG: _hang,
}
