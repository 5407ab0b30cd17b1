"""What the libraries alone paint: plain diffusers and Compel, nothing of this project."""

from pathlib import Path

import torch
from compel import CompelForSDXL
from diffusers import DPMSolverMultistepScheduler, StableDiffusionXLPipeline
from PIL import Image


def load(folder: Path, *, with_adapter: bool) -> StableDiffusionXLPipeline:
    """The pipeline as its documentation loads it."""
    pipe = StableDiffusionXLPipeline.from_pretrained(
        folder, dtype=torch.float32, use_safetensors=True, local_files_only=True
    )
    pipe.scheduler = DPMSolverMultistepScheduler.from_config(
        pipe.scheduler.config, use_karras_sigmas=True, algorithm_type="dpmsolver++"
    )
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
