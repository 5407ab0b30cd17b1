"""Durations come from what was measured, and say how much they can be trusted."""

from datetime import timedelta

import pytest
from django.utils import timezone

from generation.jobs.durations import Durations, forget_old_kinds, read_durations
from generation.jobs.kinds import Kind
from generation.models import PaintingTime
from tests import factories


def kind(side: int = 256, steps: int = 30, profile: str = "miniature", **more: bool) -> Kind:
    return Kind(
        profile=profile,
        width=side,
        height=side,
        steps=steps,
        has_reference=more.get("has_reference", False),
    )


def test_kind_with_three_samples_speaks_for_itself() -> None:
    durations = Durations({kind(): [4.0, 2.0, 3.0], kind(steps=60): [100.0] * 9})
    assert durations.of(kind()).median_s == 3.0


def test_profile_that_never_painted_has_no_duration() -> None:
    durations = Durations({kind(): [2.0] * 9})
    assert durations.of(kind(profile="sdxl")) is None


def test_one_cold_start_hardly_lifts_the_mean() -> None:
    durations = Durations({kind(): [2.0] * 31 + [40.0]})
    assert durations.of(kind()).mean_s == pytest.approx(2.0)


def test_few_samples_are_trusted_less() -> None:
    few = Durations({kind(): [2.0, 3.0, 4.0]}).of(kind())
    many = Durations({kind(): [2.0, 3.0, 4.0] * 10}).of(kind())
    assert few.spread_s > 1.5 * many.spread_s
    assert few.doubt_s > 3 * many.doubt_s


class TestReckoned:
    def test_lies_on_the_line_through_other_kinds(self) -> None:
        durations = Durations({kind(steps=10): [3.0] * 5, kind(steps=30): [5.0] * 5})
        assert durations.of(kind(steps=20)).median_s == pytest.approx(4.0)
        assert durations.of(kind(steps=40)).median_s == pytest.approx(6.0)

    def test_is_proportional_to_the_only_kind(self) -> None:
        durations = Durations({kind(steps=10): [3.0] * 5})
        assert durations.of(kind(side=512, steps=10)).median_s == pytest.approx(12.0)

    def test_never_falls_as_work_grows(self) -> None:
        durations = Durations({kind(steps=10): [5.0] * 5, kind(steps=30): [3.0] * 5})
        assert durations.of(kind(steps=60)).median_s == pytest.approx(4.0)

    def test_one_odd_kind_does_not_bend_the_line(self) -> None:
        samples = {kind(steps=steps): [steps / 10] * 5 for steps in range(10, 100, 10)}
        durations = Durations(samples | {kind(steps=55): [300.0] * 5})
        assert durations.of(kind(steps=45)).median_s == pytest.approx(4.5, rel=0.1)

    def test_is_trusted_less_the_farther_it_lies(self) -> None:
        durations = Durations({kind(steps=10): [3.0] * 30})
        doubts = [
            durations.of(kind(steps=steps)).doubt_s / durations.of(kind(steps=steps)).median_s
            for steps in (10, 11, 20, 100)
        ]
        assert doubts == sorted(doubts)
        assert doubts[1] > 2 * doubts[0]

    def test_prefers_pictures_with_the_same_use_of_the_adapter(self) -> None:
        with_reference = kind(steps=10, has_reference=True)
        durations = Durations({kind(steps=10): [3.0] * 5, with_reference: [6.0] * 5})
        assert durations.of(kind(steps=20, has_reference=True)).median_s == pytest.approx(12.0)

    def test_takes_the_other_use_of_the_adapter_with_more_doubt(self) -> None:
        durations = Durations({kind(steps=10): [3.0] * 5})
        like = durations.of(kind(steps=10, has_reference=True))
        assert like.median_s == pytest.approx(3.0)
        assert like.doubt_s > 1.0


@pytest.mark.django_db
def test_finished_picture_is_measured() -> None:
    factories.succeeded_job()
    row = PaintingTime.objects.get()
    row.seconds = [2.0] * 3
    row.save()
    durations = read_durations(["miniature"])
    assert durations.of(kind()).median_s == 2.0
    assert read_durations(["sdxl"]).of(kind()) is None


@pytest.mark.django_db
def test_kinds_that_were_not_painted_for_long_are_forgotten(monkeypatch) -> None:
    """A user with a thousand sizes must not slow everybody's estimate."""
    monkeypatch.setattr(PaintingTime, "KINDS", 2)
    for number in range(4):
        for profile in ("miniature", "sdxl"):
            PaintingTime.objects.create(
                profile=profile,
                width=64,
                height=64,
                steps=number + 1,
                has_reference=False,
                seconds=[1.0],
                updated_at=timezone.now() - timedelta(days=number),
            )
    assert forget_old_kinds() == 4
    assert set(PaintingTime.objects.values_list("profile", "steps")) == {
        ("miniature", 1),
        ("miniature", 2),
        ("sdxl", 1),
        ("sdxl", 2),
    }
