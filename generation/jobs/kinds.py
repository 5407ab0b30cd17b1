"""Kinds of pictures: all that the time of painting depends on, but for the worker."""

from bisect import bisect_right
from dataclasses import dataclass

from generation.spec.request import GenerationRequest

PROMPT_SIZES = [351, 1501, 4001]
"""From so many characters of both prompts on, reading them takes notably longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a picture's duration depends on. prompt_size: how many of PROMPT_SIZES it reaches."""

    profile: str
    width: int
    height: int
    steps: int
    has_reference: bool
    has_guidance: bool = True
    prompt_size: int = 0

    @property
    def work(self) -> int:
        """In pixels denoised; guidance denoises each twice."""
        return self.steps * self.width * self.height * (2 if self.has_guidance else 1)


def kind_of(request: GenerationRequest) -> Kind:
    """The kind of what is asked for."""
    return Kind(
        profile=request.profile,
        width=request.width,
        height=request.height,
        steps=request.steps,
        has_reference=request.ip_strength > 0,
        has_guidance=request.guidance_scale > 1,
        prompt_size=prompt_size(len(request.prompt) + len(request.negative_prompt)),
    )


def prompt_size(chars: int) -> int:
    """As PostgreSQL's width_bucket(chars, PROMPT_SIZES)."""
    return bisect_right(PROMPT_SIZES, chars)
