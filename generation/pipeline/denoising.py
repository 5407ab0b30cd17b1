"""From embeddings to latents: the loop that takes the time, told step by step."""

from dataclasses import dataclass

import torch
from diffusers import StableDiffusionXLPipeline

from generation.pipeline.preview import LatentColours, paint_preview
from generation.pipeline.prompts import PromptEmbeddings
from generation.pipeline.reference import Style
from generation.pipeline.schedulers import numpy_notice_ignored
from generation.spec.errors import GenerationError
from generation.spec.progress import ProgressListener, StepProgress
from generation.spec.request import GenerationRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditioning:
    """What the UNet is told. style: required once an IP-Adapter is loaded, else None."""

    prompts: PromptEmbeddings
    style: Style | None = None


def denoise(
    pipe: StableDiffusionXLPipeline,
    conditioning: Conditioning,
    request: GenerationRequest,
    listener: ProgressListener,
    colours: LatentColours,
) -> torch.Tensor:
    """Run request.steps steps from the noise of request.seed and tell the listener after each.

    Returns latents [1, 4, height / 8, width / 8] in the UNet's dtype, on its device, not yet
    divided by the VAE's scaling_factor. The noise is drawn on the CPU, so that a seed means the
    same on every device. Whatever the listener raises comes out unchanged, and the next call works.
    Raises GenerationError when the scheduler would take another number of steps.
    """

    def on_step_end(
        _pipe: StableDiffusionXLPipeline, index: int, _timestep: int, _tensors: dict[str, object]
    ) -> dict[str, object]:
        if pipe.num_timesteps != request.steps:
            raise GenerationError(
                f"{type(pipe.scheduler).__name__} takes {pipe.num_timesteps} steps where"
                f" {request.steps} were asked for; choose a scheduler of one call a step"
            )
        clean = pipe.scheduler.clean_latent
        listener.on_step(
            StepProgress(
                step=index + 1,
                total=request.steps,
                preview=lambda: paint_preview(clean, colours),
            )
        )
        return {}

    embeddings = conditioning.prompts
    with numpy_notice_ignored():
        output = pipe(
            prompt_embeds=embeddings.prompt_embeds,
            pooled_prompt_embeds=embeddings.pooled_prompt_embeds,
            negative_prompt_embeds=embeddings.negative_prompt_embeds,
            negative_pooled_prompt_embeds=embeddings.negative_pooled_prompt_embeds,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance_scale,
            generator=torch.Generator("cpu").manual_seed(request.seed),
            output_type="latent",
            callback_on_step_end=on_step_end,
            **_style_arguments(pipe, conditioning.style),
        )
    latents: torch.Tensor = output.images
    return latents


def _style_arguments(pipe: StableDiffusionXLPipeline, style: Style | None) -> dict[str, object]:
    """The adapter keeps its last strength, so each run sets its own."""
    if style is None:
        return {}
    pipe.set_ip_adapter_scale(style.strength)
    return {"ip_adapter_image_embeds": [style.image_embeds]}
