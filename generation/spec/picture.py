"""What a pipeline gives back."""

from dataclasses import dataclass

from generation.spec.formats import FileFormat


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One finished picture. file: whole, in this format, with its settings inside.

    adjustments: codes of spec.adjustments, of what little memory had changed.
    """

    file: bytes
    format: FileFormat
    width: int
    height: int
    adjustments: tuple[str, ...] = ()
