"""Imagen's settings, read when they are asked for, in the shapes that the other parts take."""

from pathlib import Path

from django.conf import settings

from generation.spec.limits import Limits
from generation.spec.profiles import (
    PATH_PREFIX,
    ModelProfile,
    at_path,
    find_profile,
    known_profiles,
)


def limits() -> Limits:
    return Limits(
        max_prompt_chars=settings.IMAGEN_MAX_PROMPT_CHARS,
        default_steps=settings.IMAGEN_DEFAULT_STEPS,
        max_steps=settings.IMAGEN_MAX_STEPS,
        default_guidance_scale=settings.IMAGEN_DEFAULT_GUIDANCE,
        max_guidance_scale=settings.IMAGEN_MAX_GUIDANCE,
    )


def profiles() -> dict[str, ModelProfile]:
    """All profiles that can be asked for by name, installed or not."""
    by_path = (at_path(folder) for folder in settings.IMAGEN_MODELS)
    return known_profiles(settings.IMAGEN_MODELS_DIR, *by_path)


def servable_profiles() -> list[str]:
    """The names of those whose weights are on this host: what a worker here can paint."""
    return [name for name, profile in profiles().items() if profile.is_installed]


def profile() -> ModelProfile:
    """The profile of a job that names none."""
    chosen: str = settings.IMAGEN_PROFILE
    if chosen.startswith(PATH_PREFIX):
        return at_path(Path(chosen.removeprefix(PATH_PREFIX)))
    return find_profile(chosen, profiles())
