"""From a folder of safetensors to a pipeline that is ready to paint."""

from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from safetensors import SafetensorError
from transformers import (
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionModelWithProjection,
)
from transformers.utils import logging as transformers_logging

from generation.pipeline.memory import is_shortage
from generation.pipeline.placement import Placement, store_narrow, store_narrow_again
from generation.pipeline.schedulers import build_scheduler, numpy_notice_ignored
from generation.spec.errors import ModelUnavailable
from generation.spec.folder import check_folder
from generation.spec.profiles import ADAPTER_FILE, ADAPTER_FOLDER, ModelProfile

PARTS = {
    "text_encoder": CLIPTextModel,
    "text_encoder_2": CLIPTextModelWithProjection,
    "unet": UNet2DConditionModel,
    "vae": AutoencoderKL,
}
VARIANT = "fp16"
UNREADABLE = (OSError, ValueError, SafetensorError, RuntimeError, KeyError)


def load_pipeline(
    profile: ModelProfile, placement: Placement, *, is_checked: bool = False
) -> StableDiffusionXLPipeline:
    """Read the profile's folder into an SDXL pipeline with its scheduler; offline and silent.

    An IP-Adapter in the folder is loaded too. All parts are in host memory, ready to be placed.
    Takes half a second for the miniature.
    is_checked: this process has looked at every file before.
    Raises ModelUnavailable when a file is missing, damaged, a pickle, or not SDXL's.
    """
    if not is_checked:
        check_folder(profile)
    diffusers_logging.disable_progress_bar()
    transformers_logging.disable_progress_bar()
    try:
        pipe = _read_parts(profile.folder, placement.dtype)
        store_narrow(pipe.unet, placement)
        if profile.has_adapter:
            _add_adapter(pipe, profile.folder / ADAPTER_FOLDER, placement)
            store_narrow_again(pipe.unet)
    except UNREADABLE as error:
        if is_shortage(error):
            raise
        raise ModelUnavailable(
            f"The model in {profile.folder} cannot be read: {error} {profile.remedy}"
        ) from error
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = build_scheduler(profile.sampler.scheduler, pipe.scheduler.config)
    return pipe


def _read_parts(folder: Path, dtype: torch.dtype) -> StableDiffusionXLPipeline:
    parts = {name: _read_part(folder / name, model, dtype) for name, model in PARTS.items()}
    if parts["vae"].config.force_upcast:  # SDXL's first VAE overflows in half precision
        parts["vae"].to(torch.float32)
    with numpy_notice_ignored():  # of the folder's own scheduler
        return StableDiffusionXLPipeline.from_pretrained(
            folder, **parts, local_files_only=True, add_watermarker=False
        )


def _read_part(folder: Path, model: type, dtype: torch.dtype) -> torch.nn.Module:
    """One model in the given precision. The libraries would fill missing tensors with noise."""
    # Without a dtype transformers 5 keeps the file's, and the parts would silently differ.
    part, info = model.from_pretrained(
        folder,
        dtype=dtype,
        variant=_variant(folder),
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
    )
    for kind in ("missing_keys", "mismatched_keys"):
        if info[kind]:
            raise ValueError(
                f"{folder.name} has {len(info[kind])} {kind.replace('_', ' ')}, such as"
                f" {min(info[kind])}."
            )
    return part


def _variant(folder: Path) -> str | None:
    """ "fp16" where only files of that variant are there."""
    names = [path.name for path in folder.glob("*.safetensors")]
    return VARIANT if all(f".{VARIANT}." in name for name in names) else None


def _add_adapter(pipe: StableDiffusionXLPipeline, folder: Path, placement: Placement) -> None:
    """Load the image encoder as every other part, and the adapter for it."""
    encoder = folder / ADAPTER_FILE.parent / "image_encoder"
    dtype = placement.dtype_of("image_encoder")
    pipe.register_modules(image_encoder=_read_part(encoder, CLIPVisionModelWithProjection, dtype))
    pipe.load_ip_adapter(
        folder,
        subfolder=ADAPTER_FILE.parent.name,
        weight_name=ADAPTER_FILE.name,
        image_encoder_folder=None,
        local_files_only=True,
    )
