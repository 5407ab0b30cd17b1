"""The loop takes the asked steps, tells each, and survives what its listener raises."""

from collections.abc import Callable

import pytest
import torch
from diffusers import DDIMScheduler, HeunDiscreteScheduler, StableDiffusionXLPipeline

from generation.pipeline.denoising import Conditioning, denoise
from generation.pipeline.preview import SDXL
from generation.pipeline.prompts import PromptEncoder
from generation.pipeline.reference import Style
from generation.spec.errors import GenerationError, StopGeneration
from generation.spec.progress import ProgressListener
from generation.spec.request import GenerationRequest
from tests.pipeline.orders import QUICK, StepLog, StopAt, quick_request

pytestmark = pytest.mark.usefixtures("inference")

NUMPY_NOTICE = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""For the plain library, which hands tensors to np.array."""


@pytest.fixture
def run(
    pipe: StableDiffusionXLPipeline, encoder: PromptEncoder, unstyled: Style
) -> Callable[..., torch.Tensor]:
    """Denoise a request as the engine does, without a reference."""

    def run(request: GenerationRequest, listener: ProgressListener) -> torch.Tensor:
        prompts = encoder.encode(request.prompt, request.negative_prompt)
        conditioning = Conditioning(prompts=prompts, style=unstyled)
        return denoise(pipe, conditioning, request, listener, SDXL)

    return run


Run = Callable[[GenerationRequest, ProgressListener], torch.Tensor]


def test_latents_are_an_eighth_of_the_picture(run: Run) -> None:
    latents = run(quick_request(width=72, height=64, steps=1), StepLog())

    assert latents.shape == (1, 4, 8, 9)


@pytest.mark.parametrize("steps", [1, 2, 62])
def test_each_step_is_told_once_and_in_order(run: Run, steps: int) -> None:
    listener = StepLog()

    latents = run(quick_request(steps=steps), listener)

    assert [heard.step for heard in listener.heard] == list(range(1, steps + 1))
    assert {heard.total for heard in listener.heard} == {steps}
    assert torch.isfinite(latents).all()


@NUMPY_NOTICE
def test_a_scheduler_that_counts_otherwise_is_refused_before_the_first_step_is_told(
    pipe: StableDiffusionXLPipeline, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    heun = HeunDiscreteScheduler.from_config(DDIMScheduler().config)
    monkeypatch.setattr(pipe, "scheduler", heun)
    listener = StepLog()

    with pytest.raises(GenerationError, match="HeunDiscreteScheduler takes 7 steps where 4"):
        run(QUICK, listener)

    assert listener.heard == []


@pytest.mark.parametrize("error", [StopGeneration(), KeyError("row"), OSError("gone")])
def test_what_the_listener_raises_comes_out_unchanged_and_the_next_run_works(
    run: Run, error: Exception
) -> None:
    before = run(QUICK, StepLog())

    with pytest.raises(type(error)) as caught:
        run(QUICK, StopAt(2, error))

    assert caught.value is error
    assert torch.equal(run(QUICK, StepLog()), before)
