"""Faults that a rehearsal orders: what IMAGEN_FAULT may say. The effects are the pipeline's."""

import re
from dataclasses import dataclass
from enum import StrEnum

FAULT_VARIABLE = "IMAGEN_FAULT"
"""The environment variable that orders a fault. Never set it on a server that people use."""

_AT_STEP = re.compile(r"(out_of_memory|crash|hang):([1-9][0-9]{0,3})")
_SLOW = re.compile(r"slow:([0-9]{1,4}(?:\.[0-9]{1,3})?)")


class FaultKind(StrEnum):
    """What goes wrong."""

    OUT_OF_MEMORY = "out_of_memory"
    """The device has no room."""
    CRASH = "crash"
    """The process is killed and cannot clean up."""
    HANG = "hang"
    """The step never ends, and no Python signal handler runs."""
    SLOW = "slow"
    """Each step takes longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One ordered fault. step: the one after which it strikes, 0 for all. seconds: for SLOW."""

    kind: FaultKind
    step: int = 0
    seconds: float = 0.0


def parse_fault(text: str) -> Fault | None:
    """Read "out_of_memory:STEP", "crash:STEP", "hang:STEP" or "slow:SECONDS"; None when blank.

    STEP counts from 1; a run with fewer steps is spared.
    Raises ValueError for anything else, which names the variable, the value and what is known.
    """
    text = text.strip()
    if not text:
        return None
    if match := _AT_STEP.fullmatch(text):
        return Fault(kind=FaultKind(match[1]), step=int(match[2]))
    if match := _SLOW.fullmatch(text):
        return Fault(kind=FaultKind.SLOW, seconds=float(match[1]))
    raise ValueError(
        f"{FAULT_VARIABLE} is {text!r}; leave it unset, or use out_of_memory:STEP, crash:STEP,"
        " hang:STEP (from step 1) or slow:SECONDS"
    )
