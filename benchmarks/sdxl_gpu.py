"""How fast and how small SDXL is here, beside plain diffusers: `python benchmarks/sdxl_gpu.py`.

Builds SDXL base 1.0 in full size from its configuration, with random weights and without any
download, and measures each case in a process of its own: seconds a picture (the median), the peak
of memory, and the share of the floor, which is the arithmetic of a picture at the card's measured
speed of multiplying half-precision matrices. A plan is measured with as much memory as its card
would have free.

--tiny --device cpu measures the embedded miniature instead, in a minute, to see that all of it
runs; what needs a card is then listed as not measured. Ends with 1 where a goal is missed.
"""

import argparse
import json
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

STEPS = 30
TFLOP = {1024: 416.2, 1536: 1058.0, 2048: 2204.0}
"""Of a picture of 30 guided steps and its decode, by the side; counted from the layers' shapes."""
DIFFUSERS, IMAGEN = "diffusers", "imagen"
MATRIX = 8192
CHILD_LIMIT_S = 1800
PROMPT = "a castle on a hill at noon, oil painting, thick brush strokes"
GOALS: Sequence[tuple[str, str]] = (
    ("speed", "1.25 times plain diffusers at batch 1 at least, 1.7 times aimed at"),
    ("floor", "55 % of the floor at batch 8"),
    ("memory", "the plan visiting: 1024 within 8.2 GiB, 1536 within 7 GiB"),
)


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


def all_cases(options: argparse.Namespace) -> list[Case]:
    """In the order of the table."""
    if options.tiny:
        common = {"device": options.device, "is_tiny": True, "rounds": options.rounds}
        return [
            Case(who=who, side=side, batch=batch, plan="cpu" if who == IMAGEN else "", **common)
            for side, batch in ((64, 1), (64, 2), (96, 1))
            for who in (DIFFUSERS, IMAGEN)
        ]
    common = {"device": options.device, "rounds": options.rounds}
    cases = [
        Case(who=who, side=side, batch=batch, plan=plan, is_compiled=is_compiled, **common)
        for side in (1024, 1536)
        for batch in (1, 4, 8)
        for who, plan, is_compiled in (
            (DIFFUSERS, "", False),
            (IMAGEN, "resident", False),
            (IMAGEN, "resident", True),
        )
    ]
    capped = (("visiting", 10.4), ("offload", 7.4), ("fp8", 5.4), ("streamed", 3.5))
    return cases + [
        Case(who=IMAGEN, side=side, plan=plan, cap_gib=cap, **common)
        for plan, cap in capped
        for side in (1024, 1536)
    ]


# In the child


def measure(case: Case) -> Measure:
    """Build, warm up, and paint; a shortage of memory is a result too."""
    import torch

    from generation.pipeline.memory import is_shortage

    if case.cap_gib:
        _free, total = torch.cuda.mem_get_info()
        torch.cuda.set_per_process_memory_fraction(min(1.0, case.cap_gib * (1 << 30) / total))
    tflops = _matrix_speed(case) if case.device == "cuda" else 0.0
    try:
        paint = prepare(case)
        paint(0)
        seconds = [_timed(lambda seed=seed: paint(seed)) for seed in range(1, 1 + case.rounds)]
    except Exception as error:
        if not is_shortage(error) and type(error).__name__ != "OutOfMemory":
            raise
        return Measure(tflops=tflops, problem="out of memory")
    peak = torch.cuda.max_memory_allocated() / (1 << 30) if case.device == "cuda" else 0.0
    return Measure(seconds=statistics.median(seconds) / case.batch, peak_gib=peak, tflops=tflops)


def prepare(case: Case) -> Callable[[int], object]:
    """What paints a batch for a seed."""
    pipe = build(case)
    if case.who == DIFFUSERS:
        return plain_diffusers(pipe, case)
    return imagen(pipe, case)


