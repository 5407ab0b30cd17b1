"""What was changed so that a picture could be painted with little memory, as its owner reads it."""

from collections.abc import Iterable, Mapping

from generation.spec.errors import gettext_noop

TILED_DECODE = "tiled_decode"
SMALLER_PLAN = "smaller_plan"
ADJUSTMENTS: Mapping[str, str] = {
    TILED_DECODE: gettext_noop(
        "Graphics memory ran short at the end: the colours were made tile by tile, which can differ"
        " a little."
    ),
    SMALLER_PLAN: gettext_noop(
        "Graphics memory ran short: this worker goes on with less of it, more slowly."
    ),
}
"""Each code that a picture can carry, with its sentence."""


def known_adjustments(codes: Iterable[str]) -> list[str]:
    """Those of this release; a row's codes may be of another one."""
    return [code for code in codes if code in ADJUSTMENTS]
