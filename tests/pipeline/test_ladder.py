"""Memory that runs out is a state: tiles, then smaller plans, and the picture says what changed."""

import contextlib
import dataclasses
import io
from collections.abc import Iterator
from typing import NoReturn

import pytest
import torch
from diffusers import StableDiffusionXLPipeline
from PIL import Image

from generation.pipeline.engine import Engine
from generation.pipeline.loading import load_pipeline
from generation.pipeline.placement import CPU, Placement
from generation.spec.adjustments import SMALLER_PLAN, TILED_DECODE
from generation.spec.errors import DoesNotFit, ModelUnavailable, OutOfMemory
from generation.spec.faults import Fault, FaultKind
from generation.spec.picture import Picture
from generation.spec.plans import PLANS, MemoryPlan, plan_called
from generation.spec.profiles import MINIATURE
from tests.pipeline.claimed_device import claimed_gpu
from tests.pipeline.orders import QUICK, StepLog, quick_request

SHORTAGE = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


def on_card(plan: MemoryPlan, **changes: object) -> Placement:
    return Placement(device="cuda", dtype=torch.float32, plan=plan, **changes)


@pytest.fixture(autouse=True)
def own_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generation.pipeline.engine.lay_out", lambda _pipe, _placement: None)


@contextlib.contextmanager
def small_card(*chain: MemoryPlan, fault: Fault | None = None) -> Iterator[Engine]:
    """An engine by the first plan, on a card that is only claimed; for the others it reads
    pipelines that were prepared outside, where alone transformers can load them."""
    pipes = {plan: load_pipeline(MINIATURE, on_card(plan)) for plan in chain}
    with claimed_gpu():
        yield Engine(
            profile=MINIATURE,
            pipe=pipes[chain[0]],
            placement=on_card(chain[0]),
            fault=fault,
            read=lambda placement: pipes[placement.plan],
        )


def text_of(picture: Picture) -> str:
    text: str = Image.open(io.BytesIO(picture.file)).text["parameters"]
    return text


class Failing:
    """Lets a module's forward find no memory, as often as told."""

    def __init__(self, module: torch.nn.Module, times: int) -> None:
        self.left = times
        self.calls = 0
        self._handle = module.register_forward_pre_hook(self._fail)

    def _fail(self, *_call: object) -> None:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise SHORTAGE

    def remove(self) -> None:
        self._handle.remove()


def test_a_decode_that_finds_no_memory_is_done_again_in_tiles_without_repeating_the_steps(
    pipe: StableDiffusionXLPipeline, engine: Engine
) -> None:
    request = quick_request(width=264, height=256, steps=3)
    whole = engine.generate(request, StepLog())
    listener = StepLog()
    failing = Failing(pipe.vae.decoder, times=1)

    try:
        picture = engine.generate(request, listener)
    finally:
        failing.remove()

    assert [heard.step for heard in listener.heard] == [1, 2, 3]
    assert failing.calls == 1 + 4
    assert picture.adjustments == (TILED_DECODE,)
    assert picture.file != whole.file
    assert ", Decoder: in tiles, " in text_of(picture)
    assert "Decoder" not in text_of(whole)
    assert engine.generate(request, StepLog()) == whole


def test_steps_that_find_no_memory_are_done_again_by_the_next_plan_which_is_kept(
    engine: Engine,
) -> None:
    wanted = engine.generate(QUICK, StepLog())
    listener = StepLog()
    visiting, offload = plan_called("visiting"), plan_called("offload")

    with small_card(visiting, offload) as small:
        failing = Failing(small.pipe.unet, times=1)
        picture = small.generate(QUICK, listener)
        again = small.generate(QUICK, StepLog())

    assert failing.left == 0
    assert [heard.step for heard in listener.heard] == [1, 2, 3, 4]
    assert picture.adjustments == (SMALLER_PLAN,)
    assert picture.file == wanted.file
    assert again.file == wanted.file
    assert again.adjustments == ()
    assert small.placement.plan == offload


def test_latents_outlive_a_change_of_plan_in_the_decode() -> None:
    listener = StepLog()
    visiting, offload = plan_called("visiting"), plan_called("offload")

    with small_card(visiting, offload) as small:
        Failing(small.pipe.vae.decoder, times=2)
        picture = small.generate(QUICK, listener)

    assert [heard.step for heard in listener.heard] == [1, 2, 3, 4]
    assert picture.adjustments == (TILED_DECODE, SMALLER_PLAN)
    assert Image.open(io.BytesIO(picture.file)).size == (64, 64)


def test_where_no_plan_suffices_the_shortage_comes_out_and_the_engine_stays_usable() -> None:
    fault = Fault(kind=FaultKind.OUT_OF_MEMORY, step=2)
    listener = StepLog()

    with small_card(*PLANS, fault=fault) as small:
        with pytest.raises(OutOfMemory):
            small.generate(QUICK, listener)
        spared = small.generate(quick_request(steps=1), StepLog())

    assert [heard.step for heard in listener.heard] == [1, 2] * len(PLANS)
    assert small.placement.plan == PLANS[-1]
    assert spared.width == 64


def test_a_plan_that_finds_no_memory_to_load_is_passed_over_for_the_next() -> None:
    visiting, offload, fp8 = map(plan_called, ("visiting", "offload", "fp8"))

    with small_card(visiting, offload, fp8) as small:
        read, shortages = small._read, [SHORTAGE]
        small._read = lambda placement: _raise(shortages.pop()) if shortages else read(placement)
        Failing(small.pipe.unet, times=1)
        picture = small.generate(QUICK, StepLog())

    assert not shortages
    assert small.placement.plan == fp8
    assert picture.adjustments == (SMALLER_PLAN,)


def test_a_model_that_cannot_be_read_again_is_read_for_the_next_picture() -> None:
    visiting, offload = plan_called("visiting"), plan_called("offload")
    gone = ModelUnavailable("a file is gone")

    with small_card(visiting, offload) as small:
        read, errors = small._read, [gone]
        small._read = lambda placement: _raise(errors.pop()) if errors else read(placement)
        Failing(small.pipe.unet, times=1)
        with pytest.raises(ModelUnavailable) as caught:
            small.generate(QUICK, StepLog())
        assert caught.value is gone
        assert small.generate(QUICK, StepLog()).width == 64


def _raise(error: Exception) -> NoReturn:
    raise error


def test_a_size_the_card_has_no_room_for_is_refused_before_it_starts(
    pipe: StableDiffusionXLPipeline,
) -> None:
    tight = dataclasses.replace(CPU, plan=plan_called("offload"), memory_gib=7.0)
    engine = Engine(profile=MINIATURE, pipe=pipe, placement=CPU, fault=None)
    engine._placement = tight
    listener = StepLog()

    with pytest.raises(
        DoesNotFit, match=r"2048 x 2048 .* plan offload.* 7\.0 GiB free\. 512 x 512"
    ):
        engine.generate(quick_request(width=2048, height=2048), listener)

    assert listener.heard == []


def test_a_warm_up_paints_on_a_card_alone(pipe: StableDiffusionXLPipeline, engine: Engine) -> None:
    resting = Failing(pipe.unet, times=0)
    engine.warm_up()
    resting.remove()
    with small_card(plan_called("visiting")) as small:
        working = Failing(small.pipe.unet, times=0)
        small.warm_up()

    assert resting.calls == 0
    assert working.calls == 2
