"""The loop takes the asked steps, tells each, and survives what its listener raises."""

import pytest
import torch
from compel import CompelForSDXL
from diffusers import DDIMScheduler, HeunDiscreteScheduler, StableDiffusionXLPipeline

from generation.pipeline.denoising import denoise
from generation.pipeline.prompts import encode_prompts
from generation.spec.errors import GenerationError, StopGeneration
from generation.spec.request import GenerationRequest
from tests.pipeline.orders import QUICK, StepLog, StopAt, quick_request

pytestmark = pytest.mark.usefixtures("inference")

NUMPY_NOTICE = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""For the plain library, which hands tensors to np.array."""


def latents_of(
    pipe: StableDiffusionXLPipeline, compel: CompelForSDXL, request: GenerationRequest
) -> torch.Tensor:
    embeddings = encode_prompts(compel, request.prompt, request.negative_prompt)
    return denoise(pipe, embeddings, request, StepLog())


@NUMPY_NOTICE
@pytest.mark.parametrize("negative", [None, "fog"])
def test_latents_equal_those_of_a_plain_pipeline_call(
    pipe: StableDiffusionXLPipeline, compel: CompelForSDXL, negative: str | None
) -> None:
    plain = pipe(
        prompt=QUICK.prompt,
        negative_prompt=negative,
        width=64,
        height=64,
        num_inference_steps=QUICK.steps,
        guidance_scale=QUICK.guidance_scale,
        generator=torch.Generator("cpu").manual_seed(QUICK.seed),
        output_type="latent",
    ).images

    ours = latents_of(pipe, compel, quick_request(negative_prompt=negative or ""))

    assert torch.equal(ours, plain)


def test_latents_are_an_eighth_of_the_picture(
    pipe: StableDiffusionXLPipeline, compel: CompelForSDXL
) -> None:
    latents = latents_of(pipe, compel, quick_request(width=72, height=64, steps=1))

    assert latents.shape == (1, 4, 8, 9)


@pytest.mark.parametrize("steps", [1, 2, 62])
def test_each_step_is_told_once_and_in_order(
    pipe: StableDiffusionXLPipeline, compel: CompelForSDXL, steps: int
) -> None:
    embeddings = encode_prompts(compel, QUICK.prompt, "")
    listener = StepLog()

    latents = denoise(pipe, embeddings, quick_request(steps=steps), listener)

    assert [heard.step for heard in listener.heard] == list(range(1, steps + 1))
    assert {heard.total for heard in listener.heard} == {steps}
    assert torch.isfinite(latents).all()


@NUMPY_NOTICE
def test_a_scheduler_that_counts_otherwise_is_refused_before_the_first_step_is_told(
    pipe: StableDiffusionXLPipeline, compel: CompelForSDXL, monkeypatch: pytest.MonkeyPatch
) -> None:
    heun = HeunDiscreteScheduler.from_config(DDIMScheduler().config)
    monkeypatch.setattr(pipe, "scheduler", heun)
    embeddings = encode_prompts(compel, QUICK.prompt, "")
    listener = StepLog()

    with pytest.raises(GenerationError, match="HeunDiscreteScheduler takes 7 steps where 4"):
        denoise(pipe, embeddings, QUICK, listener)

    assert listener.heard == []


@pytest.mark.parametrize("error", [StopGeneration(), KeyError("row"), OSError("gone")])
def test_what_the_listener_raises_comes_out_unchanged_and_the_next_run_works(
    pipe: StableDiffusionXLPipeline, compel: CompelForSDXL, error: Exception
) -> None:
    embeddings = encode_prompts(compel, QUICK.prompt, "")
    before = denoise(pipe, embeddings, QUICK, StepLog())

    with pytest.raises(type(error)) as caught:
        denoise(pipe, embeddings, QUICK, StopAt(2, error))

    assert caught.value is error
    assert torch.equal(denoise(pipe, embeddings, QUICK, StepLog()), before)


def test_models_are_let_off_the_device_after_a_stop(
    pipe: StableDiffusionXLPipeline, compel: CompelForSDXL, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[bool] = []
    monkeypatch.setattr(pipe, "maybe_free_model_hooks", lambda: freed.append(True))
    embeddings = encode_prompts(compel, QUICK.prompt, "")

    with pytest.raises(StopGeneration):
        denoise(pipe, embeddings, QUICK, StopAt(1, StopGeneration()))

    assert freed == [True]
