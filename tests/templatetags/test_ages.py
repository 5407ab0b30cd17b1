"""Seconds as people say them."""

import pytest

from generation.templatetags.ages import age


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "\N{EN DASH}"),
        (0, "1 s"),
        (0.2, "1 s"),
        (42, "42 s"),
        (119, "119 s"),
        (180.4, "3 min"),
        (7_200, "2 h"),
        (259_200, "3 d"),
    ],
)
def test_the_largest_unit_of_which_there_are_two_is_told(seconds, words) -> None:
    assert age(seconds) == words
