"""A random SDXL as its repositories hold it, distilled ones too: names are theirs, no weight is."""

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    SchedulerMixin,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from generation.installing.recipe import ADAPTER, BASE, LIGHTNING, TURBO, VAE
from generation.spec.profiles import MINIATURE

TEXT_DIM = 32
POOLED_DIM = 32
IMAGE_DIM = 32
PADS = {"tokenizer": "<|endoftext|>", "tokenizer_2": "!"}
INDEX = {
    "_class_name": "StableDiffusionXLPipeline",
    "_diffusers_version": "0.19.0.dev0",
    "force_zeros_for_empty_prompt": True,
    "add_watermarker": None,
    "scheduler": ["diffusers", "EulerDiscreteScheduler"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "text_encoder_2": ["transformers", "CLIPTextModelWithProjection"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "tokenizer_2": ["transformers", "CLIPTokenizer"],
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
}


def write_repositories(folder: Path) -> dict[str, Path]:
    """Clones of all, by the repositories' names: weights in both precisions, and pickles."""
    names = (BASE, TURBO, LIGHTNING, VAE, ADAPTER)
    clones = {name: folder / name.split("/")[1] for name in names}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = _write_base(clones[BASE], EulerDiscreteScheduler, "leading", sample_size=128)
        _write_base(clones[TURBO], EulerAncestralDiscreteScheduler, "trailing", sample_size=64)
        _write_lightning(clones[LIGHTNING])
        _make_vae().save_pretrained(clones[VAE])
        _write_adapter(clones[ADAPTER] / "sdxl_models", unet)
    for clone in clones.values():
        (clone / "README.md").write_text("Not needed.\n")
    return clones


def _write_base(
    folder: Path, scheduler: type[SchedulerMixin], spacing: str, *, sample_size: int
) -> UNet2DConditionModel:
    index = INDEX | {"scheduler": ["diffusers", scheduler.__name__]}
    _write_json(folder / "model_index.json", index)
    with warnings.catch_warnings():  # diffusers 0.42.1 hands a tensor to np.array
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        scheduler(
            beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear",
            steps_offset=1, timestep_spacing=spacing,
        ).save_pretrained(folder / "scheduler")  # fmt: skip
    for name, pad in PADS.items():
        _write_tokenizer(folder / name, pad)
    unet = _make_unet(sample_size)
    parts = {
        "text_encoder": CLIPTextModel(_text_config(hidden_act="quick_gelu")),
        "text_encoder_2": CLIPTextModelWithProjection(_text_config(hidden_act="gelu")),
        "unet": unet,
        "vae": _make_vae(),
    }
    for name, part in parts.items():
        part.save_pretrained(folder / name)
        part.half().save_pretrained(folder / name, variant="fp16")
    return unet


def _write_lightning(folder: Path) -> None:
    """UNets alone, one for each number of steps, without a configuration."""
    folder.mkdir(parents=True)
    for steps in (2, 4, 8):
        halves = {name: tensor.half() for name, tensor in _make_unet(128).state_dict().items()}
        save_file(halves, folder / f"sdxl_lightning_{steps}step_unet.safetensors")


def _write_tokenizer(folder: Path, pad: str) -> None:
    """As vocabulary and merges in two files, without the tokenizer.json of today."""
    whole = MINIATURE.folder / "tokenizer" / "tokenizer.json"
    model = json.loads(whole.read_bytes())["model"]
    special = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "pad_token": pad}
    special["unk_token"] = "<|endoftext|>"
    config = {"model_max_length": 77, "do_lower_case": True, "tokenizer_class": "CLIPTokenizer"}
    _write_json(folder / "vocab.json", model["vocab"])
    _write_json(folder / "special_tokens_map.json", special)
    _write_json(folder / "tokenizer_config.json", config | special)
    merges = "\n".join(" ".join(pair) for pair in model["merges"])
    (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}\n", encoding="utf-8")


def _write_adapter(folder: Path, unet: UNet2DConditionModel) -> None:
    config = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        image_size=32, patch_size=16, projection_dim=IMAGE_DIM,
    )  # fmt: skip
    CLIPVisionModelWithProjection(config).half().save_pretrained(folder / "image_encoder")
    context = 2 * TEXT_DIM
    tensors = {
        "image_proj.proj.weight": torch.randn(4 * context, IMAGE_DIM),
        "image_proj.proj.bias": torch.zeros(4 * context),
        "image_proj.norm.weight": torch.ones(context),
        "image_proj.norm.bias": torch.zeros(context),
    }
    layers = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    for number, name in enumerate(layers):
        keys = unet.get_submodule(name.removesuffix(".processor")).to_k
        for kind in ("to_k_ip", "to_v_ip"):
            weight = torch.randn(keys.out_features, context)
            tensors[f"ip_adapter.{2 * number + 1}.{kind}.weight"] = weight
    halves = {name: tensor.half() for name, tensor in tensors.items()}
    save_file(halves, folder / "ip-adapter_sdxl.safetensors")
    torch.save(halves, folder / "ip-adapter_sdxl.bin")
    torch.save({}, folder / "image_encoder" / "pytorch_model.bin")


def _make_unet(sample_size: int) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=sample_size, in_channels=4, out_channels=4, layers_per_block=1,
        norm_num_groups=8, block_out_channels=(16, 32, 64), attention_head_dim=(2, 4, 8),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        transformer_layers_per_block=(1, 1, 2), cross_attention_dim=2 * TEXT_DIM,
        use_linear_projection=True, addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=POOLED_DIM + 6 * 8,
    )  # fmt: skip


def _make_vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 8, 16, 16), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=1, latent_channels=4,
        norm_num_groups=4, sample_size=512, scaling_factor=0.13025, force_upcast=False,
    )  # fmt: skip


def _text_config(**fields: Any) -> CLIPTextConfig:
    """For the vocabulary that _write_tokenizer writes."""
    known = CLIPTextConfig.from_pretrained(MINIATURE.folder / "text_encoder")
    return CLIPTextConfig(
        vocab_size=known.vocab_size, bos_token_id=known.bos_token_id,
        eos_token_id=known.eos_token_id, pad_token_id=known.eos_token_id,
        hidden_size=TEXT_DIM, projection_dim=POOLED_DIM, intermediate_size=64,
        num_hidden_layers=3, num_attention_heads=4, **fields,
    )  # fmt: skip


def _write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
