"""A size that no card has room for is refused before it becomes a job."""

import dataclasses
from datetime import timedelta
from pathlib import Path

import pytest
from django.db.models.functions import Now

from generation import conf
from generation.jobs import room
from generation.models import Worker
from generation.spec.errors import InvalidRequest
from generation.spec.profiles import sdxl
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def large_model(monkeypatch, tmp_path: Path) -> None:
    """SDXL can be asked for, wherever its weights are."""
    monkeypatch.setattr(conf, "profiles", lambda: {"sdxl": sdxl(tmp_path)})


def order(side: int = 2048, **changes: object):
    request = factories.make_request(width=512, height=512)
    return dataclasses.replace(request, profile="sdxl", width=side, height=side, **changes)


def worker(plan: str, memory_gib: float) -> Worker:
    made = factories.living_worker(f"host/{plan}-{memory_gib}")
    values = {"profiles": ["miniature", "sdxl"], "memory_plan": plan, "memory_gib": memory_gib}
    Worker.objects.filter(pk=made.pk).update(**values)
    return made


def is_refused(request) -> bool:
    try:
        room.require_room(request)
    except InvalidRequest:
        return True
    return False


def test_a_size_that_no_card_holds_is_refused_with_one_that_fits() -> None:
    worker("offload", 7.0)
    worker("streamed", 3.2)

    with pytest.raises(InvalidRequest) as caught:
        room.require_room(order(2048))

    (error,) = caught.value.errors
    assert error.field == "width"
    assert "2048 x 2048" in str(error)
    side = error.params["side"]
    assert not is_refused(order(side))
    assert is_refused(order(side + 64))


def test_one_card_with_room_is_enough() -> None:
    worker("offload", 7.0)
    worker("visiting", 10.4)

    assert not is_refused(order(2048))


def test_a_reference_counts_the_encoder_that_must_look_at_it() -> None:
    worker("visiting", 9.0)

    assert not is_refused(order(1024))
    assert is_refused(order(1024, ip_strength=0.5))


@pytest.mark.parametrize(
    "changes",
    [
        {"memory_plan": "", "memory_gib": 0},
        {"stopped_at": Now()},
        {"seen_at": Now() - timedelta(minutes=5)},
        {"profiles": ["miniature"]},
    ],
    ids=["card unknown", "stopped", "quiet", "other profiles"],
)
def test_who_has_not_told_or_is_not_there_refuses_nothing(changes: dict[str, object]) -> None:
    made = worker("offload", 7.0)
    Worker.objects.filter(pk=made.pk).update(**changes)

    assert not is_refused(order(2048))


def test_a_worker_with_an_unknown_card_may_have_room() -> None:
    worker("offload", 7.0)
    worker("", 0.0)

    assert not is_refused(order(2048))


def test_a_plan_of_another_release_may_have_room() -> None:
    worker("of-tomorrow", 7.0)

    assert not is_refused(order(2048))


def test_a_card_with_room_for_nothing_names_the_setting_instead_of_a_size() -> None:
    worker("resident", 6.0)

    with pytest.raises(InvalidRequest, match="IMAGEN_MEMORY_PLAN"):
        room.require_room(order(1024))


def test_a_profile_of_the_cpu_asks_nobody(django_assert_num_queries, monkeypatch) -> None:
    small = dataclasses.replace(conf.profiles()["sdxl"], device="cpu")
    monkeypatch.setattr(conf, "profiles", lambda: {"sdxl": small})
    with django_assert_num_queries(0):
        room.require_room(order(2048))
