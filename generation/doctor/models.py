"""The models' weights on this host, and the reference picture."""

from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from PIL import Image

from generation import conf
from generation.doctor.finding import Finding, bad, ok, one_line, warning
from generation.jobs.references import UNREADABLE
from generation.spec.errors import ModelUnavailable
from generation.spec.folder import UnusableFolder, check_folder
from generation.spec.installation import RECORD, read_record
from generation.spec.profiles import ModelProfile
from generation.uploads.rebuild import FORMATS


def examine(*, is_deep: bool = False) -> Iterable[Finding]:
    """The profile of jobs that name none, all others that are here, and the reference picture.

    is_deep: read every recorded file and compare its contents, not its size alone.
    """
    default = conf.profile()
    others = [profile for profile in conf.profiles().values() if profile.name != default.name]
    yield _model(default, is_default=True, is_deep=is_deep)
    for profile in others:
        if _is_here(profile):
            yield _model(profile, is_default=False, is_deep=is_deep)
    absent = [profile for profile in others if not _is_here(profile)]
    if absent:
        names = ", ".join(profile.name for profile in absent)
        command = absent[0].install_command if len(absent) == 1 else "manage.py profiles"
        yield ok("more", f"{names}: not installed, not needed", command)
    yield _reference()


def _is_here(profile: ModelProfile) -> bool:
    """Whether it was ever installed; a folder without a record is one that was broken off."""
    return not profile.install_command or (profile.folder / RECORD).exists()


def _model(profile: ModelProfile, *, is_default: bool, is_deep: bool) -> Finding:
    """Bad for the model of jobs that name none; another one leaves the service at work."""
    fault = bad if is_default else warning
    called = f"{profile.name}, the default," if is_default else profile.name
    if not _is_here(profile):
        return fault("model", f"{called} is not installed", profile.install_command)
    try:
        check_folder(profile, is_deep=is_deep)
        contents = _contents(profile, is_deep=is_deep)
    except UnusableFolder as error:
        return fault("model", one_line(f"{called} {error.words}"), _remedy(profile, error.remedy))
    except (ModelUnavailable, OSError) as error:
        return fault("model", one_line(f"{called}: {error}"), _remedy(profile, profile.remedy))
    return ok("model", f"{called} is whole: {contents}")


def _remedy(profile: ModelProfile, sentence: str) -> str:
    """The command alone, where it is that which helps."""
    return (
        profile.install_command
        if sentence == profile.remedy and profile.install_command
        else sentence
    )


def _contents(profile: ModelProfile, *, is_deep: bool) -> str:
    """How much there is, and how closely it was compared."""
    record = read_record(profile.folder)
    if record is None:
        weights = list(profile.folder.rglob("*.safetensors"))
        size_bytes = sum(path.stat().st_size for path in weights)
        return f"{len(weights)} files of weights, {size_bytes / 1e6:,.0f} MB"
    compared = "contents" if is_deep else "sizes"
    return f"{len(record.files)} files, {record.size_bytes / 1e9:.1f} GB, {compared} as recorded"


def _reference() -> Finding:
    path = Path(settings.IMAGEN_REFERENCE_DIR) / settings.IMAGEN_REFERENCE
    try:
        with Image.open(path, formats=FORMATS) as image:
            image.verify()
    except UNREADABLE as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        return warning(
            "reference",
            one_line(f"{path.name}: {reason}, so ip_strength is refused"),
            f"put a PNG, JPEG or WebP at {path}, or name another by IMAGEN_REFERENCE",
        )
    return ok("reference", f"{path.name}, {image.width} x {image.height} px")
