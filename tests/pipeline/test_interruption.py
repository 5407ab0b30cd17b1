"""A run can be ended between two blocks of any model, and leaves it whole."""

import pytest
from diffusers import StableDiffusionXLPipeline
from torch import nn

from generation.pipeline.engine import Engine
from generation.pipeline.interruption import interruptible
from generation.pipeline.placement import CPU
from generation.spec.errors import StopGeneration
from generation.spec.profiles import MINIATURE
from generation.spec.progress import StepProgress
from tests.pipeline.orders import QUICK, StepLog


class StopAtCheck:
    """Raises at the n-th question between blocks."""

    def __init__(self, at: int) -> None:
        self.left = at
        self.steps = 0

    def on_step(self, progress: StepProgress) -> None:
        self.steps = progress.step

    def check(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise StopGeneration


def hook_count(pipe: StableDiffusionXLPipeline) -> int:
    models = [part for part in pipe.components.values() if isinstance(part, nn.Module)]
    return sum(len(block._forward_pre_hooks) for model in models for block in model.modules())


def test_it_is_asked_many_times_a_step(engine: Engine) -> None:
    asked = StopAtCheck(at=10_000)
    engine.generate(QUICK, asked)
    assert 10_000 - asked.left > 8 * QUICK.steps


@pytest.mark.parametrize("at", [1, 5, 12, 20, 30])
def test_a_stop_within_a_step_ends_the_run_there(
    pipe: StableDiffusionXLPipeline, engine: Engine, at: int
) -> None:
    """The first ones fall into the text encoders, before any step: nothing is cached yet."""
    before = engine.generate(QUICK, StepLog())
    fresh = Engine(profile=MINIATURE, pipe=pipe, placement=CPU, fault=None)
    listener = StopAtCheck(at)

    with pytest.raises(StopGeneration):
        fresh.generate(QUICK, listener)

    assert listener.left == 0
    assert listener.steps < QUICK.steps
    assert hook_count(pipe) == 0
    assert fresh.generate(QUICK, StepLog()) == before


def test_hooks_go_whatever_happens(pipe: StableDiffusionXLPipeline) -> None:
    seen: list[int] = []

    def fail() -> None:
        with interruptible(pipe, lambda: None):
            seen.append(hook_count(pipe))
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert seen[0] > 10
    assert hook_count(pipe) == 0
