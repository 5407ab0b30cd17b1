"""Where a pipeline runs, and in which precision."""

import gc
from dataclasses import dataclass

import torch
from diffusers import StableDiffusionXLPipeline

from generation.spec.profiles import ModelProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """device: where torch computes, as it names it. dtype: of all parts but a VAE that overflows.

    is_offloaded: each model waits in host memory and visits the device while it works.
    """

    device: str
    dtype: torch.dtype
    is_offloaded: bool


CPU = Placement(device="cpu", dtype=torch.float32, is_offloaded=False)
CUDA = Placement(device="cuda", dtype=torch.float16, is_offloaded=True)
"""The UNet, 4.8 GiB, is the largest guest: an 11 GB card has room for it and the work."""


def choose_placement(profile: ModelProfile) -> Placement:
    """The GPU where the profile wants one and there is one, else the CPU."""
    return CUDA if profile.device == "auto" and torch.cuda.is_available() else CPU


def place(pipe: StableDiffusionXLPipeline, placement: Placement) -> None:
    """Bring a whole pipeline, its IP-Adapter included, to where it runs.

    Offloading hooks only the models that are there, so the image encoder must come before.
    """
    if placement.is_offloaded:
        pipe.enable_model_cpu_offload(device=placement.device)
        pipe.vae.enable_slicing()
    else:
        pipe.to(placement.device)


def set_tiling(
    pipe: StableDiffusionXLPipeline,
    placement: Placement,
    *,
    width: int,
    height: int,
    native_side: int,
) -> None:
    """Decode in overlapping tiles on a GPU when the picture is larger than the model's own size.

    The whole decode of 1536 x 1536 takes 5.8 GiB beside the weights. Tiles differ a little in
    colour, so what fits is decoded in one.
    """
    if placement.is_offloaded and width * height > native_side**2:
        pipe.vae.enable_tiling()
    else:
        pipe.vae.disable_tiling()


def release(pipe: StableDiffusionXLPipeline) -> None:
    """Let every model off the device and give free memory back, whatever happened before."""
    pipe.maybe_free_model_hooks()
    if torch.cuda.is_initialized():
        gc.collect()
        torch.cuda.empty_cache()
