"""SDXL at its full size, 12 GB of weights, on torch's meta device: shapes without numbers.

What the miniature cannot show is shown here: that each stage's shapes fit the real model's.
"""

import contextlib
import hashlib
import io
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from PIL import Image
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.sdxl_parts import SCHEDULER, add_adapter, build_parts
from generation.pipeline.engine import Engine
from generation.pipeline.placement import Placement, set_tiling
from generation.pipeline.preview import SDXL, paint_preview
from generation.pipeline.prompts import PromptEncoder
from generation.pipeline.reference import ReferenceEncoder
from generation.pipeline.schedulers import TellingDPMSolver
from generation.spec.plans import CPU as CPU_PLAN
from generation.spec.plans import plan_called
from generation.spec.profiles import MINIATURE
from tests.pipeline.orders import StepLog, quick_request

ATEN = torch.ops.aten
CPU = torch.device("cpu")
META = Placement(device="meta", dtype=torch.float16, plan=CPU_PLAN)
"""Everything in its place, as by the plan of a CPU."""
LONG = "a castle on a hill at noon " * 22
WEIGHTED = "a (castle)1.4 on a (hill)0.4 at noon"


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
def full_size() -> StableDiffusionXLPipeline:
    """SDXL base 1.0 with its IP-Adapter, and the miniature's tokenizers: their numbers fit too."""
    scheduler = _ReadableScheduler(**SCHEDULER)
    with torch.device("meta"):
        made = build_parts(scheduler).to(META.dtype)
    return add_adapter(made, _meta)


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
    assert Image.open(io.BytesIO(picture.file)).size == size


def test_a_large_picture_is_put_together_from_tiles_of_512(
    full_size: StableDiffusionXLPipeline, answered: None
) -> None:
    try:
        set_tiling(full_size, is_tiled=plan_called("visiting").tiles(1536, 1152))
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
