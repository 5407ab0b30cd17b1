"""SDXL at its full size, 12 GB of weights, on torch's meta device: shapes without numbers.

What the miniature cannot show is shown here: that each stage's shapes fit the real model's.
"""

import contextlib
import dataclasses
import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline, UNet2DConditionModel
from PIL import Image
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from transformers import (
    CLIPImageProcessor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from generation.pipeline.engine import Engine
from generation.pipeline.placement import Placement, set_tiling
from generation.pipeline.preview import SDXL, paint_preview
from generation.pipeline.prompts import PromptEncoder
from generation.pipeline.reference import ReferenceEncoder
from generation.pipeline.schedulers import TellingDPMSolver
from generation.spec.profiles import MINIATURE
from tests.pipeline.orders import StepLog, quick_request

ATEN = torch.ops.aten
CPU = torch.device("cpu")
META = Placement(device="meta", dtype=torch.float16, is_offloaded=False)
LONG = "a castle on a hill at noon " * 22
WEIGHTED = "a (castle)1.4 on a (hill)0.4 at noon"
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


class _Answers(TorchDispatchMode):
    """Answers what a meta tensor cannot: a single value is 0 or False, and all are finite.

    What is copied to the CPU is zeros of the same shape. False means, where Compel asks whether a
    chunk bears no weights, that every chunk is weighted.
    """

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        kwargs = kwargs or {}
        if args and isinstance(args[0], torch.Tensor) and args[0].is_meta:
            asked, options = func.overloadpacket, (*args[1:], *kwargs.values())
            if asked in (ATEN.item, ATEN.is_nonzero, ATEN._local_scalar_dense):
                return torch.zeros((), dtype=args[0].dtype).item()
            if asked is ATEN.isfinite:
                return torch.ones(args[0].shape, dtype=torch.bool)
            if asked in (ATEN.to, ATEN._to_copy) and CPU in options:
                dtypes = [option for option in options if isinstance(option, torch.dtype)]
                return torch.zeros(args[0].shape, dtype=(*dtypes, args[0].dtype)[0])
        return func(*args, **kwargs)


class _Numbers(TorchFunctionMode):
    """A meta tensor made of Python numbers still knows them: Compel looks its tokens up again."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        if func is torch.Tensor.tolist and hasattr(args[0], "numbers"):
            return args[0].numbers
        result = func(*args, **(kwargs or {}))
        if func is torch.tensor and result.is_meta:
            result.numbers = args[0]
        return result


class _ReadableScheduler(TellingDPMSolver):
    """Its timesteps stay on the CPU: it finds its place among them by their values."""

    def set_timesteps(self, num_inference_steps: int, device: object = None) -> None:
        super().set_timesteps(num_inference_steps, device=CPU)


@pytest.fixture(scope="module")
def full_size(pipe: StableDiffusionXLPipeline) -> StableDiffusionXLPipeline:
    """SDXL base 1.0 with its IP-Adapter, and the miniature's tokenizers: their numbers fit too."""
    with torch.device("meta"):
        made = StableDiffusionXLPipeline(
            vae=AutoencoderKL(**VAE),
            text_encoder=CLIPTextModel(CLIP_L),
            text_encoder_2=CLIPTextModelWithProjection(BIG_G),
            tokenizer=pipe.tokenizer,
            tokenizer_2=pipe.tokenizer_2,
            unet=UNet2DConditionModel(**UNET),
            scheduler=_ReadableScheduler(**SCHEDULER),
            image_encoder=CLIPVisionModelWithProjection(IMAGE_ENCODER),
            feature_extractor=CLIPImageProcessor(size=224, crop_size=224),
            add_watermarker=False,
        ).to(META.dtype)
    made.set_progress_bar_config(disable=True)
    made.load_ip_adapter(_adapter(made.unet), subfolder="", weight_name="")
    return made


def _adapter(unet: UNet2DConditionModel) -> dict[str, dict[str, torch.Tensor]]:
    """The tensors of ip-adapter_sdxl.safetensors: two matrices for each cross-attention."""
    width, read = unet.config.cross_attention_dim, IMAGE_ENCODER.projection_dim
    crossed = [name for name in unet.attn_processors if name.endswith("attn2.processor")]
    hidden = [unet.get_submodule(name.rpartition(".")[0]).inner_dim for name in crossed]
    return {
        "image_proj": {
            "proj.weight": _meta(ADAPTER_TOKENS * width, read),
            "proj.bias": _meta(ADAPTER_TOKENS * width),
            "norm.weight": _meta(width),
            "norm.bias": _meta(width),
        },
        "ip_adapter": {
            f"{2 * index + 1}.to_{part}_ip.weight": _meta(size, width)
            for index, size in enumerate(hidden)
            for part in ("k", "v")
        },
    }


def _meta(*shape: int) -> torch.Tensor:
    return torch.empty(shape, dtype=META.dtype, device=META.device)


@pytest.fixture
def answered() -> Iterator[None]:
    """What the engine holds around its stages, and an answer where one needs a value."""
    with torch.inference_mode(), _Answers(), _Numbers():
        yield


@contextlib.contextmanager
def _shapes_of(module: nn.Module) -> Iterator[list[tuple[int, ...]]]:
    """Inside, the shape of each forward's first argument is written down."""
    shapes: list[tuple[int, ...]] = []
    handle = module.register_forward_pre_hook(
        lambda _module, inputs: shapes.append(tuple(inputs[0].shape))
    )
    try:
        yield shapes
    finally:
        handle.remove()


def _count(model: nn.Module) -> float:
    """Millions of parameters."""
    return round(sum(parameter.numel() for parameter in model.parameters()) / 1e6, 2)


def _reference() -> tuple[bytes, dict[str, object]]:
    """A picture's file, and how a request names it."""
    file = io.BytesIO()
    Image.new("RGB", (300, 200), "red").save(file, format="PNG")
    named = hashlib.sha256(file.getvalue()).hexdigest()
    return file.getvalue(), {"ip_strength": 0.6, "reference": named}


def test_the_models_have_as_many_parameters_as_published(
    full_size: StableDiffusionXLPipeline,
) -> None:
    adapter = [
        *full_size.unet.encoder_hid_proj.parameters(),
        *(
            parameter
            for processor in full_size.unet.attn_processors.values()
            if isinstance(processor, nn.Module)
            for parameter in processor.parameters()
        ),
    ]
    of_adapter = sum(parameter.numel() for parameter in adapter) / 1e6

    assert _count(full_size.text_encoder) == 123.06
    assert _count(full_size.text_encoder_2) == 694.66
    assert _count(full_size.vae) == 83.65
    assert _count(full_size.image_encoder) == pytest.approx(1844.9, abs=0.05)
    assert of_adapter == pytest.approx(351.3, abs=0.05)
    assert _count(full_size.unet) - of_adapter == pytest.approx(2567.46, abs=0.01)


@pytest.mark.parametrize(
    ("prompt", "negative_prompt", "chunks"),
    [
        ("a castle", "", 1),
        (WEIGHTED, "", 1),
        ("a castle", LONG, 3),
    ],
)
def test_prompts_become_embeddings_of_both_encoders(
    full_size: StableDiffusionXLPipeline,
    answered: None,
    prompt: str,
    negative_prompt: str,
    chunks: int,
) -> None:
    made = PromptEncoder(full_size, META.device).encode(prompt, negative_prompt)

    for embeds in (made.prompt_embeds, made.negative_prompt_embeds):
        assert embeds.shape == (1, 77 * chunks, 768 + 1280)
        assert embeds.is_meta
    for pooled in (made.pooled_prompt_embeds, made.negative_pooled_prompt_embeds):
        assert pooled.shape == (1, 1280)
        assert pooled.is_meta


@pytest.mark.parametrize(("guidance_scale", "rows"), [(5.0, 2), (1.0, 1)])
def test_a_reference_becomes_one_vector(
    full_size: StableDiffusionXLPipeline, answered: None, guidance_scale: float, rows: int
) -> None:
    file, named = _reference()
    request = quick_request(guidance_scale=guidance_scale, **named)

    with _shapes_of(full_size.image_encoder) as seen:
        style = ReferenceEncoder(full_size, META.device).style_of(request, file)

    assert seen == [(1, 3, 224, 224)]
    assert style.image_embeds.shape == (rows, 1, 1280)


@pytest.mark.parametrize(
    ("changes", "rows", "is_styled"),
    [
        ({"prompt": LONG, "negative_prompt": WEIGHTED}, 2, True),
        ({"guidance_scale": 1.0}, 1, True),
        ({"width": 1536, "height": 640}, 2, False),
    ],
)
def test_a_request_passes_through_all_stages(
    full_size: StableDiffusionXLPipeline,
    answered: None,
    changes: dict[str, object],
    rows: int,
    is_styled: bool,
) -> None:
    engine = Engine(profile=MINIATURE, pipe=full_size, placement=META, fault=None)
    file, named = _reference()
    styled = named if is_styled else {}
    request = quick_request(**{"width": 1024, "height": 1024, "steps": 1, **styled, **changes})
    size, latents = (request.width, request.height), (4, request.height // 8, request.width // 8)

    with _shapes_of(full_size.unet) as denoised, _shapes_of(full_size.vae.decoder) as decoded:
        picture = engine.generate(request, StepLog(), file)

    assert denoised == [(rows, *latents)]
    assert decoded == [(1, *latents)]
    assert (picture.width, picture.height) == size
    assert Image.open(io.BytesIO(picture.png)).size == size


def test_a_large_picture_is_put_together_from_tiles_of_512(
    full_size: StableDiffusionXLPipeline, answered: None
) -> None:
    placement = dataclasses.replace(META, is_offloaded=True)
    try:
        set_tiling(full_size, placement, width=1536, height=1152, native_side=1024)
        with _shapes_of(full_size.vae.decoder) as tiles:
            decoded = full_size.vae.decode(_meta(1, 4, 144, 192), return_dict=False)[0]
    finally:
        full_size.vae.disable_tiling()

    assert decoded.shape == (1, 3, 1152, 1536)
    assert tiles[0] == (1, 4, 64, 64)
    assert len(tiles) == 12


def test_a_preview_has_a_pixel_for_each_latent(answered: None) -> None:
    jpeg = paint_preview(_meta(1, 4, 128, 128), SDXL)

    assert Image.open(io.BytesIO(jpeg)).size == (128, 128)
