"""What makes a card quicker changes no picture beyond rounding."""

import dataclasses
import hashlib
import io

import numpy as np
import pytest
import torch
from PIL import Image

from generation.pipeline import speed
from generation.pipeline.engine import Engine
from generation.pipeline.interruption import interruptible
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU, Placement
from generation.spec.errors import StopGeneration
from generation.spec.plans import PLANS, MemoryPlan, plan_called
from generation.spec.profiles import MINIATURE
from tests.pipeline.claimed_device import claimed_gpu
from tests.pipeline.orders import QUICK, StepLog, quick_request
from tests.pipeline.test_interruption import StopAtCheck


def on_card(name: str) -> Placement:
    return Placement(device="cuda", dtype=torch.float32, plan=plan_called(name))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)), dtype=float)


def red_reference() -> tuple[bytes, str]:
    file = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(file, format="PNG")
    return file.getvalue(), hashlib.sha256(file.getvalue()).hexdigest()


@pytest.mark.parametrize(
    "plan", [plan for plan in PLANS if plan.unet != "fp8"], ids=lambda plan: plan.name
)
def test_channels_last_changes_no_more_than_the_last_bit(plan: MemoryPlan, engine: Engine) -> None:
    request = quick_request(guidance_scale=1.0, steps=2)
    placement = dataclasses.replace(on_card("offload"), plan=plan)
    pipe = load_pipeline(MINIATURE, placement)

    with claimed_gpu():
        on_gpu = Engine(profile=MINIATURE, pipe=pipe, placement=placement, fault=None)
        painted = on_gpu.generate(request, StepLog()).file

    weight = pipe.unet.conv_in.weight
    assert weight.is_contiguous(memory_format=torch.channels_last)
    differences = np.abs(pixels(painted) - pixels(engine.generate(request, StepLog()).file))
    assert differences.max() <= 1


def test_the_cpu_keeps_torch_s_own_layout() -> None:
    pipe = load_pipeline(MINIATURE, CPU)
    speed.lay_out(pipe, CPU)

    assert pipe.unet.conv_in.weight.is_contiguous()
    assert not pipe.unet.conv_in.weight.is_contiguous(memory_format=torch.channels_last)


@pytest.fixture
def recent_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    monkeypatch.setattr(speed.importlib.util, "find_spec", lambda name: name == "triton")
    monkeypatch.setattr(
        speed.shutil, "which", lambda name: "/usr/bin/gcc" if name == "gcc" else None
    )
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv(speed.COMPILE_VARIABLE, raising=False)


@pytest.mark.parametrize(
    ("name", "is_worth"),
    [
        ("resident", True),
        ("on-demand", True),
        ("visiting", True),
        ("offload", False),
        ("fp8", False),
        ("streamed", False),
    ],
)
def test_a_unet_that_stays_on_the_card_is_compiled(
    recent_card: None, name: str, is_worth: bool
) -> None:
    assert speed.is_worth_compiling(on_card(name)) is is_worth


def test_nothing_is_compiled_on_a_cpu_an_old_card_or_where_the_operator_does_not_want_it(
    recent_card: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not speed.is_worth_compiling(CPU)
    with monkeypatch.context() as bare:
        bare.setattr(speed.shutil, "which", lambda _name: None)
        assert not speed.is_worth_compiling(on_card("resident"))
    monkeypatch.setenv(speed.COMPILE_VARIABLE, "0")
    assert not speed.is_worth_compiling(on_card("resident"))
    monkeypatch.setenv(speed.COMPILE_VARIABLE, "auto")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    assert not speed.is_worth_compiling(on_card("resident"))
    monkeypatch.setenv(speed.COMPILE_VARIABLE, "1")
    assert speed.is_worth_compiling(on_card("resident"))


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Blocks traced and run by torch's own backend, which changes no number."""
    monkeypatch.setattr(speed, "is_worth_compiling", lambda _placement: True)
    pipe = load_pipeline(MINIATURE, CPU)
    compile_blocks = speed.compile_blocks
    monkeypatch.setattr(
        "generation.pipeline.engine.compile_blocks",
        lambda pipe, placement: compile_blocks(pipe, placement, backend="aot_eager"),
    )
    return Engine(profile=MINIATURE, pipe=pipe, placement=CPU, fault=None)


def test_compiled_blocks_paint_the_same_picture_with_weights_long_prompts_and_a_reference(
    compiled: Engine, engine: Engine
) -> None:
    reference, digest = red_reference()
    styled = {"ip_strength": 0.6, "reference": digest}
    for changes in (
        {},
        {"prompt": "a castle on a hill at noon " * 12},
        styled,
        {**styled, "ip_strength": 0.3, "guidance_scale": 1.0, "prompt": "a (castle)1.4"},
    ):
        request = quick_request(steps=2, **changes)
        painted = compiled.generate(request, StepLog(), reference).file
        wanted = engine.generate(request, StepLog(), reference).file
        assert np.abs(pixels(painted) - pixels(wanted)).max() <= 1, changes


def test_a_stop_within_a_step_reaches_between_compiled_blocks(compiled: Engine) -> None:
    before = compiled.generate(QUICK, StepLog())
    listener = StopAtCheck(at=12)

    with pytest.raises(StopGeneration):
        compiled.generate(quick_request(seed=8), listener)

    assert listener.left == 0
    assert listener.steps < QUICK.steps
    assert compiled.generate(QUICK, StepLog()) == before


def test_compiled_blocks_are_not_hooked(compiled: Engine) -> None:
    """A hook would be compiled with them, and again with each other one."""
    blocks = [one for one in compiled.pipe.unet.modules() if one._compiled_call_impl is not None]

    with interruptible(compiled.pipe, lambda: None):
        hooked = [block for block in blocks if block._forward_pre_hooks]

    assert len(blocks) >= 3
    assert hooked == []


def test_compiled_kernels_are_kept_where_the_operator_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv(speed.CACHE_VARIABLE, "restored afterwards")
    monkeypatch.delenv(speed.CACHE_VARIABLE)
    speed.keep_compiled(tmp_path / "here")
    assert speed.os.environ[speed.CACHE_VARIABLE] == str(tmp_path / "here")
    speed.keep_compiled(tmp_path / "there")
    assert speed.os.environ[speed.CACHE_VARIABLE] == str(tmp_path / "here")


def test_attention_is_torch_s_fused_one_with_and_without_a_reference(engine: Engine) -> None:
    processors = engine.pipe.unet.attn_processors
    kinds = (
        {type(processor).__name__ for name, processor in processors.items() if "attn1" in name},
        {type(processor).__name__ for name, processor in processors.items() if "attn2" in name},
    )

    assert kinds == ({"AttnProcessor2_0"}, {"IPAdapterAttnProcessor2_0"})


def test_both_halves_of_guidance_are_one_batch(engine: Engine) -> None:
    rows: list[int] = []
    handle = engine.pipe.unet.register_forward_pre_hook(
        lambda _unet, inputs: rows.append(len(inputs[0]))
    )
    try:
        engine.generate(quick_request(steps=2), StepLog())
        engine.generate(quick_request(steps=1, guidance_scale=1.0), StepLog())
    finally:
        handle.remove()

    assert rows == [2, 2, 1]
