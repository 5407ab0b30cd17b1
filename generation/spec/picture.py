"""What a pipeline gives back."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One finished picture. png: a whole 8-bit RGB file with its settings in a text chunk.

    adjustments: codes of spec.adjustments, of what little memory had changed.
    """

    png: bytes
    width: int
    height: int
    adjustments: tuple[str, ...] = ()
