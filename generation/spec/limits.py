"""Bounds and defaults of a request. They come in as a value: nothing here reads a setting."""

from dataclasses import dataclass

MAX_SEED = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly (RFC 8259, section 6)."""

SIZE_MULTIPLE = 8
"""A side must divide by the VAE's down-sampling factor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a request may ask for. Sizes are the profile's own matter."""

    max_prompt_chars: int = 10_000
    default_steps: int = 30
    max_steps: int = 100
    default_guidance_scale: float = 7.5
    max_guidance_scale: float = 30.0
