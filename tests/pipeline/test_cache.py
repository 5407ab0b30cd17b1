"""What was computed once is found by its key, within bounds."""

import pytest
import torch

from generation.pipeline.cache import TensorCache


def kilobyte() -> tuple[torch.Tensor]:
    return (torch.zeros(256),)


def never() -> tuple[torch.Tensor]:
    raise AssertionError("made again")


def test_a_key_is_made_once() -> None:
    cache = TensorCache(4096)
    made = cache.get_or_make("a", kilobyte)
    assert cache.get_or_make("a", never) is made


def test_what_was_used_longest_ago_goes_first() -> None:
    cache = TensorCache(2 * 1024)
    for key in ("a", "b", "a", "c"):
        cache.get_or_make(key, kilobyte)
    cache.get_or_make("a", never)
    cache.get_or_make("c", never)
    assert cache.size_bytes == 2048
    with pytest.raises(AssertionError, match="made again"):
        cache.get_or_make("b", never)


def test_what_is_larger_than_the_cache_pushes_nothing_out() -> None:
    cache = TensorCache(1024)
    cache.get_or_make("a", kilobyte)
    cache.get_or_make("large", lambda: (torch.zeros(1024),))
    cache.get_or_make("a", never)
    assert cache.size_bytes == 1024


def test_what_fails_is_not_kept() -> None:
    cache = TensorCache(1024)
    with pytest.raises(AssertionError):
        cache.get_or_make("a", never)
    assert cache.get_or_make("a", kilobyte)
