"""What a diffusers folder holds besides weights: which parts there are, and the scheduler."""

import json
from pathlib import Path

from diffusers import DPMSolverMultistepScheduler

from generation.miniature.training.unet import SCHEDULE

PARTS = {
    "scheduler": ("diffusers", "DPMSolverMultistepScheduler"),
    "text_encoder": ("transformers", "CLIPTextModel"),
    "text_encoder_2": ("transformers", "CLIPTextModelWithProjection"),
    "tokenizer": ("transformers", "CLIPTokenizer"),
    "tokenizer_2": ("transformers", "CLIPTokenizer"),
    "unet": ("diffusers", "UNet2DConditionModel"),
    "vae": ("diffusers", "AutoencoderKL"),
    "feature_extractor": (None, None),
    "image_encoder": (None, None),
}


def write(folder: Path) -> None:
    """Write model_index.json and scheduler/ of an SDXL pipeline."""
    index = {"_class_name": "StableDiffusionXLPipeline", "force_zeros_for_empty_prompt": True}
    text = json.dumps({**index, **PARTS}, indent=2, sort_keys=True) + "\n"
    (folder / "model_index.json").write_text(text, encoding="utf-8")
    scheduler = DPMSolverMultistepScheduler(**SCHEDULE)
    # For who swaps the scheduler for DDIM, whose defaults would break the colours.
    scheduler.register_to_config(clip_sample=False, set_alpha_to_one=False)
    scheduler.save_pretrained(folder / "scheduler")
