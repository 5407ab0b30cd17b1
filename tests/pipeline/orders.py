"""Requests as the tests send them, and listeners that remember or refuse."""

import dataclasses

from generation.spec.progress import StepProgress
from generation.spec.request import GenerationRequest

QUICK = GenerationRequest(
    prompt="a castle on a hill at noon",
    negative_prompt="",
    width=64,
    height=64,
    steps=4,
    guidance_scale=5.0,
    seed=7,
    ip_strength=0.0,
    profile="miniature",
)
"""The cheapest request that still paints something."""


def quick_request(**changes: object) -> GenerationRequest:
    """QUICK with some fields replaced."""
    return dataclasses.replace(QUICK, **changes)


class StepLog:
    """Remembers every step it hears of."""

    def __init__(self) -> None:
        self.heard: list[StepProgress] = []

    def on_step(self, progress: StepProgress) -> None:
        self.heard.append(progress)

    def check(self) -> None:
        pass


class StopAt:
    """Raises the error after the given step."""

    def __init__(self, step: int, error: Exception) -> None:
        self.step = step
        self.error = error

    def on_step(self, progress: StepProgress) -> None:
        if progress.step == self.step:
            raise self.error

    def check(self) -> None:
        pass
