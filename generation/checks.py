"""System checks: settings that would break the queue or the models, found before they do."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from generation import conf


@register()
def check_profile(**kwargs: object) -> Sequence[CheckMessage]:
    """imagen.E001: the chosen profile's weights are not there."""
    profile = conf.profile()
    if profile.is_installed:
        return []
    return [
        Error(
            f"The profile {profile.name} is not installed: {profile.folder} holds no "
            "model_index.json.",
            hint="Restore the folder, or choose another profile by IMAGEN_PROFILE.",
            id="imagen.E001",
        )
    ]


@register()
def check_media(**kwargs: object) -> Sequence[CheckMessage]:
    """imagen.E002: finished pictures could not be stored."""
    folder = Path(settings.MEDIA_ROOT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return []
    except OSError as error:
        hint = "Make it writable for this account, or choose another folder by IMAGEN_MEDIA_ROOT."
        return [Error(f"Pictures cannot be stored: {error}.", hint=hint, id="imagen.E002")]


@register()
def check_fault(**kwargs: object) -> Sequence[CheckMessage]:
    """imagen.W001: faults are injected on purpose."""
    if not settings.IMAGEN_FAULT:
        return []
    return [
        Warning(
            f"IMAGEN_FAULT={settings.IMAGEN_FAULT}: every job meets this fault on purpose.",
            hint="Unset it outside rehearsals.",
            id="imagen.W001",
        )
    ]
