"""One case of benchmarks/sdxl_gpu.py, measured in this process: built, warmed up, painted."""

import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from diffusers import StableDiffusionXLPipeline

from benchmarks.sdxl_parts import SCHEDULER, add_adapter, build_parts
from generation.pipeline.engine import Engine
from generation.pipeline.loading import load_pipeline
from generation.pipeline.memory import is_shortage
from generation.pipeline.placement import CPU, Placement, store_narrow
from generation.pipeline.reference import ReferenceEncoder
from generation.pipeline.schedulers import TellingDPMSolver
from generation.spec.errors import OutOfMemory
from generation.spec.plans import GIB, plan_called
from generation.spec.profiles import MINIATURE
from generation.spec.progress import Nobody
from generation.spec.request import GenerationRequest

STEPS = 30
DIFFUSERS, IMAGEN = "diffusers", "imagen"
MATRIX = 8192
PROMPT = "a castle on a hill at noon, oil painting, thick brush strokes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One process's work. plan: "" for plain diffusers, all on the card. cap_gib: 0 for no cap."""

    who: str
    side: int
    batch: int = 1
    plan: str = ""
    cap_gib: float = 0.0
    device: str = "cuda"
    is_tiny: bool = False
    is_compiled: bool = False
    rounds: int = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """seconds: of one picture, the median of all rounds, each round's divided by its batch.

    peak_gib: allocated by torch. tflops: of large half-precision products on this device.
    """

    seconds: float = 0.0
    peak_gib: float = 0.0
    tflops: float = 0.0
    problem: str = ""


def measure(case: Case) -> Measure:
    """Build, warm up, and paint; a shortage of memory is a result too."""
    if case.cap_gib:
        _free, total = torch.cuda.mem_get_info()
        torch.cuda.set_per_process_memory_fraction(min(1.0, case.cap_gib * GIB / total))
    tflops = 0.0
    if case.device == "cuda":
        tflops = _matrix_speed(case)
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    try:
        paint = prepare(case)
        paint(0)
        seconds = [_timed(lambda seed=seed: paint(seed)) for seed in range(1, 1 + case.rounds)]
    except Exception as error:
        if not is_shortage(error) and not isinstance(error, OutOfMemory):
            raise
        return Measure(tflops=tflops, problem="out of memory")
    peak = torch.cuda.max_memory_allocated() / GIB if case.device == "cuda" else 0.0
    return Measure(seconds=statistics.median(seconds) / case.batch, peak_gib=peak, tflops=tflops)


def prepare(case: Case) -> Callable[[int], object]:
    """What paints a batch for a seed."""
    pipe = build(case)
    if case.who == DIFFUSERS:
        return plain_diffusers(pipe, case)
    return imagen(pipe, case)


def build(case: Case) -> StableDiffusionXLPipeline:
    """In host memory: the miniature, or full size with random weights."""
    if case.is_tiny:
        return load_pipeline(MINIATURE, CPU)
    return _full_size(case)


def _full_size(case: Case) -> StableDiffusionXLPipeline:
    """Half precision; numbers of a size that lets the layers' outputs stay finite."""
    torch.manual_seed(0)
    noise = torch.randn(1 << 22).half()

    def fill(tensor: torch.Tensor) -> torch.Tensor:
        rows = -(-tensor.numel() // noise.numel())
        scale = 0.5 * (tensor[0].numel() if tensor.dim() > 1 else 1) ** -0.5
        values = noise.repeat(rows)[: tensor.numel()].view(tensor.shape) * scale
        return values if tensor.dim() > 1 else torch.ones_like(values)

    scheduler = TellingDPMSolver(**SCHEDULER)
    with torch.device("meta"):
        pipe = build_parts(scheduler)
    for part in (pipe.vae, pipe.unet, pipe.text_encoder, pipe.text_encoder_2, pipe.image_encoder):
        part.half().to_empty(device="cpu")
        for name, tensor in part.named_parameters():
            tensor.data = torch.zeros_like(tensor) if name.endswith("bias") else fill(tensor)
        for tensor in part.buffers():  # CLIP's position numbers
            tensor.data = torch.arange(tensor.numel()).view(tensor.shape)
        part.eval().requires_grad_(False)
    if case.plan:
        plan = plan_called(case.plan)
        store_narrow(pipe.unet, Placement(device="cuda", dtype=torch.float16, plan=plan))
    return add_adapter(pipe, lambda *shape: fill(torch.empty(shape)))


def plain_diffusers(
    pipe: StableDiffusionXLPipeline,
    case: Case,
) -> Callable[[int], object]:
    """As its documentation has it: everything on the device, prompts by the pipeline itself."""
    pipe.unload_ip_adapter()
    pipe.to(case.device)

    def paint(seed: int) -> object:
        with torch.inference_mode():
            return pipe(
                PROMPT,
                width=case.side,
                height=case.side,
                num_inference_steps=STEPS,
                num_images_per_prompt=case.batch,
                generator=torch.Generator("cpu").manual_seed(seed),
            ).images

    return paint


def imagen(
    pipe: StableDiffusionXLPipeline,
    case: Case,
) -> Callable[[int], object]:
    """The engine for one picture; for several its pipeline, since a job is one picture."""
    os.environ["IMAGEN_COMPILE"] = "1" if case.is_compiled else "0"
    placement = CPU
    if case.device == "cuda":
        placement = Placement(
            device="cuda",
            dtype=torch.float16,
            plan=plan_called(case.plan),
            memory_gib=case.cap_gib,
        )
    engine = Engine(profile=MINIATURE, pipe=pipe, placement=placement, fault=None)
    if case.batch == 1:
        return lambda seed: engine.generate(_request(case, seed), Nobody())
    return lambda seed: _batch(engine, case, seed)


def _request(case: Case, seed: int) -> GenerationRequest:

    return GenerationRequest(
        prompt=PROMPT,
        negative_prompt="",
        width=case.side,
        height=case.side,
        steps=STEPS,
        guidance_scale=5.0,
        seed=seed,
        ip_strength=0.0,
        profile="miniature",
    )


def _batch(engine: Engine, case: Case, seed: int) -> object:

    pipe, device = engine.pipe, engine.placement.device
    with torch.inference_mode():
        embeds = engine._prompts.encode(PROMPT, "")
        style = ReferenceEncoder(pipe, device).style_of(_request(case, seed), None)
        pipe.set_ip_adapter_scale(0.0)
        pair = style.image_embeds.repeat_interleave(case.batch, dim=0)
        return pipe(
            **{
                name: torch.cat([getattr(embeds, name)] * case.batch)
                for name in embeds.__dataclass_fields__
            },
            ip_adapter_image_embeds=[pair],
            width=case.side,
            height=case.side,
            num_inference_steps=STEPS,
            guidance_scale=5.0,
            generator=torch.Generator("cpu").manual_seed(seed),
        ).images


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _matrix_speed(case: Case) -> float:
    """TFLOP/s of half-precision products, the best of five runs of ten."""
    side = MATRIX if not case.cap_gib else MATRIX // 4
    one, other = (torch.randn(side, side, device="cuda").half() for _ in range(2))

    def multiply() -> None:
        for _ in range(10):
            torch.mm(one, other)
        torch.cuda.synchronize()

    multiply()
    return 10 * 2 * side**3 / min(_timed(multiply) for _ in range(5)) / 1e12
