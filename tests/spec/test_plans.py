"""Memory plans: what each is expected to take, and which card gets which."""

import pytest

from generation.spec.plans import (
    CPU,
    PLANS,
    RESERVED_GIB,
    MemoryPlan,
    choose_plan,
    plan_called,
    smaller_plan,
)


@pytest.mark.parametrize(
    ("name", "side", "expected_gib"),
    [
        ("resident", 1024, 13.1),
        ("resident", 1536, 16.3),
        ("on-demand", 1024, 9.7),
        ("on-demand", 1536, 8.3),
        ("visiting", 1024, 8.1),
        ("visiting", 1536, 6.8),
        ("offload", 1024, 6.0),
        ("offload", 1536, 6.6),
        ("fp8", 1024, 3.6),
        ("fp8", 1536, 4.2),
        ("streamed", 1024, 2.3),
        ("streamed", 1536, 2.3),
    ],
)
def test_a_plan_expects_what_its_weights_and_activations_take(
    name: str, side: int, expected_gib: float
) -> None:
    assert plan_called(name).peak_gib(side, side) == pytest.approx(expected_gib, abs=0.1)


def test_a_new_reference_costs_the_image_encoder_while_it_looks() -> None:
    visiting = plan_called("visiting")

    assert visiting.peak_gib(1024, 1024, has_reference=True) == pytest.approx(9.0, abs=0.1)
    assert visiting.peak_gib(1024, 1024) < 8.2


def test_the_image_encoder_on_the_cpu_costs_the_card_nothing() -> None:
    streamed = plan_called("streamed")

    with_reference = streamed.peak_gib(512, 512, has_reference=True)
    assert with_reference == streamed.peak_gib(512, 512)


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.name)
def test_a_card_just_large_enough_for_a_plan_paints_sdxl_s_own_size_with_a_reference(
    plan: MemoryPlan,
) -> None:
    assert plan.peak_gib(1024, 1024, has_reference=True) + RESERVED_GIB <= plan.least_gib


@pytest.mark.parametrize(
    ("free_gib", "name"),
    [
        (80.0, "resident"),
        (19.9, "on-demand"),
        (10.4, "visiting"),
        (9.7, "offload"),
        (3.5, "streamed"),
    ],
)
def test_the_first_plan_that_the_memory_suffices_for_is_chosen(free_gib: float, name: str) -> None:
    assert choose_plan(free_gib) == plan_called(name)


def test_a_card_that_is_too_small_gets_none() -> None:
    assert choose_plan(3.1) is None


def test_plans_get_smaller_until_there_is_none() -> None:
    chain = [PLANS[0]]
    while (plan := smaller_plan(chain[-1])) is not None:
        chain.append(plan)

    assert tuple(chain) == PLANS
    assert smaller_plan(CPU) is None
    peaks = [plan.peak_gib(1024, 1024) for plan in chain]
    assert peaks == sorted(peaks, reverse=True)


def test_large_pictures_are_decoded_in_tiles_and_small_ones_in_one() -> None:
    visiting = plan_called("visiting")

    assert not visiting.tiles(1024, 1024)
    assert visiting.tiles(1024, 1032)
    assert not CPU.tiles(8192, 8192)


def test_the_largest_side_is_one_that_fits_and_the_next_one_does_not() -> None:
    offload = plan_called("offload")

    side = offload.largest_side(7.4, 2048)

    assert side % 64 == 0
    assert offload.peak_gib(side, side) + RESERVED_GIB <= 7.4
    assert offload.peak_gib(side + 64, side + 64) + RESERVED_GIB > 7.4


def test_where_nothing_fits_the_largest_side_is_zero() -> None:
    assert plan_called("resident").largest_side(8.0, 2048) == 0


def test_the_cpu_s_memory_is_not_counted() -> None:
    assert CPU.peak_gib(2048, 2048, has_reference=True) == 0
