"""Ordered faults strike after their step, for real."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from generation.pipeline.faults import with_faults
from generation.spec.errors import StopGeneration
from generation.spec.faults import Fault, FaultKind
from generation.spec.progress import StepProgress
from tests.pipeline.orders import StepLog, StopAt

CHECKOUT = Path(__file__).parents[2]

VICTIM = """
import signal, sys
from generation.pipeline.faults import with_faults
from generation.spec.faults import parse_fault
from generation.spec.progress import StepProgress

class Teller:
    def on_step(self, progress):
        print("step", progress.step, flush=True)

signal.signal(signal.SIGALRM, lambda *_: sys.exit("a Python signal handler ran"))
listener = with_faults(Teller(), parse_fault(sys.argv[1]))
signal.setitimer(signal.ITIMER_REAL, 0.5)
for step in (1, 2, 3):
    listener.on_step(StepProgress(step=step, total=3))
"""


def start_victim(fault: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", VICTIM, fault], stdout=subprocess.PIPE, text=True, cwd=CHECKOUT
    )


def tell_steps(fault: Fault, log: StepLog, steps: int) -> None:
    listener = with_faults(log, fault)
    for step in range(1, steps + 1):
        listener.on_step(StepProgress(step=step, total=steps))


def test_without_a_fault_the_listener_stays_itself() -> None:
    log = StepLog()

    assert with_faults(log, None) is log


def test_out_of_memory_strikes_after_its_step_was_told() -> None:
    log = StepLog()

    with pytest.raises(torch.OutOfMemoryError, match="IMAGEN_FAULT"):
        tell_steps(Fault(kind=FaultKind.OUT_OF_MEMORY, step=2), log, steps=3)

    assert [heard.step for heard in log.heard] == [1, 2]


def test_a_run_with_fewer_steps_is_spared() -> None:
    log = StepLog()

    tell_steps(Fault(kind=FaultKind.OUT_OF_MEMORY, step=9), log, steps=3)

    assert len(log.heard) == 3


def test_slow_waits_after_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)

    tell_steps(Fault(kind=FaultKind.SLOW, seconds=0.2), StepLog(), steps=3)

    assert naps == [0.2, 0.2, 0.2]


def test_a_stop_by_the_listener_comes_before_the_fault() -> None:
    listener = with_faults(StopAt(1, StopGeneration()), Fault(kind=FaultKind.OUT_OF_MEMORY, step=1))

    with pytest.raises(StopGeneration):
        listener.on_step(StepProgress(step=1, total=3))


def test_crash_kills_the_process_after_its_step() -> None:
    with start_victim("crash:2") as victim:
        told, _ = victim.communicate(timeout=60)

    assert victim.returncode == -signal.SIGKILL
    assert told == "step 1\nstep 2\n"


def test_hang_never_returns_and_runs_no_python_signal_handler() -> None:
    with start_victim("hang:1") as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "step 1\n"

        with pytest.raises(subprocess.TimeoutExpired):
            victim.wait(timeout=1.5)

        victim.kill()
