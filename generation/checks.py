"""System checks: settings that would break the queue or the models, found before they do."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

from generation import conf, folders


@register()
def check_profile(**kwargs: object) -> Sequence[CheckMessage]:
    """imagen.W002: new jobs are refused, because the chosen profile's weights are not there."""
    profile = conf.profile()
    if profile.is_installed:
        return []
    return [
        Warning(
            f"The profile {profile.name} is not installed, so new jobs are refused: "
            f"{profile.folder} is not complete.",
            hint=f"{profile.remedy} Or choose another profile by IMAGEN_PROFILE.",
            id="imagen.W002",
        )
    ]


@register()
def check_reference(**kwargs: object) -> Sequence[CheckMessage]:
    """imagen.W003: jobs with ip_strength above 0 are refused."""
    path = Path(settings.IMAGEN_REFERENCE_DIR) / settings.IMAGEN_REFERENCE
    if path.is_file():
        return []
    return [
        Warning(
            f"The reference picture {path} is not there, so jobs that ask for one are refused.",
            hint="Put it there, or name another file of that folder by IMAGEN_REFERENCE.",
            id="imagen.W003",
        )
    ]


@register()
def check_media(**kwargs: object) -> Sequence[CheckMessage]:
    """imagen.E002: finished pictures could not be stored."""
    try:
        # Where it is to be made; a check makes none, which would be of whoever runs it.
        with tempfile.TemporaryFile(dir=folders.nearest(Path(settings.MEDIA_ROOT))):
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