def build(case: Case) -> "StableDiffusionXLPipeline":  # noqa: F821
    """In host memory: the miniature, or full size with random weights."""
    from generation.pipeline.loading import load_pipeline
    from generation.pipeline.placement import CPU
    from generation.spec.profiles import MINIATURE

    if case.is_tiny:
        return load_pipeline(MINIATURE, CPU)
    return _full_size(case)


def _full_size(case: Case) -> "StableDiffusionXLPipeline":  # noqa: F821
    """Half precision; numbers of a size that lets the layers' outputs stay finite."""
    import torch

    from benchmarks.sdxl_parts import SCHEDULER, add_adapter, build_parts
    from generation.pipeline.placement import Placement, store_narrow
    from generation.pipeline.schedulers import TellingDPMSolver
    from generation.spec.plans import plan_called

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
    pipe: "StableDiffusionXLPipeline",  # noqa: F821
    case: Case,
) -> Callable[[int], object]:
    """As its documentation has it: everything on the device, prompts by the pipeline itself."""
    import torch

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
    pipe: "StableDiffusionXLPipeline",  # noqa: F821
    case: Case,
) -> Callable[[int], object]:
    """The engine for one picture; for several its pipeline, since a job is one picture."""
    import os

    import torch

    from generation.pipeline.engine import Engine
    from generation.pipeline.placement import CPU, Placement
    from generation.spec.plans import plan_called
    from generation.spec.profiles import MINIATURE

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
        return lambda seed: engine.generate(_request(case, seed), _Deaf())
    return lambda seed: _batch(engine, case, seed)


def _request(case: Case, seed: int) -> "GenerationRequest":  # noqa: F821
    from generation.spec.request import GenerationRequest

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


def _batch(engine: "Engine", case: Case, seed: int) -> object:  # noqa: F821
    import torch

    from generation.pipeline.reference import ReferenceEncoder

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


class _Deaf:
    """Nobody follows."""

    def on_step(self, _progress: object) -> None:
        pass

    def check(self) -> None:
        pass


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _matrix_speed(case: Case) -> float:
    """TFLOP/s of half-precision products, the best of five runs of ten."""
    import torch

    side = MATRIX if not case.cap_gib else MATRIX // 4
    one, other = (torch.randn(side, side, device="cuda").half() for _ in range(2))

    def multiply() -> None:
        for _ in range(10):
            torch.mm(one, other)
        torch.cuda.synchronize()

    multiply()
    return 10 * 2 * side**3 / min(_timed(multiply) for _ in range(5)) / 1e12


# In the parent


def run_apart(case: Case) -> Measure:
    """The case in a process of its own, so that nothing of another one is left on the card."""
    done = subprocess.run(
        [sys.executable, __file__, "--case", json.dumps(asdict(case))],
        capture_output=True,
        text=True,
        timeout=CHILD_LIMIT_S,
        check=False,
    )
    if done.returncode != 0:
        sys.exit(f"{case} broke off:\n{done.stderr[-3000:]}")
    return Measure(**json.loads(done.stdout.splitlines()[-1]))


def row(case: Case, measure: Measure | None, card_tflops: float) -> list[str]:
    """One line of the table."""
    name = "plain diffusers" if case.who == DIFFUSERS else f"Imagen, {case.plan}"
    cells = [name + (", compiled" if case.is_compiled else ""), str(case.side), str(case.batch)]
    cells.append(f"{case.cap_gib:g}" if case.cap_gib else "-")
    if measure is None:
        return [*cells, "not measured", "not measured", "-"]
    if measure.problem:
        return [*cells, measure.problem, "-", "-"]
    floor = TFLOP.get(case.side, 0.0) / card_tflops if card_tflops else 0.0
    share = f"{floor / measure.seconds:.0%}" if floor and not case.is_tiny else "-"
    peak = f"{measure.peak_gib:.1f}" if measure.peak_gib else "-"
    return [*cells, f"{measure.seconds:.2f}", peak, share]


