"""Durations as people put them."""

import pytest
from django.utils import translation

from generation.templatetags.imagen import duration


def plain(words: str) -> str:
    assert " " not in words
    return words.replace("\N{NARROW NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    ("seconds", "nearest", "up"),
    [
        (0, "1 s", "1 s"),
        (0.4, "1 s", "1 s"),
        (12.4, "12 s", "13 s"),
        (19.9, "20 s", "20 s"),
        (42, "40 s", "45 s"),
        (58, "60 s", "60 s"),
        (94, "90 s", "100 s"),
        (118, "2 min", "2 min"),
        (150, "3 min", "3 min"),
        (149, "2 min", "3 min"),
        (25 * 60 + 1, "25 min", "30 min"),
        (3_599, "1 h", "1 h"),
        (4_210, "1 h 10 min", "1 h 20 min"),
        (36_000, "10 h", "10 h"),
        (50_000, "14 h", "14 h"),
        (200_000, "2 d", "3 d"),
    ],
)
def test_is_told_no_exacter_than_it_can_be_known(seconds: float, nearest: str, up: str) -> None:
    assert plain(duration(seconds)) == nearest
    assert plain(duration(seconds, "up")) == up


def test_unknown_one_is_a_dash() -> None:
    assert duration(None) == "\N{EN DASH}"


def test_french_days_are_their_own() -> None:
    with translation.override("fr"):
        assert plain(duration(200_000)) == "2 j"
        assert plain(duration(4_210)) == "1 h 10 min"
