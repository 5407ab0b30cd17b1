"""What makes a GPU quicker and changes no picture beyond rounding."""

import importlib.util
import os
import shutil
from pathlib import Path

import torch
from diffusers import StableDiffusionXLPipeline

from generation.pipeline.placement import Placement

COMPILE_VARIABLE = "IMAGEN_COMPILE"
CACHE_VARIABLE = "TORCHINDUCTOR_CACHE_DIR"
LEAST_CAPABILITY = (8, 0)
"""Of a card whose bfloat16 and TF32 units the compiler's kernels are made for; Ampere and later."""
C_COMPILERS = ("cc", "gcc", "clang")
RECOMPILES = 64
"""Sizes, prompt lengths and strengths that are compiled for before a block runs plainly."""


def lay_out(pipe: StableDiffusionXLPipeline, placement: Placement) -> None:
    """Channels last for convolutions on a card: its tensor cores read them so.

    The CPU keeps torch's own layout, which is quicker there.
    """
    if placement.plan.is_on_card:
        pipe.unet.to(memory_format=torch.channels_last)
        pipe.vae.to(memory_format=torch.channels_last)


def compile_blocks(
    pipe: StableDiffusionXLPipeline, placement: Placement, backend: str = "inductor"
) -> None:
    """Compile the UNet's transformer blocks, one for all that are alike, where it pays.

    Kept between starts in the folder that TORCHINDUCTOR_CACHE_DIR names. IMAGEN_COMPILE=0 does
    without; 1 insists. A block that meets too many shapes, or cannot be compiled, runs as it is.
    """
    if is_worth_compiling(placement):
        torch._dynamo.config.recompile_limit = RECOMPILES
        torch._dynamo.config.suppress_errors = True  # what cannot be compiled runs plainly
        pipe.unet.compile_repeated_blocks(backend=backend)


def is_worth_compiling(placement: Placement) -> bool:
    """Where the UNet stays on a recent card: visiting or widened layers are bound by memory."""
    wish = os.environ.get(COMPILE_VARIABLE, "").strip()
    plan = placement.plan
    if wish == "0" or not plan.is_on_card or plan.unet != "half" or "unet" in plan.visitors:
        return False
    if wish == "1":
        return True
    return has_compiler() and torch.cuda.get_device_capability() >= LEAST_CAPABILITY


def has_compiler() -> bool:
    """Triton, and the C compiler that it calls at run time."""
    has_triton = importlib.util.find_spec("triton") is not None
    return has_triton and bool(os.environ.get("CC") or any(map(shutil.which, C_COMPILERS)))


def keep_compiled(folder: Path) -> None:
    """Let compiled kernels outlive this process, unless the operator has named a place."""
    os.environ.setdefault(CACHE_VARIABLE, str(folder))
