"""Reference pictures: the one that the operator offers, kept by its contents."""

import hashlib
import io
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError

from generation.models import ReferenceImage
from generation.spec.errors import ReferenceMissing, gettext_noop

# They stand there since the reader of uploads may import nothing else; both doors share them.
from generation.uploads.rebuild import FORMATS, MAX_ASPECT, MAX_FILE_BYTES, MAX_SIDE

UNREADABLE = (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError)
"""What the file system and Pillow raise over missing, foreign and broken files."""

GONE = gettext_noop(
    "%(field)s was %(value)s, but the chosen reference picture is no longer here; choose another."
)

_SEEN: dict[tuple[str, int, int], str] = {}


def offered() -> str:
    """The digest of the picture that IMAGEN_REFERENCE names, kept in the database from now on.

    An unchanged file is read once by a process. Raises ReferenceMissing when it is not there or
    cannot be used.
    """
    name = settings.IMAGEN_REFERENCE
    path = Path(settings.IMAGEN_REFERENCE_DIR) / name
    try:
        status = path.stat()
        key = (str(path), status.st_mtime_ns, status.st_size)
        if key not in _SEEN or not ReferenceImage.objects.filter(pk=_SEEN[key]).exists():
            _SEEN[key] = _keep(name, _read(path))
        return _SEEN[key]
    except UNREADABLE as error:
        template = gettext_noop(
            "%(field)s was %(value)s, but the reference picture reference/%(name)s cannot be read: "
            "%(reason)s. Send 0 to do without; the operator puts it back or names another by "
            "IMAGEN_REFERENCE."
        )
        raise ReferenceMissing(template, name=name, reason=_reason(error)) from error


def hold(digest: str) -> bool:
    """Keep a picture from being discarded until the caller's transaction ends, which will use it.

    Waits for one that is discarding it. False: it is gone.
    """
    rows = ReferenceImage.objects.select_for_update(no_key=True).filter(pk=digest)
    return rows.values("pk").first() is not None


def discard_unused(digest: str) -> None:
    """Remove a picture that no job and no upload has any more. In the caller's transaction.

    Who holds it to use it goes first, and is seen here.
    """
    picture = ReferenceImage.objects.filter(pk=digest)
    picture.select_for_update().values("pk").first()
    picture.filter(jobs__isnull=True, uploads__isnull=True).delete()


def _keep(name: str, file: bytes) -> str:
    """The digest under which the file stands in the database; of two writers one is the first."""
    digest = hashlib.sha256(file).hexdigest()
    ReferenceImage.objects.get_or_create(digest=digest, defaults={"name": name, "file": file})
    return digest


def _read(path: Path) -> bytes:
    """The file, when it is a picture that the encoder can take. Raises one of UNREADABLE else."""
    if path.stat().st_size > MAX_FILE_BYTES:
        raise OSError(_("it is larger than %(most)d MB") % {"most": MAX_FILE_BYTES >> 20})
    file = path.read_bytes()
    with Image.open(io.BytesIO(file), formats=FORMATS) as image:
        longer, shorter = max(image.size), min(image.size)
        if longer > MAX_SIDE or longer > MAX_ASPECT * shorter:
            sizes = {"width": image.width, "height": image.height}
            most = {"side": MAX_SIDE, "times": MAX_ASPECT}
            raise OSError(
                _(
                    "it has %(width)d x %(height)d pixels; up to %(side)d a side, and one side up "
                    "to %(times)d times the other, can be followed"
                )
                % (sizes | most)
            )
        image.load()
    return file


def _reason(error: Exception) -> str:
    """Without the server's folders."""
    if isinstance(error, UnidentifiedImageError):
        return _("it is no %(formats)s picture") % {"formats": ", ".join(FORMATS)}
    if isinstance(error, FileNotFoundError):
        return _("it is not there")
    return getattr(error, "strerror", None) or str(error)
