"""Which device, precision and plan are chosen, by what the card has free."""

import dataclasses
from collections.abc import Callable

import pytest
import torch

from generation.pipeline.placement import CPU, Placement, choose_placement
from generation.spec.errors import ModelUnavailable, OutOfMemory
from generation.spec.plans import GIB, plan_called
from generation.spec.profiles import MINIATURE


@pytest.fixture
def freed(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Grows each time the GPU's free memory is given back."""
    calls: list[None] = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append(None))
    return calls


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A card with so many GiB free, as torch would tell it."""

    def have(free_gib: float) -> None:
        told = (int(free_gib * GIB), int(free_gib * GIB))
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: told)

    return have


ANY_CARD = dataclasses.replace(MINIATURE, device="auto")


@pytest.mark.parametrize(
    ("free_gib", "plan"),
    [
        (138.0, "resident"),
        (23.5, "resident"),
        (15.4, "on-demand"),
        (10.4, "visiting"),
        (7.4, "offload"),
        (5.4, "fp8"),
        (3.5, "streamed"),
    ],
)
def test_the_plan_goes_by_the_memory_that_is_free(
    card: Callable[[float], None], free_gib: float, plan: str
) -> None:
    card(free_gib)

    placement = choose_placement(ANY_CARD)

    assert (placement.device, placement.dtype) == ("cuda", torch.float16)
    assert placement.plan.name == plan
    assert placement.memory_gib == pytest.approx(free_gib, abs=0.01)


def test_a_plan_that_is_named_is_taken_whatever_is_free(card: Callable[[float], None]) -> None:
    card(23.5)

    assert choose_placement(ANY_CARD, "fp8").plan.name == "fp8"
    assert choose_placement(ANY_CARD, "cpu") == CPU
    assert choose_placement(MINIATURE, "fp8") == CPU


def test_a_card_too_small_for_any_plan_is_refused_with_a_way_out(
    card: Callable[[float], None],
) -> None:
    card(2.0)

    with pytest.raises(ModelUnavailable, match=r"2\.0 GiB free.*3\.2 GiB.*IMAGEN_MEMORY_PLAN=cpu"):
        choose_placement(ANY_CARD)


def test_a_card_that_others_fill_for_now_is_a_shortage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2 * GIB, 11 * GIB))

    with pytest.raises(OutOfMemory, match=r"2\.0 GiB free"):
        choose_placement(ANY_CARD)


def test_memory_that_torch_keeps_of_another_model_is_given_back_before_it_is_counted(
    card: Callable[[float], None], freed: list[None], monkeypatch: pytest.MonkeyPatch
) -> None:
    card(23.5)
    counted_after: list[int] = []
    told = torch.cuda.mem_get_info()
    monkeypatch.setattr(
        torch.cuda, "mem_get_info", lambda: counted_after.append(len(freed)) or told
    )

    choose_placement(ANY_CARD)

    assert counted_after == [1]


def test_what_works_at_home_works_in_full_precision() -> None:
    streamed = Placement(device="cuda", dtype=torch.float16, plan=plan_called("streamed"))

    assert streamed.dtype_of("image_encoder") == torch.float32
    assert streamed.device_of("image_encoder") == "cpu"
    assert streamed.dtype_of("unet") == torch.float16


def test_without_a_card_the_cpu_paints_and_a_card_s_plan_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert choose_placement(ANY_CARD) == CPU
    with pytest.raises(ModelUnavailable, match="IMAGEN_MEMORY_PLAN is visiting, but torch sees no"):
        choose_placement(ANY_CARD, "visiting")
