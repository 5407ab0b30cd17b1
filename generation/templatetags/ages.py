"""Seconds as people say them."""

import math

from django import template
from django.utils.translation import gettext as _

register = template.Library()


@register.filter
def age(seconds: float | None) -> str:
    """42 s, 12 min, 5 h or 3 d: the largest unit of which there are two; a dash for None.

    Seconds are rounded up: nothing takes none.
    """
    if seconds is None:
        return "\N{EN DASH}"
    for size, words in (
        (86_400, _("%(count)d d")),
        (3_600, _("%(count)d h")),
        (60, _("%(count)d min")),
    ):
        if seconds >= 2 * size:
            return words % {"count": seconds // size}
    return _("%(count)d s") % {"count": max(1, math.ceil(seconds))}
