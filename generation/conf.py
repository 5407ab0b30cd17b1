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
    chosen = settings.IMAGEN_PROFILE
    further = [at_path(Path(chosen.removeprefix(PATH_PREFIX)))] if _is_path(chosen) else []
    return known_profiles(settings.IMAGEN_MODELS_DIR, *further)


def profile() -> ModelProfile:
    """The profile of a job that names none."""
    chosen = settings.IMAGEN_PROFILE
    name = at_path(Path(chosen.removeprefix(PATH_PREFIX))).name if _is_path(chosen) else chosen
    return find_profile(name, profiles())


def _is_path(chosen: str) -> bool:
    return bool(chosen.startswith(PATH_PREFIX))
