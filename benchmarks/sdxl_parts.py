"""SDXL base 1.0 in full size, built from its published configurations without any download."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline, UNet2DConditionModel
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from generation.pipeline.schedulers import TellingDPMSolver
from generation.spec.profiles import MINIATURE

ADAPTER_TOKENS = 4

UNET: dict[str, Any] = {
    "act_fn": "silu",
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "attention_head_dim": [5, 10, 20],
    "block_out_channels": [320, 640, 1280],
    "cross_attention_dim": 2048,
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "in_channels": 4,
    "layers_per_block": 2,
    "out_channels": 4,
    "projection_class_embeddings_input_dim": 2816,
    "sample_size": 128,
    "transformer_layers_per_block": [1, 2, 10],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "use_linear_projection": True,
}
"""unet/config.json of stabilityai/stable-diffusion-xl-base-1.0."""

VAE: dict[str, Any] = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "force_upcast": False,
    "latent_channels": 4,
    "layers_per_block": 2,
    "sample_size": 512,
    "scaling_factor": 0.13025,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}
"""config.json of madebyollin/sdxl-vae-fp16-fix, which install_profile takes."""

CLIP_L = CLIPTextConfig(
    bos_token_id=0,
    eos_token_id=2,
    hidden_act="quick_gelu",
    hidden_size=768,
    intermediate_size=3072,
    num_attention_heads=12,
    num_hidden_layers=12,
    pad_token_id=1,
    projection_dim=768,
    vocab_size=49408,
)
BIG_G = CLIPTextConfig(
    bos_token_id=0,
    eos_token_id=2,
    hidden_act="gelu",
    hidden_size=1280,
    intermediate_size=5120,
    num_attention_heads=20,
    num_hidden_layers=32,
    pad_token_id=1,
    projection_dim=1280,
    vocab_size=49408,
)
IMAGE_ENCODER = CLIPVisionConfig(
    hidden_act="gelu",
    hidden_size=1664,
    image_size=224,
    intermediate_size=8192,
    num_attention_heads=16,
    num_hidden_layers=48,
    patch_size=14,
    projection_dim=1280,
)
"""sdxl_models/image_encoder/config.json of h94/IP-Adapter."""

SCHEDULER: dict[str, Any] = {
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "steps_offset": 1,
    "timestep_spacing": "leading",
    "algorithm_type": "dpmsolver++",
    "use_karras_sigmas": True,
}


def build_parts(scheduler: TellingDPMSolver) -> StableDiffusionXLPipeline:
    """The pipeline without its adapter, on whichever device is torch's default.

    scheduler: made outside that device where it is meta, since it computes at once. The tokenizers
    are the miniature's, whose numbers fit too.
    """
    tokenizers = [
        CLIPTokenizer.from_pretrained(MINIATURE.folder / name)
        for name in ("tokenizer", "tokenizer_2")
    ]
    pipe = StableDiffusionXLPipeline(
        vae=AutoencoderKL(**VAE),
        text_encoder=CLIPTextModel(CLIP_L),
        text_encoder_2=CLIPTextModelWithProjection(BIG_G),
        tokenizer=tokenizers[0],
        tokenizer_2=tokenizers[1],
        unet=UNet2DConditionModel(**UNET),
        scheduler=scheduler,
        image_encoder=CLIPVisionModelWithProjection(IMAGE_ENCODER),
        feature_extractor=CLIPImageProcessor(size=224, crop_size=224),
        add_watermarker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def add_adapter(
    pipe: StableDiffusionXLPipeline, make: Callable[..., torch.Tensor]
) -> StableDiffusionXLPipeline:
    """Load the tensors of ip-adapter_sdxl.safetensors, each made by its shape."""
    pipe.load_ip_adapter(_adapter(pipe.unet, make), subfolder="", weight_name="")
    return pipe


def _adapter(
    unet: UNet2DConditionModel, make: Callable[..., torch.Tensor]
) -> Mapping[str, Mapping[str, torch.Tensor]]:
    """Two matrices for each cross-attention, and the projection."""
    width, read = unet.config.cross_attention_dim, IMAGE_ENCODER.projection_dim
    crossed = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    hidden = [unet.get_submodule(name.rpartition(".")[0]).inner_dim for name in crossed]
    return {
        "image_proj": {
            "proj.weight": make(ADAPTER_TOKENS * width, read),
            "proj.bias": make(ADAPTER_TOKENS * width),
            "norm.weight": make(width),
            "norm.bias": make(width),
        },
        "ip_adapter": {
            f"{2 * index + 1}.to_{part}_ip.weight": make(size, width)
            for index, size in enumerate(hidden)
            for part in ("k", "v")
        },
    }
