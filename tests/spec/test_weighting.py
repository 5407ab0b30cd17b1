"""Nesting is measured as Compel's parser would meet it."""

import time

import pytest

from generation.spec.weighting import nesting_depth


@pytest.mark.parametrize(
    ("prompt", "depth"),
    [
        ("", 0),
        ("a cat", 0),
        ("(cat)1.3", 1),
        ("((cat)++ (dog))", 2),
        (")))((", 2),
        ("((((((", 6),
        (r"\(\(\( smile", 0),
        (r"\\(a)", 1),
    ],
)
def test_depth_counts_open_parentheses(prompt: str, depth: int) -> None:
    assert nesting_depth(prompt) == depth


def test_depth_of_a_hostile_prompt_is_found_quickly() -> None:
    began = time.perf_counter()
    assert nesting_depth("(" * 10_000) == 10_000
    assert time.perf_counter() - began < 0.05
