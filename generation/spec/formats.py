"""The formats that a finished picture can have as a file."""

from dataclasses import dataclass

from generation.spec.errors import gettext_noop


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFormat:
    """One format. name: as requests ask for it; title: for people, to be translated.

    suffix: of a file's name, with its dot; two formats may share one. bits: of one colour of one
    pixel.
    """

    name: str
    title: str
    suffix: str
    content_type: str
    bits: int = 8


PNG = FileFormat(name="png", title="PNG", suffix=".png", content_type="image/png")
PNG16 = FileFormat(
    name="png16", title=gettext_noop("16-bit PNG"), suffix=".png", content_type="image/png", bits=16
)
WEBP = FileFormat(name="webp", title="WebP", suffix=".webp", content_type="image/webp")
JPEG = FileFormat(name="jpeg", title="JPEG", suffix=".jpg", content_type="image/jpeg")

FORMATS = {known.name: known for known in (PNG, PNG16, WEBP, JPEG)}
SUFFIXES = tuple(dict.fromkeys(known.suffix for known in FORMATS.values()))
CONTENT_TYPES = tuple(dict.fromkeys(known.content_type for known in FORMATS.values()))
