"""What the templates draw and say: icons, the style sheet's shapes, numbers and durations."""

import math

from django import template
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from generation.web.orders import SHAPES

register = template.Library()

ICONS = {
    "paint": '<path d="M4 20c3 0 5-1 5-4a2.5 2.5 0 0 0-5 0c0 2-1 3-2 3.5.6.3 1.3.5 2 .5zM9.5 14 20 '
    '3.5a1.4 1.4 0 0 0-2-2L8 12"/>',
    "pictures": '<path d="M3 4h8v9H3zM14 4h7v5h-7zM14 12h7v8h-7zM3 16h8v4H3z"/>',
    "account": '<circle cx="12" cy="8" r="4"/><path d="M4 21c1-5 4-6.5 8-6.5s7 1.5 8 6.5"/>',
    "copy": '<rect x="8" y="8" width="12" height="12" rx="1.5"/><path d="M16 8V4H4v12h4"/>',
    "download": '<path d="M12 4v11m-5-4.5 5 5 5-5M5 20h14"/>',
    "delete": '<path d="M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13M10.5 11v5M13.5 11v5"/>',
    "again": '<path d="M4 12a8 8 0 0 1 14-5.3L20 9M20 4v5h-5M20 12a8 8 0 0 1-14 5.3L4 15M4 20v-5h5'
    '"/>',
    "error": '<circle cx="12" cy="12" r="9"/><path d="M12 7.5v5.5M12 16.3h.01"/>',
    "dice": '<rect x="4" y="4" width="16" height="16" rx="3"/><path d="M8.5 8.5h.01M15.5 15.5h.01M1'
    '2 12h.01M15.5 8.5h.01M8.5 15.5h.01" stroke-width="2.4"/>',
    "search": '<circle cx="11" cy="11" r="6.5"/><path d="m16 16 4.5 4.5"/>',
    "stop": '<path d="m6 6 12 12M18 6 6 18"/>',
    "vary": '<path d="M4 17c4 0 4-10 8-10s4 10 8 10M4 12h2M18 12h2"/>',
    "newer": '<path d="m14.5 5-7 7 7 7"/>',
    "older": '<path d="m9.5 5 7 7-7 7"/>',
}

MINUTE, HOUR, DAY = 60, 3600, 86_400
TOLD_TO = (
    (20, 1),
    (MINUTE, 5),
    (2 * MINUTE, 10),
    (20 * MINUTE, MINUTE),
    (HOUR, 5 * MINUTE),
    (10 * HOUR, 10 * MINUTE),
    (2 * DAY, HOUR),
)
"""Below so many seconds a duration is told to so many: no exacter than anybody can know it."""


@register.simple_tag
def icon(name: str) -> SafeString:
    """An icon that stands beside words and is not read out."""
    return format_html(
        '<svg class="icon" viewBox="0 0 24 24" aria-hidden="true">{}</svg>',
        mark_safe(ICONS[name]),
    )


@register.simple_tag
def shape(width: int, height: int) -> str:
    """The style sheet's class of the nearest shape: inline styles are not allowed."""
    ratio = width / height
    return "r-" + min(SHAPES, key=lambda shape: abs(shape.width / shape.height - ratio)).key


@register.filter
def grouped(number: int) -> str:
    """2841907336 as 2 841 907 336, with narrow no-break spaces."""
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


@register.filter
def short(number: float) -> str:
    """1.2100000002 as 1.21, with the language's decimal sign."""
    return number_format(f"{number:.3g}")


@register.filter
def duration(seconds: float | None, rounding: str = "") -> str:
    """12 s, 40 s, 3 min or 1 h 10 min, in narrow no-break spaces; a dash for None.

    About as exact as a person would put it, and at least a second. rounding: "up" for a duration
    that must not be told too short.
    """
    if seconds is None:
        return "\N{EN DASH}"
    rest = _rounded(seconds, is_up=rounding == "up")
    if rest < 2 * MINUTE:
        words = _("%(count)d s") % {"count": rest}
    elif rest < HOUR:
        words = _("%(count)d min") % {"count": rest // MINUTE}
    elif rest >= 2 * DAY:
        words = _("%(count)d d") % {"count": rest // DAY}
    elif rest % HOUR:
        minutes = rest % HOUR // MINUTE
        words = _("%(hours)d h %(minutes)d min") % {"hours": rest // HOUR, "minutes": minutes}
    else:
        words = _("%(count)d h") % {"count": rest // HOUR}
    return words.replace(" ", "\N{NARROW NO-BREAK SPACE}")


def _rounded(seconds: float, *, is_up: bool) -> int:
    """To whole seconds, minutes or hours as TOLD_TO has it; halves go up."""
    unit = next((unit for below, unit in TOLD_TO if seconds < below), DAY)
    count = math.ceil(seconds / unit - 1e-9) if is_up else math.floor(seconds / unit + 0.5)
    return max(1, count * unit)
