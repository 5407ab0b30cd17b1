"""Each scheduler tells what the picture is going to be, and returns what the plain one does."""

import inspect

import pytest
import torch
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
)

from generation.pipeline.schedulers import BUILT_AS, build_scheduler
from generation.spec.samplers import Scheduler

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
"""For the plain library, which hands tensors to np.array."""

SDXL = EulerDiscreteScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
    steps_offset=1, timestep_spacing="leading",
).config  # fmt: skip
"""The configuration in SDXL's own repository."""
PLAIN = {
    Scheduler.DPM_SOLVER_2M: DPMSolverMultistepScheduler,
    Scheduler.EULER: EulerDiscreteScheduler,
    Scheduler.EULER_ANCESTRAL: EulerAncestralDiscreteScheduler,
}
KNOWN = torch.linspace(-1, 1, 4 * 8 * 8).reshape(1, 4, 8, 8)
"""A picture that an all-knowing UNet sees in every noise."""


def walk(scheduler, steps: int = 4) -> list[tuple[torch.Tensor, torch.Tensor | None]]:
    """Latents and, where it is told, prediction after each step from the noise of seed 3."""
    generator = torch.Generator().manual_seed(3)
    scheduler.set_timesteps(steps)
    noise = torch.randn(KNOWN.shape, generator=generator)
    latents = noise * scheduler.init_noise_sigma
    walked = []
    for timestep in scheduler.timesteps:
        scheduler.scale_model_input(latents, timestep)
        index = scheduler.step_index or 0
        alpha, sigma = alpha_and_sigma(scheduler, index)
        epsilon = (latents - alpha * KNOWN) / sigma
        latents = scheduler.step(
            epsilon, timestep, latents, generator=generator, return_dict=False
        )[0]
        walked.append((latents, getattr(scheduler, "clean_latent", None)))
    return walked


def alpha_and_sigma(scheduler, index: int) -> tuple[torch.Tensor, torch.Tensor]:
    """How much picture and noise the latents hold: DPM-Solver keeps their variance."""
    sigma = scheduler.sigmas[index]
    if isinstance(scheduler, DPMSolverMultistepScheduler):
        alpha = 1 / (sigma**2 + 1) ** 0.5
        return alpha, sigma * alpha
    return torch.ones(()), sigma


@pytest.mark.parametrize("scheduler", Scheduler)
def test_it_tells_the_clean_latent_at_every_step(scheduler: Scheduler) -> None:
    for _latents, told in walk(build_scheduler(scheduler, SDXL)):
        torch.testing.assert_close(told, KNOWN, atol=1e-3, rtol=0)


@pytest.mark.parametrize("scheduler", Scheduler)
def test_its_latents_are_the_plain_scheduler_s(scheduler: Scheduler) -> None:
    plain = PLAIN[scheduler].from_config(SDXL, **BUILT_AS[scheduler][1])

    ours = walk(build_scheduler(scheduler, SDXL))

    for (latents, told), (expected, untold) in zip(ours, walk(plain), strict=True):
        assert torch.equal(latents, expected)
        assert told is not None
        assert untold is None


@pytest.mark.parametrize("scheduler", Scheduler)
def test_the_pipeline_sees_that_noise_may_be_drawn_by_seed(scheduler: Scheduler) -> None:
    """It passes a generator only to a step that names one."""
    step = build_scheduler(scheduler, SDXL).step

    assert "generator" in inspect.signature(step).parameters


@pytest.mark.parametrize("timesteps", [[999], [999, 499], [999, 749, 499, 249]])
@pytest.mark.parametrize("scheduler", [Scheduler.EULER, Scheduler.EULER_ANCESTRAL])
def test_few_steps_begin_at_the_last_timestep(scheduler: Scheduler, timesteps: list[int]) -> None:
    built = build_scheduler(scheduler, SDXL)

    built.set_timesteps(len(timesteps))

    assert built.timesteps.tolist() == timesteps
