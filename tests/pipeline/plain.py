"""What the libraries alone paint: plain diffusers and Compel, nothing of this project."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from compel import CompelForSDXL
from diffusers import (
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    StableDiffusionXLPipeline,
)
from PIL import Image


def dpm_solver(config: Any) -> DPMSolverMultistepScheduler:
    """DPM++ 2M Karras."""
    return DPMSolverMultistepScheduler.from_config(
        config, use_karras_sigmas=True, algorithm_type="dpmsolver++"
    )


def euler(config: Any) -> EulerDiscreteScheduler:
    """As the model card of SDXL-Lightning has it."""
    return EulerDiscreteScheduler.from_config(config, timestep_spacing="trailing")


def euler_ancestral(config: Any) -> EulerAncestralDiscreteScheduler:
    """As diffusers' guide to SDXL Turbo has it."""
    return EulerAncestralDiscreteScheduler.from_config(config, timestep_spacing="trailing")


def load(
    folder: Path, *, with_adapter: bool, scheduler: Callable[[Any], Any] = dpm_solver
) -> StableDiffusionXLPipeline:
    """The pipeline as its documentation loads it."""
    pipe = StableDiffusionXLPipeline.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
    )
    pipe.scheduler = scheduler(pipe.scheduler.config)
    pipe.set_progress_bar_config(disable=True)
    if with_adapter:
        pipe.load_ip_adapter(
            folder / "ip_adapter",
            subfolder="sdxl_models",
            weight_name="ip-adapter_sdxl.safetensors",
            local_files_only=True,
        )
    return pipe


def texts(prompt: str, negative: str | None = None) -> dict[str, object]:
    """Prompts for the pipeline's own encoding: plain words up to 77 tokens."""
    return {"prompt": prompt, "negative_prompt": negative}


def embeddings(
    pipe: StableDiffusionXLPipeline, prompt: str, negative: str | None, words: str
) -> dict[str, object]:
    """Compel's embeddings of weighted or long prompts.

    words: the prompt without its weighting, for the pooled embedding, which Compel makes of the
    text with all its signs.
    """
    made = CompelForSDXL(pipe, device="cpu")(prompt, negative_prompt=negative)
    _embeds, _negative, pooled, _pooled = pipe.encode_prompt(words)
    return {
        "prompt_embeds": made.embeds,
        "pooled_prompt_embeds": pooled,
        "negative_prompt_embeds": made.negative_embeds,
        "negative_pooled_prompt_embeds": made.negative_pooled_embeds,
    }


def paint(
    pipe: StableDiffusionXLPipeline,
    conditions: dict[str, object],
    *,
    seed: int,
    steps: int,
    guidance_scale: float,
    reference: Image.Image | None = None,
) -> Image.Image:
    """One picture of 64 x 64 pixels."""
    with torch.inference_mode():
        return pipe(
            **conditions,
            width=64,
            height=64,
            num_inference_steps=steps,
            guidance_scale=guidance_scale,
            generator=torch.Generator("cpu").manual_seed(seed),
            ip_adapter_image=reference,
        ).images[0]
