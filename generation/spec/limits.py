"""Bounds and defaults of a request. They come in as a value: nothing here reads a setting."""

from dataclasses import dataclass
from typing import Generic, TypeVar

MAX_SEED = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly (RFC 8259, section 6)."""

SIZE_MULTIPLE = 8
"""A side must divide by the VAE's down-sampling factor."""


Number = TypeVar("Number", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range(Generic[Number]):
    """What a field accepts, both ends included, and what it is where a request leaves it out."""

    minimum: Number
    maximum: Number
    default: Number

    def __contains__(self, value: float) -> bool:
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may ask for of a profile that has no steps and guidance of its own.

    Sizes are always the profile's matter.
    """

    max_prompt_chars: int = 10_000
    default_steps: int = 30
    max_steps: int = 100
    default_guidance_scale: float = 7.5
    max_guidance_scale: float = 30.0