HEADER = ["who", "side", "batch", "cap, GiB", "s a picture", "peak, GiB", "of the floor"]


def table(rows: Sequence[Sequence[str]]) -> str:
    """In Markdown, aligned."""
    lines = [HEADER, *rows]
    widths = [max(len(line[index]) for line in lines) for index in range(len(HEADER))]
    text = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def judge_goals(found: dict[Case, Measure]) -> list[tuple[str, bool | None]]:
    """Each goal with what was found; None where it was not measured."""
    by = {(case.who, case.plan, case.side, case.batch, case.is_compiled): one
          for case, one in found.items() if not case.is_tiny}  # fmt: skip
    told: list[tuple[str, bool | None]] = []
    plain, ours = (
        by.get((DIFFUSERS, "", 1024, 1, False)),
        by.get((IMAGEN, "resident", 1024, 1, True)),
    )
    if plain and ours and plain.seconds and ours.seconds:
        times = plain.seconds / ours.seconds
        told.append((f"{GOALS[0][1]}: {times:.2f} times", times >= 1.25))
    else:
        told.append((f"{GOALS[0][1]}: not measured", None))
    full = by.get((IMAGEN, "resident", 1024, 8, True))
    if full and full.seconds and full.tflops:
        share = TFLOP[1024] / full.tflops / full.seconds
        told.append((f"{GOALS[1][1]}: {share:.0%}", share >= 0.55))
    else:
        told.append((f"{GOALS[1][1]}: not measured", None))
    peaks = [by.get((IMAGEN, "visiting", side, 1, False)) for side in (1024, 1536)]
    if all(one and one.peak_gib for one in peaks):
        small, large = (one.peak_gib for one in peaks)
        is_met = small <= 8.2 and large <= 7.0
        told.append((f"{GOALS[2][1]}: {small:.1f} and {large:.1f} GiB", is_met))
    else:
        told.append((f"{GOALS[2][1]}: not measured", None))
    return told


def describe(device: str) -> list[str]:
    """What it was measured on, and when."""
    import diffusers
    import torch

    name = torch.cuda.get_device_name() if device == "cuda" else f"CPU, {platform.machine()}"
    return [
        f"{name}; {datetime.now(UTC):%Y-%m-%d}",
        f"torch {torch.__version__}, diffusers {diffusers.__version__}, Python"
        f" {platform.python_version()}; {STEPS} steps",
    ]


def main() -> None:
    """Measure what was asked for, print the table, and judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="the embedded miniature instead")
    parser.add_argument("--rounds", type=int, default=5, help="of each case, after a warm-up")
    parser.add_argument("--only", default="", help="cases whose line holds this text")
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the table there")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(asdict(measure(Case(**json.loads(options.case))))))
        return
    if options.device == "cpu" and not options.tiny:
        parser.error("SDXL in full size takes a CPU an hour a picture: add --tiny.")
    import torch

    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("torch sees no CUDA device. --tiny --device cpu runs without one.")
    found: dict[Case, Measure] = {}
    rows = []
    for case in all_cases(options):
        if options.only not in " ".join(row(case, None, 0)):
            continue
        found[case] = run_apart(case)
        rows.append(row(case, found[case], max(one.tflops for one in found.values())))
        print("  ".join(rows[-1]), file=sys.stderr, flush=True)
    if options.tiny:
        options.tiny, options.device = False, "cuda"
        rows += [row(case, None, 0) for case in all_cases(options)]
        options.device = "cpu"
    goals = judge_goals(found)
    text = "\n".join(
        [*describe(options.device), "", table(rows), "", *(f"* {line}" for line, _met in goals)]
    )
    print(text)
    if options.write:
        options.write.parent.mkdir(parents=True, exist_ok=True)
        options.write.write_text(f"# SDXL's speed and memory\n\n{text}\n", encoding="utf-8")
    sys.exit(any(is_met is False for _line, is_met in goals))


if __name__ == "__main__":
    main()
