"""Imagen's settings, read when they are asked for, in the shapes that the other parts take."""

from django.conf import settings

from generation.spec.limits import Limits
from generation.spec.profiles import ModelProfile, find_profile


def limits() -> Limits:
    return Limits(
        max_prompt_chars=settings.IMAGEN_MAX_PROMPT_CHARS,
        default_steps=settings.IMAGEN_DEFAULT_STEPS,
        max_steps=settings.IMAGEN_MAX_STEPS,
        default_guidance_scale=settings.IMAGEN_DEFAULT_GUIDANCE,
        max_guidance_scale=settings.IMAGEN_MAX_GUIDANCE,
    )


def profile() -> ModelProfile:
    """The profile that new jobs are painted with."""
    return find_profile(settings.IMAGEN_PROFILE)
