"""What the miniature knows, for those who wonder what to ask of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from generation.api.hints import Adviser
from generation.spec.hints import words_for
from generation.spec.profiles import MINIATURE
from generation.spec.world import LIGHTS, PALETTES, PLACES, STYLES, THINGS

GROUPS = (
    (pgettext_lazy("of a picture", "Light"), LIGHTS),
    (gettext_lazy("Places"), PLACES),
    (gettext_lazy("Things"), THINGS),
    (gettext_lazy("Colours"), PALETTES),
    (gettext_lazy("Styles"), STYLES),
)
EXAMPLES = (
    gettext_lazy("snowy mountains behind a lake at sunset, oil painting"),
    gettext_lazy("northern lights above a pine forest, night, stars"),
    gettext_lazy("a sailing ship on the sea at dawn, watercolour"),
    gettext_lazy("a city at night, neon lights, rainbow, pixel art"),
    gettext_lazy("a castle in the mist, full moon, ink drawing"),
    gettext_lazy("a dragon above the desert, pyramids, red tones"),
)
"""Prompts whose every word it knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Concepts of one kind, each in all the words of one language that name it."""

    label: str | Promise
    concepts: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A prompt, and the form with it."""

    prompt: str
    address: str


@login_required
@require_safe
@never_cache
def show(request: HttpRequest) -> HttpResponse:
    context = {
        "title": MINIATURE.title,
        "groups": _groups(get_language() or "en"),
        "examples": [_example(str(prompt)) for prompt in EXAMPLES],
        "adviser": Adviser(is_operator=request.user.is_staff),
    }
    return render(request, "generation/miniature.html", context)


def _groups(language: str) -> list[Group]:
    return [
        Group(label=label, concepts=[words_for(concept, language) for concept in concepts])
        for label, concepts in GROUPS
    ]


def _example(prompt: str) -> Example:
    query = urlencode({"prompt": prompt, "profile": MINIATURE.name})
    return Example(prompt=prompt, address=f"{reverse('web:create')}?{query}")
